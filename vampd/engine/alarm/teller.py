"""Tells people what is wrong, by every way that the settings name; at least once.

Nothing is queued: what is wrong is read from the database, and compared with what is on record as
told. So nothing is lost when vampd is killed, however often, and nothing piles up while a way is
out of order. A message is on record when it has left: killed in between, vampd tells it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from vampd.disk.failpoint import failpoint
from vampd.engine.alarm.low_space import LowSpaceMarks
from vampd.errors import DataError, VampdError
from vampd.log import get_log
from vampd.model.alarm import (
    MORNING,
    AlarmMessage,
    Told,
    Trouble,
    WhatToTell,
    decide,
    find_troubles,
    tell_over,
    tell_troubles,
)
from vampd.ports import AlarmLog, AlarmWay, MailLog, NightStore

_log = get_log()
_Key = tuple[str, str, str, str]
_FIRST_DELAY_S, _LONGEST_DELAY_S = 60.0, 3600.0


@dataclass
class _Way:
    """What is known of a way since vampd was started."""

    try_at: float = float("-inf")
    delay_s: float = _FIRST_DELAY_S


class Teller:
    """Looks and tells; ``host`` signs what it says, ``monotonic`` is a clock that nobody sets.

    No message begins after ``is_stopping``.
    """

    def __init__(
        self,
        nights: NightStore,
        mail_log: MailLog,
        log: AlarmLog,
        low_space: LowSpaceMarks,
        host: str,
        is_stopping: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nights = nights
        self._mail_log = mail_log
        self._log = log
        self._low_space = low_space
        self._host = host
        self._is_stopping = is_stopping
        self._clock = clock
        self._monotonic = monotonic
        self._counter = -1
        self._of_nights: tuple[Trouble, ...] = ()
        # Since when subjects that were told have no trouble any more.
        self._gone_at: dict[str, float] = {}
        self._ways: dict[str, _Way] = {}
        # What has left, and could not be put on record.
        self._unrecorded: dict[_Key, Told] = {}
        self.troubles: tuple[Trouble, ...] = ()

    def look(self, ways: Sequence[AlarmWay]) -> None:
        """Tell what is to be told now. VampdError, OSError where it could not look."""
        self.troubles = self._find()
        self._keep_unrecorded()
        told = {_key(one): one for one in self._log.told()} | self._unrecorded
        self._note_gone(told.values())
        now, monotonic = self._clock(), self._monotonic()
        gone_s = {subject: monotonic - at for subject, at in self._gone_at.items()}
        for way in ways:
            of_way = [one for one in told.values() if one.way == way.name]
            what = decide(of_way, self.troubles, way.states, gone_s, now)
            self._tell(way, what, now, monotonic)
        self._log.prune({*(way.name for way in ways), MORNING}, now)

    def hurry(self) -> None:
        """Try every way at the next look, also those that failed a moment ago."""
        self._ways = {}

    def _find(self) -> tuple[Trouble, ...]:
        counter = self._nights.change_counter()
        if counter != self._counter:
            self._of_nights = find_troubles(
                self._nights.nights(),
                self._mail_log.correspondence().by_night(),
                (),
                self._nights.unreadable_nights(),
            )
            self._counter = counter
        return (*find_troubles((), {}, self._low_space.places()), *self._of_nights)

    def _note_gone(self, told: Iterable[Told]) -> None:
        wrong = {trouble.subject for trouble in self.troubles}
        gone = {one.subject for one in told if one.over_at is None} - wrong
        now = self._monotonic()
        self._gone_at = {subject: self._gone_at.get(subject, now) for subject in gone}

    def _tell(self, way: AlarmWay, what: WhatToTell, now: float, monotonic: float) -> None:
        state = self._ways.setdefault(way.name, _Way())
        if monotonic < state.try_at:
            return
        for message, told in self._messages(way, what, now):
            if self._is_stopping():
                return
            if message is not None and not self._send(way, message):
                state.try_at = monotonic + state.delay_s
                state.delay_s = min(2 * state.delay_s, _LONGEST_DELAY_S)
                return
            self._unrecorded |= {_key(one): one for one in told}
            failpoint("alarm.message.sent")
            self._keep_unrecorded()
        state.delay_s = _FIRST_DELAY_S

    def _messages(
        self, way: AlarmWay, what: WhatToTell, now: float
    ) -> Iterator[tuple[AlarmMessage | None, list[Told]]]:
        """Each message with what is told by it; what ends unsaid has none."""
        for message in tell_troubles(what.troubles, self._host):
            yield (
                message,
                [Told(way.name, *t.key, now) for t in what.troubles if t.state == message.state],
            )
        ended = [replace(one, over_at=now) for one in what.ended]
        if ended:
            yield next(tell_over(what.over, self._host), None), ended

    def _send(self, way: AlarmWay, message: AlarmMessage) -> bool:
        """Whether it has left, or may have."""
        fields = {"way": way.name, "state": message.state, "about": list(message.subjects)}
        try:
            way.tell(message)
        except DataError as error:
            # Told in a day again, if it is still so.
            _log.warning("alarm.uncertain_sent", **fields, code=error.code, error=error.message)
        except (VampdError, OSError) as error:
            code = error.code if isinstance(error, VampdError) else "io_error"
            _log.warning("alarm.not_sent", **fields, code=code, error=str(error))
            return False
        else:
            _log.info("alarm.sent", **fields)
        return True

    def _keep_unrecorded(self) -> None:
        if not self._unrecorded:
            return
        try:
            self._log.record(tuple(self._unrecorded.values()))
        except (VampdError, OSError) as error:
            # Until it can be, this process remembers it.
            _log.warning("alarm.not_kept", error=str(error))
        else:
            self._unrecorded = {}


def _key(told: Told) -> _Key:
    return (told.way, *told.key)
