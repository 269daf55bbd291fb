"""The threads that tell people, beside the loop: neither waits for the other, nor work for them.

One looks what is wrong and tells it, and sends the mail of a morning; one feeds the heartbeat, and
must not wait for a message that hangs. Whatever fails in them is logged and tried again. When vampd
ends, a message that is leaving has a few seconds for it, so that the next start need not tell it
again; what was not told yet, that start tells.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from vampd.config import Settings
from vampd.engine.alarm.heartbeat import Beating
from vampd.engine.alarm.morning import MorningMail
from vampd.engine.alarm.teller import Teller
from vampd.errors import VampdError
from vampd.log import get_log
from vampd.ports import AlarmWay, Heart

_log = get_log()
_LOOK_EVERY_S, _BEAT_EVERY_S = 5.0, 1.0
_ENDS_WITHIN_S = 5.0


@dataclass(frozen=True)
class AlarmParts:
    """What tells, and how; ``ways`` and ``heart`` are those of some settings."""

    teller: Teller
    morning: MorningMail
    beating: Beating
    ways: Callable[[Settings], Sequence[AlarmWay]]
    heart: Callable[[Settings], Heart | None]


class Alarm:
    """Runs both threads while the block lasts; ``in_force`` gives the settings of the moment.

    When ``stop`` is set nothing more begins, and ``cut`` ends what is under way.
    """

    def __init__(
        self,
        parts: AlarmParts,
        in_force: Callable[[], Settings | None],
        stop: threading.Event,
        cut: threading.Event,
    ) -> None:
        self._parts = parts
        self._in_force = in_force
        self._stop = stop
        self._cut = cut
        self._threads = [
            threading.Thread(target=self._run, args=arguments, name=name, daemon=True)
            for name, arguments in {
                "alarm": (self._look, _LOOK_EVERY_S),
                "heartbeat": (self._beat, _BEAT_EVERY_S),
            }.items()
        ]
        self._failed: dict[str, str] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            try:
                thread.start()
            except RuntimeError as error:
                # Work goes on without: no heartbeat is an alarm by itself.
                _log.error("alarm.failed", part=thread.name, error=str(error))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for event in (self._stop, self._cut):
            event.set()
            until = time.monotonic() + _ENDS_WITHIN_S
            for thread in self._threads:
                if thread.is_alive():
                    thread.join(max(0.0, until - time.monotonic()))
        if isinstance(error, Exception):
            last = threading.Thread(target=self._last_beat, args=(str(error),), daemon=True)
            last.start()
            last.join(_ENDS_WITHIN_S)

    def look_once_more(self) -> None:
        """Tell what the end of the work left to tell: vampd is not run again soon."""
        settings = self._in_force()
        if settings is not None and not any(thread.is_alive() for thread in self._threads):
            self._stop.clear()
            self._cut.clear()
            # What the end interrupted is no failure.
            self._parts.teller.hurry()
            self._guard("alarm", partial(self._look, settings))

    def _run(self, do: Callable[[Settings], None], every_s: float) -> None:
        name = threading.current_thread().name
        while not self._stop.is_set():
            if (settings := self._in_force()) is not None:
                self._guard(name, partial(do, settings))
            self._stop.wait(every_s)

    def _guard(self, name: str, do: Callable[[], None]) -> None:
        """Nothing that fails here may end anything; the same is said once."""
        try:
            do()
        except Exception as error:  # noqa: BLE001 - a bug of the alarm is no reason to end work
            self._say(name, error.message if isinstance(error, VampdError) else repr(error))
        else:
            self._failed.pop(name, None)

    def _say(self, name: str, why: str) -> None:
        if self._failed.get(name) != why:
            self._failed[name] = why
            _log.error("alarm.failed", part=name, error=why)

    def _look(self, settings: Settings) -> None:
        parts, mail = self._parts, settings.mail
        ways = parts.ways(settings)
        if ways or mail.morning_recipients or settings.heartbeat.fails_for_troubles:
            parts.teller.look(ways)
            parts.morning.look(mail, parts.teller.troubles)

    def _beat(self, settings: Settings) -> None:
        if (heart := self._parts.heart(settings)) is not None:
            self._parts.beating.beat_if_due(settings.heartbeat, heart)
        else:
            # As long as nobody is to be told, that is looked at as seldom as troubles are.
            self._stop.wait(_LOOK_EVERY_S - _BEAT_EVERY_S)

    def _last_beat(self, why: str) -> None:
        settings = self._in_force()
        if settings is not None and (heart := self._parts.heart(settings)) is not None:
            self._parts.beating.fail(settings.heartbeat, heart, why)
