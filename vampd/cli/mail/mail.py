"""vampctl mail: announce manifests to STARS."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.mail.confirming import YesOption, confirm
from vampd.cli.mail.manifest import (
    NightManifests,
    NightsArgument,
    cannot_write,
    find_manifests,
    refuse_damaged_manifests,
    refuse_lost,
    warnings,
)
from vampd.cli.shared.nights import choose_record
from vampd.cli.shared.output import write, write_lines
from vampd.cli.shared.requests import ask
from vampd.cli.shared.session import (
    ConfigOption,
    acting_or_asking,
    actor_name,
    reading,
)
from vampd.cli.shared.words import count_of, format_size
from vampd.errors import UsageError
from vampd.model.deed import Choices, Verb
from vampd.model.delivery import MailOutcome, MailState
from vampd.model.nights import Kind

if TYPE_CHECKING:
    from email.message import EmailMessage

    from vampd.model.delivery import MailText, ManifestText
    from vampd.wiring.connections import Connections

_DRAFT_SUFFIX = ".eml"

OutputOption = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE.eml",
        help="The draft's file. Default: mail_VMP_<dates>.eml in the current folder.",
        show_default=False,
    ),
]
SendOption = Annotated[bool, typer.Option("--send", help="Send it, and record that.")]
MarkOption = Annotated[
    bool, typer.Option("--mark-sent", help="Record that it was mailed manually, or has arrived.")
]


@dataclass(frozen=True)
class Choice:
    """The manifests of a mail, and the mailing state of those already mailed."""

    nights: tuple[NightManifests, ...]
    texts: tuple[ManifestText, ...]
    again: tuple[tuple[ManifestText, MailState], ...]

    @property
    def known_mailings(self) -> frozenset[str]:
        """The message IDs of the mailings that were known when this choice was made."""
        return frozenset(
            mailing.message_id
            for night in self.nights
            for mailing in night.correspondence.mailings
            if mailing.outcome is not MailOutcome.FAILED
        )


def mail(
    context: typer.Context,
    nights: NightsArgument,
    output: OutputOption = None,
    send: SendOption = False,
    mark_sent: MarkOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Draft or send the mail that announces nights to STARS.

    One combined manifest is attached. Of a night that was mailed before, only the new supplements
    are included; if there are none, everything is, and --send asks first. A mail that may have been
    sent, because the connection broke at the end, counts as mailed.
    """
    if send and mark_sent:
        raise UsageError("one_of_them", "--send or --mark-sent, not both: --send records it too")
    if output is not None and (send or mark_sent or output.suffix != _DRAFT_SUFFIX):
        raise UsageError(
            "not_a_draft",
            f"-o names a draft such as stars{_DRAFT_SUFFIX}; no other file is written",
        )
    with ExitStack() as stack:
        asks = False
        if send or mark_sent:
            acting = acting_or_asking(context, config, Verb.MAIL)
            connections, asks = stack.enter_context(acting)
        else:
            connections = stack.enter_context(reading(context, config))
        if asks:
            _ask_to_mail(connections, nights, send, yes)
            return
        from vampd.engine.mailing.manifests import load_template, new_message_id
        from vampd.model.delivery import compose_mail, write_mail_text

        settings = connections.settings.mail
        with ExitStack() as locks:
            if send or mark_sent:
                _lock(connections, nights, locks)
            choice = choose_manifests(find_manifests(connections, nights))
            refuse_damaged_manifests(connections, choice.nights)
            if mark_sent:
                _mark_sent(connections, choice, yes)
                return
            refuse_lost(connections, choice.texts)
            if send:
                # Before any question: what the configuration lacks.
                connections.mail_context.open_mailer(settings)
            ip = settings.data_host_ip or "(unknown: set mail.data_host_ip)"
            mail_text = write_mail_text(
                load_template(settings),
                choice.texts,
                ip,
                frozenset(one for night in choice.nights for one in night.replaced),
            )
            draft = compose_mail(
                mail_text,
                settings.sender or "",
                settings.recipients,
                new_message_id(settings),
                time.time(),
            )
            write_lines(_mail_lines(draft, mail_text))
            write_lines((*warnings(choice.nights), *_again_lines(choice)))
            if send:
                _send(connections, mail_text, choice, yes)
                return
    path = output or Path(f"mail_VMP_{_dates(choice)}{_DRAFT_SUFFIX}")
    _write_draft(path, draft)
    write(f"draft: {path.absolute()}")
    if settings.missing:
        write(f"still to fill in or configure: {', '.join(settings.missing)}")


