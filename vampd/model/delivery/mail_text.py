"""The mail that carries manifests to STARS, from a template and a few values.

A template is plain text: the line ``Subject: ...``, an empty line, the body. Its words ``$dates``,
``$files``, ``$size``, ``$bytes``, ``$ip`` and ``$manifest`` are filled in; ``$$`` is a dollar sign.
``$replaced`` is a paragraph with the frame IDs that were announced before with other bytes, or
nothing; a template without it gets that paragraph at its end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from string import Template
from textwrap import fill
from typing import TYPE_CHECKING

from vampd.errors import ConfigError
from vampd.model.delivery.mailing import ManifestFile
from vampd.model.delivery.manifest import (
    Manifest,
    combine_manifests,
    format_manifest,
    parse_manifest,
)
from vampd.model.delivery.spans import name_spans
from vampd.model.frame_ids import FrameId
from vampd.model.proofs import text_bytes
from vampd.model.size import format_size

if TYPE_CHECKING:
    # The machinery of mail takes long to import, and most who import this room send none.
    from email.message import EmailMessage

DEFAULT_TEMPLATE = """\
Subject: VMP manifest $dates

Dear STARS team,

the attached manifest lists VAMPIRES frames that are ready to be taken in.

Nights (UT): $dates
Files:       $files
Total size:  $size ($bytes bytes)
Data host:   $ip
$replaced
Please tell us when they are in STARS.

Best regards,
SCExAO
"""
_WORDS = frozenset({"dates", "files", "size", "bytes", "ip", "manifest", "replaced"})
_SUBJECT = "Subject:"
_REPLACED = """\
Of these, the following were announced before and were made again since:
the files under these frame IDs have other bytes now. Please replace what
STARS has of them:"""


@dataclass(frozen=True)
class ManifestText:
    """A manifest with its whole text."""

    file: ManifestFile
    text: str

    @property
    def manifest(self) -> Manifest:
        """What it says. DataError ``manifest_damaged``."""
        return parse_manifest(self.text)


@dataclass(frozen=True)
class MailText:
    """What a mail says: its subject and body, and the one manifest that goes with it."""

    subject: str
    body: str
    manifest: Manifest
    attachment: str
    attachment_name: str


def check_template(template: str) -> None:
    """ConfigError ``mail_template`` unless this is a template that can be filled in."""
    subject, _, body = template.partition("\n")
    problem = None
    if not subject.startswith(_SUBJECT) or not subject.removeprefix(_SUBJECT).strip():
        problem = f"its first line must be '{_SUBJECT} ...', found {subject[:80]!r}"
    elif not body.startswith("\n"):
        problem = "an empty line must follow the subject"
    elif not Template(template).is_valid():
        problem = "a '$' that does not start a word is written '$$'"
    elif unknown := sorted(set(Template(template).get_identifiers()) - _WORDS):
        problem = f"${unknown[0]} is not a word of it; the words are ${', $'.join(sorted(_WORDS))}"
    if problem:
        raise ConfigError("mail_template", f"the template of the mail cannot be used: {problem}")


def write_mail_text(
    template: str,
    manifests: tuple[ManifestText, ...],
    data_host_ip: str,
    replaced: Collection[FrameId] = (),
) -> MailText:
    """The mail with these manifests, which may be of several nights.

    ``replaced`` are IDs that were announced before with other bytes; it names those that it lists.
    DataError ``manifest_duplicate``, ``manifest_damaged``; ConfigError ``mail_template``.
    """
    check_template(template)
    combined = combine_manifests([manifest.manifest for manifest in manifests])
    dates = sorted({manifest.file.night.date for manifest in manifests})
    if len(manifests) == 1:
        # Exactly the bytes in the night's folder.
        name, text = manifests[0].file.name, manifests[0].text
    else:
        name = f"manifest_VMP_{'_'.join(sorted({dates[0], dates[-1]}))}_combined.csv"
        text = format_manifest(combined)
    again = _describe_replaced(
        line.frame_id for line in combined.lines if line.frame_id in replaced
    )
    if again and "replaced" not in Template(template).get_identifiers():
        template += "$replaced"
    filled = Template(template).substitute(
        dates=", ".join(f"{date[:4]}-{date[4:6]}-{date[6:]}" for date in dates),
        files=str(combined.files),
        size=format_size(combined.bytes),
        bytes=str(combined.bytes),
        ip=data_host_ip,
        manifest=name,
        replaced=again,
    )
    subject, _, body = filled.partition("\n")
    return MailText(
        subject.removeprefix(_SUBJECT).strip(), body.removeprefix("\n"), combined, text, name
    )


def _describe_replaced(frame_ids: Iterable[FrameId]) -> str:
    """A paragraph between two line ends, '' for no IDs."""
    names = name_spans(map(str, sorted(frame_ids)))
    return f"\n{_REPLACED}\n{fill(names, 72)}\n" if names else ""


def compose_mail(
    mail_text: MailText, sender: str, recipients: tuple[str, ...], message_id: str, at: float
) -> EmailMessage:
    """The mail as it is sent, or a draft without sender or recipients; ``at`` is unix seconds."""
    mail = compose_text(mail_text.subject, mail_text.body, sender, recipients, message_id, at)
    # As bytes, so that its line ends are sent as they are.
    mail.add_attachment(
        text_bytes(mail_text.attachment),
        maintype="text",
        subtype="csv",
        filename=mail_text.attachment_name,
    )
    return mail


def compose_text(
    subject: str, body: str, sender: str, recipients: tuple[str, ...], message_id: str, at: float
) -> EmailMessage:
    """A mail without attachments; ``at`` is unix seconds."""
    from email.message import EmailMessage
    from email.policy import EmailPolicy
    from email.utils import format_datetime

    # Seven bits: not every mail server on the path accepts eight.
    mail = EmailMessage(policy=EmailPolicy(linesep="\r\n", cte_type="7bit", max_line_length=78))
    mail["Subject"] = subject
    if sender:
        mail["From"] = sender
    if recipients:
        mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(datetime.fromtimestamp(int(at), UTC))
    mail["Message-ID"] = message_id
    mail.set_content(body)
    return mail
