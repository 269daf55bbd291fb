"""Reports once that a night has failed so often that a person is needed; it is still tried."""

from __future__ import annotations

import textwrap

from vampd.engine.mailing.manifests import MailContext
from vampd.engine.mailing.warnings import send_warning
from vampd.errors import VampdError
from vampd.log import get_log
from vampd.model.nights import NightRecord

_log = get_log()
_WIDTH = 76


def call_person(mail: MailContext, record: NightRecord) -> None:
    """Log it as an error, and mail ``mail.warn_recipients``; a failure of that is only logged."""
    _log.error(
        "night.person_needed", attempts=record.state.attempts, code=record.code, error=record.error
    )
    if not mail.settings.warn_recipients:
        return
    date = record.night.date
    subject = f"vampd: {date} needs a person ({record.code})"
    try:
        send_warning(mail.settings, mail.open_mailer, subject, _body(record), mail.clock())
    except (VampdError, OSError) as error:
        code = error.code if isinstance(error, VampdError) else "io_error"
        _log.warning("night.mail_failed", code=code, error=str(error))


def _body(record: NightRecord) -> str:
    date, state = record.night.date, record.state
    cause = textwrap.fill(f"{record.code}: {record.error}", _WIDTH, break_long_words=False)
    without = (
        f"`vampctl release {date}` lets it go on without the raw files that cannot\n"
        "be read, and sets these aside.\n"
        if record.refused
        else ""
    )
    return (
        f"The {record.night.kind} night {date} has failed {state.attempts} times at {state.stage}:"
        f"\n\n{cause}\n\n"
        "It is still tried, and goes on by itself once the cause is gone.\n"
        f"{without}"
        f"`vampctl why {date}` shows what you can do. This is reported once.\n"
    )
