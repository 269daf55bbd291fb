"""Mailing manifests: on record before the mail leaves, and never twice unless someone says so.

The order is: the row that records the intention; a line in each night's folder, which survives a
lost database; the mail; the row's outcome. Dying in between leaves a pending mailing, which counts
as *may have been sent*.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import make_msgid
from pathlib import Path

from vampd.config import Mail
from vampd.config.configured import read_configured
from vampd.disk.durable import replacing
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import read_whole
from vampd.errors import ConfigError, DataError, TransientError
from vampd.model.delivery import (
    DEFAULT_TEMPLATE,
    Mailing,
    MailOutcome,
    MailText,
    ManifestFile,
    ManifestText,
    Way,
    append_note,
    check_template,
    compose_mail,
    note_name,
)
from vampd.model.nights import NightId
from vampd.model.proofs import text_digest
from vampd.ports import Mailer, MailLog


@dataclass(frozen=True)
class MailContext:
    """What mailing needs; the mailer is opened only to send."""

    settings: Mail
    root: Path
    log: MailLog
    open_mailer: Callable[[Mail], Mailer]
    clock: Callable[[], float] = time.time


def load_template(settings: Mail) -> str:
    """The configured template, or the built-in one. ConfigError ``mail_template``."""
    if settings.template is None:
        return DEFAULT_TEMPLATE
    try:
        template = read_configured(settings.template)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "mail_template", f"cannot read mail.template {settings.template}: {error}"
        ) from error
    check_template(template)
    return template


def new_message_id(settings: Mail) -> str:
    """A unique message ID; its right side is the sender's domain, not this host."""
    return make_msgid(domain=(settings.sender or "").rpartition("@")[2] or "vampd.invalid")


def read_manifest_texts(
    folder: Path, manifests: Sequence[ManifestFile]
) -> tuple[ManifestText, ...]:
    """The texts of these manifests of one night; DataError ``manifest_changed``."""
    texts = []
    for manifest in manifests:
        text = read_whole(folder / manifest.name).decode("utf-8", "surrogateescape")
        if text_digest(text) != manifest.sha256:
            raise DataError(
                "manifest_changed",
                f"{folder / manifest.name} was changed a moment ago; a manifest never"
                " changes: find out who wrote there",
            )
        texts.append(ManifestText(manifest, text))
    return tuple(texts)


def send_manifest_mail(
    mail_context: MailContext,
    mail_text: MailText,
    manifests: Sequence[ManifestFile],
    *,
    despite: frozenset[str],
    actor: str,
) -> Mailing:
    """Send a mail with these manifests and record it; return the mailing, which is SENT.

    ``despite`` are the message IDs of earlier mailings of them that the actor knows of.
    TransientError or ConfigError: not sent. DataError ``mail_uncertain``: unknown. StateError
    ``mailed_meanwhile``: not sent, because another process does.
    """
    settings = mail_context.settings
    mailer = mail_context.open_mailer(settings)
    mailing = Mailing(
        message_id=new_message_id(settings),
        manifests=tuple(manifests),
        recipients=settings.recipients,
        way=settings.way,
        actor=actor,
        at=mail_context.clock(),
    )
    sender = settings.sender or ""
    mail = compose_mail(mail_text, sender, mailing.recipients, mailing.message_id, mailing.at)
    mail_context.log.intend(mailing, despite)
    failpoint("mailing.intent.committed")
    try:
        _note(mail_context.root, mailing)
        failpoint("mailing.intent.noted")
        mailer.send(sender, mailing.recipients, mail.as_bytes())
    except (TransientError, ConfigError) as error:
        _conclude(mail_context, mailing, MailOutcome.FAILED, error.message)
        raise
    except DataError as error:
        _conclude(mail_context, mailing, MailOutcome.UNCERTAIN, error.message)
        raise
    # Any other exception leaves it pending: the outcome is unknown.
    failpoint("mailing.mail.sent")
    _conclude(mail_context, mailing, MailOutcome.SENT, None)
    failpoint("mailing.outcome.committed")
    return mailing


def record_manual_mailing(
    mail_context: MailContext,
    manifests: Sequence[ManifestFile],
    *,
    despite: frozenset[str],
    actor: str,
) -> Mailing:
    """Record that these manifests were mailed manually. TransientError: nothing was recorded."""
    mailing = Mailing(
        message_id=new_message_id(mail_context.settings),
        manifests=tuple(manifests),
        recipients=mail_context.settings.recipients,
        way=Way.BY_HAND,
        actor=actor,
        at=mail_context.clock(),
    )
    mail_context.log.intend(mailing, despite)
    try:
        _note(mail_context.root, mailing)
    except TransientError as error:
        _conclude(mail_context, mailing, MailOutcome.FAILED, error.message)
        raise
    _conclude(mail_context, mailing, MailOutcome.SENT, None)
    return mailing


def _conclude(
    mail_context: MailContext, mailing: Mailing, outcome: MailOutcome, detail: str | None
) -> None:
    mail_context.log.conclude(mailing.message_id, outcome, at=mail_context.clock(), detail=detail)


def _note(root: Path, mailing: Mailing) -> None:
    nights: set[NightId] = {manifest.night for manifest in mailing.manifests}
    for night in sorted(nights):
        path = root / night.folder / note_name(night.date)
        try:
            text = read_whole(path).decode() if os.path.lexists(path) else None
            with replacing(path) as file:
                file.write(append_note(text, mailing, night).encode())
        except OSError as error:
            raise TransientError(
                "mail_not_noted",
                f"cannot write {path}: {error.strerror}; nothing was mailed or recorded: the sender"
                " must be able to write to the night's folder",
            ) from error
