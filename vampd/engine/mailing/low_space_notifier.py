"""Mails a warning when a disk runs low, before it is an error; at most one each time.

It is low until there is space for what was needed when it began. That it was reported is on the
disk before the mail leaves, so that neither a restart nor another process reports it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vampd.config import Mail
from vampd.disk.durable import marker_value, place_marker, remove_marker
from vampd.engine.mailing.warnings import send_warning
from vampd.errors import DataError, VampdError
from vampd.log import get_log
from vampd.model.resources import LowSpace
from vampd.ports import Mailer

_log = get_log()


@dataclass(frozen=True)
class LowSpaceNotifier:
    """Whom and how to warn; ``folder`` holds the markers of what was reported."""

    settings: Mail
    folder: Path
    open_mailer: Callable[[Mail], Mailer]
    clock: Callable[[], float] = time.time

    def look(self, place: str, room_bytes: int) -> None:
        """Note that a place is not low; ``room_bytes`` are free beyond what should be."""
        try:
            wanted = marker_value(self.folder, place)
            if wanted is not None and room_bytes >= wanted:
                remove_marker(self.folder, place)
        except OSError as error:
            _log.warning("disk.unwatched", place=place, error=str(error))

    def warn(self, low: LowSpace) -> None:
        """Mail it, unless already mailed or without recipients; a failure is only logged."""
        if not self.settings.warn_recipients:
            return
        try:
            if not place_marker(self.folder, low.place, low.need.bytes):
                return
            self._send(low)
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            _log.warning("disk.warning_failed", place=low.place, code=code, error=str(error))

    def _send(self, low: LowSpace) -> None:
        try:
            send_warning(self.settings, self.open_mailer, low.subject, low.body, self.clock())
        except DataError:
            raise  # it may have been sent
        except VampdError:
            # Certainly not sent: the next stage retries.
            remove_marker(self.folder, low.place)
            raise
        recipients = len(self.settings.warn_recipients)
        _log.info("disk.warning_sent", place=low.place, recipients=recipients)
