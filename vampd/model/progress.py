"""How fast work goes, and when it will be done.

A rate is of the last minutes, so that neither a slow beginning nor a long pause is remembered. What
is not known is None: a wrong time is worse than none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vampd.model.nights import EventName, EventRecord, NightRecord, StageName, Status, stages_of

# Of what is sent, a batch of up to 8 GB counts when it is proven.
_WINDOW_S = 300.0
_LEAST_S = 10.0
# A camera that writes now and then is part of how fast it goes. A longer pause is not, and ends
# nobody knows when.
_SHORT_PAUSE_S = 60.0
# The daemon reports each second; one that was killed no longer does.
_STALE_S = 60.0
_FURTHEST_S = 7 * 86400.0


class RateMeter:
    """Bytes per second over the last minutes of work."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._worked_s = 0.0
        self._paused_s = 0.0
        # Seconds of work, bytes done by then.
        self._samples: deque[tuple[float, int]] = deque()

    def look(self, at_s: float, done_bytes: int, *, is_paused: bool) -> None:
        """So much was done at this moment, of any clock that only goes forward."""
        passed_s = 0.0 if self._at is None else at_s - self._at
        self._at = at_s
        if is_paused:
            self._paused_s += passed_s
            return
        if self._paused_s < _SHORT_PAUSE_S:
            passed_s += self._paused_s
        self._paused_s = 0.0
        self._worked_s += passed_s
        # Less than before is what a lost worker had done: it is done again.
        while self._samples and self._samples[-1][1] > done_bytes:
            self._samples.pop()
        if not self._samples or self._worked_s - self._samples[-1][0] >= 1.0:
            self._samples.append((self._worked_s, done_bytes))
        while len(self._samples) > 1 and self._worked_s - self._samples[1][0] >= _WINDOW_S:
            self._samples.popleft()

    @property
    def bytes_per_s(self) -> int:
        """0 where it is not known: at the beginning, in a long pause, where nothing is done."""
        if not self._samples or self._paused_s >= _SHORT_PAUSE_S:
            return 0
        began_s, before = self._samples[0]
        worked_s = self._worked_s - began_s
        return int((self._samples[-1][1] - before) / worked_s) if worked_s >= _LEAST_S else 0


@dataclass(frozen=True)
class PastNight:
    """What a finished night took: its raw bytes, and the seconds of each stage."""

    bytes: int
    seconds: Mapping[StageName, float]


@dataclass(frozen=True)
class NightEnd:
    """When a night will be done, and by what: its own rate, and how many earlier nights."""

    at: float
    by_own_rate: bool
    nights: int


def rate_now(record: NightRecord, now: float) -> int | None:
    """Bytes per second, None unless its attempt has said so within the last minute."""
    at = record.progressed_at
    is_told = record.state.status is Status.RUNNING and at is not None
    if not is_told or at is None or not record.changed_at <= at <= now < at + _STALE_S:
        return None
    return record.bytes_per_s or None


def stage_end(record: NightRecord, now: float) -> float | None:
    """When the running stage will be done, by its own rate."""
    rate = rate_now(record, now)
    left = record.all_bytes - record.done_bytes
    if rate is None or left <= 0:
        return None
    return _believable(now + left / rate, now)


def night_end(record: NightRecord, now: float, earlier: Sequence[PastNight]) -> NightEnd | None:
    """When the running night will be done, if it need not wait.

    The running stage by its own rate if it counts bytes, else by what earlier nights took for as
    many; so are the stages that follow. None where a stage is left of which nothing is known.
    """
    if record.state.status is not Status.RUNNING:
        return None
    stages = stages_of(record.night.kind)
    following = stages[stages.index(record.state.stage) + 1 :]
    by_own_rate = record.all_bytes > 0
    at = _own_end(record, now) if by_own_rate else _usual_end(record, now, earlier)
    rest = [_expected_s(record, stage, earlier) for stage in following]
    if at is None or None in rest:
        return None
    end = _believable(at + sum(seconds or 0.0 for seconds in rest), now)
    nights = len(earlier) if following or not by_own_rate else 0
    return None if end is None else NightEnd(end, by_own_rate, nights)


def _own_end(record: NightRecord, now: float) -> float | None:
    # With all bytes done it only tidies up.
    return now if record.done_bytes >= record.all_bytes else stage_end(record, now)


def _usual_end(record: NightRecord, now: float, earlier: Sequence[PastNight]) -> float | None:
    """None once it has taken longer than earlier nights."""
    expected_s = _expected_s(record, record.state.stage, earlier)
    end = None if expected_s is None else record.changed_at + expected_s
    return end if end is not None and end > now else None


def _believable(at: float, now: float) -> float | None:
    return at if now <= at <= now + _FURTHEST_S else None


def _expected_s(
    record: NightRecord, stage: StageName, earlier: Iterable[PastNight]
) -> float | None:
    known = sorted(n.seconds[stage] / n.bytes for n in earlier if stage in n.seconds)
    # The median; of an even number the longer one.
    return known[len(known) // 2] * record.bytes if known and record.bytes else None


def is_measure(record: NightRecord) -> bool:
    """Whether a night is done, and still has all the raw files that it was made from."""
    gone = record.purged_cubes or record.removed_cubes
    return record.state.status is Status.DONE and not gone and record.bytes > 0


def past_night(record: NightRecord, history: Iterable[EventRecord]) -> PastNight | None:
    """What a night took that is a measure; None where its history does not tell.

    Of a stage that ended more than once, the longest: the others were for what came late.
    """
    seconds: dict[StageName, float] = {}
    claimed_at: float | None = None
    for event in history:
        if event.event is EventName.CLAIMED:
            claimed_at = event.at
            continue
        if event.event is EventName.ADVANCED and claimed_at is not None:
            took_s = event.at - claimed_at
            # A clock that was set back tells nothing.
            if took_s >= 0:
                seconds[event.stage] = max(took_s, seconds.get(event.stage, 0.0))
        claimed_at = None
    return PastNight(record.bytes, seconds) if seconds else None
