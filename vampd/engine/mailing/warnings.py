"""Mails to those who are told of trouble, and of a morning: short texts, without attachments."""

from __future__ import annotations

from collections.abc import Callable

from vampd.config import Mail
from vampd.engine.mailing.manifests import new_message_id
from vampd.model.delivery import compose_text
from vampd.model.escapes import show, show_lines
from vampd.ports import Mailer

# Others wait to be told: a hanging mail server must not delay them long.
_PATIENCE_S = 30.0


def send_warning(
    settings: Mail,
    recipients: tuple[str, ...],
    open_mailer: Callable[[Mail], Mailer],
    subject: str,
    body: str,
    at: float,
) -> None:
    """Mail it to these, with what comes from outside shown as text.

    DataError if it may have been sent, another VampdError if it certainly was not.
    """
    sender = settings.sender or ""
    mail = compose_text(
        show(subject), show_lines(body), sender, recipients, new_message_id(settings), at
    )
    patience_s = min(settings.timeout_s, _PATIENCE_S)
    mailer = open_mailer(settings.model_copy(update={"timeout_s": patience_s}))
    mailer.send(sender, recipients, mail.as_bytes())
