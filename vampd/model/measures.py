"""What is kept of disks and of work over time, and when a disk will be full by that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from vampd.model.nights import NightId

SAMPLE_EVERY_S = 600.0
# Samples of older days are thinned to the last one of each.
FULL_FOR_S = 60 * 86_400.0
# No sample is older.
KEPT_FOR_S = 10 * 366 * 86_400.0
# So many attempts are kept, the newest.
MOST_ATTEMPTS = 50_000

_DAY_S = 86_400.0
_OBSERVING_DAYS, _WORST_OF, _LEAST_DAYS = 30, 5, 3


class Sampled(StrEnum):
    """What is sampled."""

    NIGHTS_FREE = "nights_free"
    NIGHTS_ALL = "nights_all"
    DATABASE_FREE = "database_free"
    DATABASE_ALL = "database_all"
    # Bytes per second.
    PACKING = "packing_rate"
    SENDING = "sending_rate"


class Sample(NamedTuple):
    """A value at a time (unix seconds)."""

    at: float
    value: float


class AttemptSum(NamedTuple):
    """What an attempt came to; the numbers are None of one that an earlier version made."""

    night: NightId
    stage: str
    attempt: int
    began_at: float
    ended_at: float
    outcome: str
    code: str | None
    files: int | None
    frames: int | None
    bytes: int | None

    @property
    def took_s(self) -> float:
        """How long it took."""
        return max(self.ended_at - self.began_at, 0.0)

    @property
    def bytes_per_s(self) -> float | None:
        """How fast it went; None if nothing says so."""
        return self.bytes / self.took_s if self.bytes and self.took_s else None


class RawTaken(NamedTuple):
    """What the raw files of nights take, and of that what is safe at the archive."""

    nights: int
    bytes: int
    safe_bytes: int


class Proofs(NamedTuple):
    """How many nights are safe at the archive, since when, and how many are not."""

    safe: int
    not_safe: int
    first_at: float | None
    last_at: float | None


class RefusedGrant(NamedTuple):
    """A request whose IDs are not used, and why; ``granted`` are those on record all the same."""

    request: int
    night: NightId
    wanted: int
    granted: int
    why: str


@dataclass(frozen=True)
class Forecast:
    """How many more nights of observing a disk has space for, by the days when it filled.

    ``usual_bytes`` is the median of a day, ``worst_bytes`` the most of the last five.
    """

    days: int
    usual_bytes: int
    worst_bytes: int
    nights_at_least: int
    nights_at_most: int


def forecast_disk(
    free: Iterable[Sample], whole: Iterable[Sample], reserve_bytes: int
) -> Forecast | None:
    """When the space above the reserve will be used up; None before three days say so.

    Only samples of a disk of the size of the last one count: others are of another disk.
    """
    used = list(_used_by_day(_of_this_disk(free, dict(whole))))
    if len(used) < _LEAST_DAYS:
        return None
    last_free = used[-1][1]
    growth = [bytes_ for bytes_, _ in used][-_OBSERVING_DAYS:]
    usual, worst = int(_median(growth)), int(max(growth[-_WORST_OF:]))
    left = max(last_free - reserve_bytes, 0.0)
    nights = sorted((int(left // max(usual, 1)), int(left // max(worst, 1))))
    return Forecast(len(growth), usual, worst, *nights)


def _of_this_disk(free: Iterable[Sample], whole: Mapping[float, float]) -> list[Sample]:
    known = [one for one in sorted(free) if one.at in whole]
    return [one for one in known if whole[one.at] == whole[known[-1].at]]


def _used_by_day(free: list[Sample]) -> Iterator[tuple[float, float]]:
    """What each day took on which space was taken, and what is free at the very end."""
    last_of_day = {int(one.at // _DAY_S): one.value for one in free}
    days = sorted(last_of_day.items())
    for (before, was), (day, now) in pairwise(days):
        if (taken := (was - now) / (day - before)) > 0:
            yield taken, days[-1][1]


def _median(values: list[float]) -> float:
    # That of the library is slow to import.
    half, is_odd = divmod(len(values), 2)
    ordered = sorted(values)
    return ordered[half] if is_odd else (ordered[half - 1] + ordered[half]) / 2