def _ask_to_mail(connections: Connections, nights: Sequence[str], send: bool, yes: bool) -> None:
    """Ask for the mail of one night, with its manifests as they are seen."""
    found = find_manifests(connections, nights)
    if len(found) != 1:
        raise UsageError("one_of_them", "a member asks for the mail of one night at a time")
    choice = choose_manifests(found)
    write_lines(_again_lines(choice))
    if choice.again:
        confirm("mailed_already", "Some of this was mailed before. Ask for it again?", yes)
    write(
        ask(
            connections,
            found[0].record,
            Verb.MAIL,
            manifests=[text.file for text in found[0].texts],
            choices=Choices(send=send, again=bool(choice.again)),
        )
    )


def choose_manifests(nights: Sequence[NightManifests]) -> Choice:
    """Of each night what was not mailed yet, or everything if all of it was."""
    texts: list[ManifestText] = []
    again: list[tuple[ManifestText, MailState]] = []
    for night in nights:
        new = [text for text in night.texts if night.states[text.file] is MailState.UNMAILED]
        texts += new or night.texts
        again += [(text, night.states[text.file]) for text in ([] if new else night.texts)]
    return Choice(tuple(nights), tuple(texts), tuple(again))


def _lock(connections: Connections, nights: Sequence[str], locks: ExitStack) -> None:
    # So that vampd, if it mails automatically, does not take ours for one whose sender died.
    from vampd.wiring.locks import night_lock

    records = connections.store.nights()
    chosen = {choose_record(records, text, Kind.ARCHIVE).night for text in nights}
    for night in sorted(chosen):
        locks.enter_context(night_lock(connections.settings, night))


def _send(connections: Connections, mail_text: MailText, choice: Choice, yes: bool) -> None:
    from vampd.engine.mailing.manifests import send_manifest_mail

    if choice.again:
        confirm("mailed_already", "Some of this was mailed before. Send it again?", yes)
    mailing = send_manifest_mail(
        connections.mail_context,
        mail_text,
        [text.file for text in choice.texts],
        despite=choice.known_mailings,
        actor=actor_name(),
    )
    write(
        f"sent by {mailing.way} to {', '.join(mailing.recipients)}, on record as"
        f" {mailing.message_id}"
    )


def _mark_sent(connections: Connections, choice: Choice, yes: bool) -> None:
    from vampd.engine.mailing.manifests import record_manual_mailing

    for line in _again_lines(choice):
        write(line)
    # This option settles what may have been sent; only a known mail is worth a question.
    if any(state is not MailState.UNCERTAIN for _, state in choice.again):
        confirm("mailed_already", "Some of this is on record as mailed. Record it again?", yes)
    record_manual_mailing(
        connections.mail_context,
        [text.file for text in choice.texts],
        despite=choice.known_mailings,
        actor=actor_name(),
    )
    for text in choice.texts:
        write(f"{text.file.name}: recorded as mailed")


def _mail_lines(draft: EmailMessage, mail_text: MailText) -> Iterator[str]:
    for name in ("From", "To", "Subject"):
        yield f"{name}: {draft[name] or '(not configured)'}"
    yield ""
    yield from mail_text.body.rstrip("\n").split("\n")
    yield ""
    yield (
        f"attached: {mail_text.attachment_name}, {count_of(mail_text.manifest.files, 'file')},"
        f" {format_size(mail_text.manifest.bytes)}"
    )


def _again_lines(choice: Choice) -> Iterator[str]:
    for text, state in choice.again:
        yield f"{text.file.name}: {state}"


def _dates(choice: Choice) -> str:
    dates = sorted({text.file.night.date for text in choice.texts})
    return "_".join(sorted({dates[0], dates[-1]}))


def _write_draft(path: Path, draft: EmailMessage) -> None:
    from vampd.disk.durable import replacing
    from vampd.disk.reading import named_by_person

    # So that mail programs open it as an unsent mail.
    draft["X-Unsent"] = "1"
    try:
        with replacing(named_by_person(path)) as file:
            file.write(draft.as_bytes())
    except OSError as error:
        raise cannot_write(path, error) from error
