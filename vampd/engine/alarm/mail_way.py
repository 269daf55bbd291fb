"""Telling by mail: ports.AlarmWay for ``mail.warn_recipients``."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vampd.config import Mail
from vampd.config.alarm import MAIL_WAY
from vampd.engine.mailing.warnings import send_warning
from vampd.model.alarm import AlarmMessage, AlarmState
from vampd.ports import Mailer


@dataclass(frozen=True)
class MailWay:
    """Mails each message to all who are warned."""

    settings: Mail
    open_mailer: Callable[[Mail], Mailer]
    clock: Callable[[], float] = time.time
    name: str = MAIL_WAY
    states: tuple[AlarmState, ...] = tuple(AlarmState)

    def tell(self, message: AlarmMessage) -> None:
        recipients = self.settings.warn_recipients
        send_warning(
            self.settings,
            recipients,
            self.open_mailer,
            message.subject,
            message.body,
            self.clock(),
        )
