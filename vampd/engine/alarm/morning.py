"""One mail a morning: on record when it has left, so that no restart sends it twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from vampd.config import Mail
from vampd.config.mail import zone_of
from vampd.engine.mailing.warnings import send_warning
from vampd.errors import DataError, VampdError
from vampd.log import get_log
from vampd.model.alarm import (
    MORNING,
    Told,
    Trouble,
    due_morning,
    morning_since,
    write_morning,
)
from vampd.ports import AlarmLog, Mailer, MailLog, NightStore

_log = get_log()
_AGAIN_S = 600.0


class MorningMail:
    """Looks whether it is time, and mails ``mail.morning_recipients``."""

    def __init__(
        self,
        nights: NightStore,
        mail_log: MailLog,
        log: AlarmLog,
        open_mailer: Callable[[Mail], Mailer],
        host: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nights = nights
        self._mail_log = mail_log
        self._log = log
        self._open_mailer = open_mailer
        self._host = host
        self._clock = clock
        self._monotonic = monotonic
        self._try_at = float("-inf")
        # What was done, and could not be put on record.
        self._unrecorded: tuple[Told, ...] = ()

    def look(self, settings: Mail, troubles: Sequence[Trouble]) -> None:
        """Send the mail that is due, if any. VampdError, OSError where it could not look."""
        if not settings.morning_recipients or self._monotonic() < self._try_at:
            return
        self._record()
        now, zone = self._clock(), zone_of(settings.morning_zone)
        told = [*(one for one in self._log.told() if one.way == MORNING), *self._unrecorded]
        date = due_morning(now, settings.morning_at, zone, told)
        if date is None:
            return
        written = write_morning(
            self._nights.nights(),
            self._mail_log.correspondence().by_night(),
            troubles,
            since=morning_since(now, told),
            now=now,
            host=self._host,
        )
        if written is None:
            # Nothing to tell; looked at again tomorrow.
            self._keep(date, "none", now)
        elif self._send(settings, *written):
            self._keep(date, "sent", now)
        else:
            self._try_at = self._monotonic() + _AGAIN_S

    def _send(self, settings: Mail, subject: str, body: str) -> bool:
        recipients = settings.morning_recipients
        try:
            send_warning(settings, recipients, self._open_mailer, subject, body, self._clock())
        except DataError as error:
            _log.warning("morning.uncertain_sent", code=error.code, error=error.message)
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            _log.warning("morning.not_sent", code=code, error=str(error))
            return False
        else:
            _log.info("morning.sent", recipients=len(recipients))
        return True

    def _keep(self, date: str, what: str, now: float) -> None:
        self._unrecorded = (Told(MORNING, what, date, MORNING, now, over_at=now),)
        self._record()

    def _record(self) -> None:
        try:
            self._log.record(self._unrecorded)
        except (VampdError, OSError) as error:
            _log.warning("alarm.not_kept", error=str(error))
        else:
            self._unrecorded = ()
