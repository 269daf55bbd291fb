"""What systemd is sent: READY, STATUS, WATCHDOG, RELOADING, STOPPING (see sd_notify(3))."""

from __future__ import annotations

import os
import time

from systemd.daemon import notify


class Notifier:
    """Notifies the service manager, if there is one.

    systemd-python raises if no one listens any more; that must not end the daemon.
    """

    def __init__(self) -> None:
        interval_us = os.environ.get("WATCHDOG_USEC", "")
        self._watchdog_s = int(interval_us) / 1e6 if interval_us.isdigit() else None
        self._fed_at = float("-inf")
        self._status = ""

    def send(self, state: str) -> None:
        """Send one notification."""
        try:
            notify(state)
        except OSError:
            return

    def ready(self) -> None:
        """Startup, or a reload, is complete."""
        self.send("READY=1")

    def stopping(self) -> None:
        """The daemon is ending."""
        self.send("STOPPING=1")

    def reloading(self) -> None:
        """The configuration is being reread."""
        monotonic_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}")

    def status(self, text: str) -> None:
        """The line that `systemctl status` shows; sent only when it changes."""
        if text != self._status:
            self._status = text
            self.send(f"STATUS={text}")

    def feed_watchdog(self) -> None:
        """The scheduler has made progress; sent at most four times per interval."""
        if self._watchdog_s is None:
            return
        now = time.monotonic()
        if now - self._fed_at >= self._watchdog_s / 4:
            self._fed_at = now
            self.send("WATCHDOG=1")
