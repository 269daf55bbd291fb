"""How nights stand, by the rules of `vampctl status`; what is counted of all of them.

Thousands of nights stand as they stood at most commits: what was counted once is kept with them.
Lists are filled at once, without a generator that is resumed for each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter

from vampd.model.delivery import Correspondence
from vampd.model.nights import NightId, NightRecord, StageName, Status
from vampd.model.standing import has_problem, is_held, is_passed_over, is_unmailed, is_unsafe


@dataclass(frozen=True, slots=True)
class Standing:
    """How a night stands."""

    night: NightId
    stage: StageName
    status: Status
    # Unix seconds.
    since: float
    is_passed_over: bool
    has_problem: bool
    is_held: bool
    is_unsafe: bool
    is_unmailed: bool
    # Kind, stage and status as plain words, which are counted sooner than their enumerations.
    place: tuple[str, ...] = field(init=False)
    # What nights are ordered by.
    order: str = field(init=False)

    def __post_init__(self) -> None:
        kind = self.night.kind.value
        object.__setattr__(self, "place", (kind, self.stage.value, self.status.value))
        object.__setattr__(self, "order", _order(self.night))


def _order(night: NightId) -> str:
    return f"{night.date}{night.kind.value}"


def judge(record: NightRecord, correspondence: Correspondence) -> Standing:
    """How a night stands."""
    return Standing(
        record.night,
        record.state.stage,
        record.state.status,
        record.changed_at,
        is_passed_over(record),
        has_problem(record, correspondence),
        is_held(record),
        is_unsafe(record),
        is_unmailed(record, correspondence),
    )


class Standings:
    """All nights as they stand, oldest first."""

    def __init__(self, by_key: Mapping[int, Standing]) -> None:
        self._by_key = by_key

    @cached_property
    def all(self) -> tuple[Standing, ...]:
        """Every night, also what vampd leaves alone."""
        return tuple(sorted(self._by_key.values(), key=attrgetter("order")))

    @cached_property
    def known(self) -> tuple[Standing, ...]:
        """Those that vampd does not leave alone."""
        return tuple([one for one in self.all if not one.is_passed_over])

    @cached_property
    def left(self) -> tuple[Standing, ...]:
        """Those that vampd leaves alone."""
        return tuple([one for one in self.all if one.is_passed_over])

    @cached_property
    def problem(self) -> tuple[Standing, ...]:
        """Those of the known that `status --problems` lists."""
        return tuple([one for one in self.known if one.has_problem])

    @cached_property
    def held(self) -> tuple[Standing, ...]:
        """Those of the known that are held."""
        return tuple([one for one in self.known if one.is_held])

    @cached_property
    def unsafe(self) -> tuple[Standing, ...]:
        """Those of the known whose archive copy was found bad."""
        return tuple([one for one in self.known if one.is_unsafe])

    @cached_property
    def unmailed(self) -> tuple[Standing, ...]:
        """Those of the known with a manifest to mail."""
        return tuple([one for one in self.known if one.is_unmailed])

    @cached_property
    def unfinished(self) -> tuple[Standing, ...]:
        """Those of the known that are not done."""
        return tuple([one for one in self.known if one.status is not Status.DONE])

    @cached_property
    def running(self) -> tuple[Standing, ...]:
        """Those of the known that are at work."""
        return tuple([one for one in self.unfinished if one.status is Status.RUNNING])

    @cached_property
    def places(self) -> Mapping[tuple[str, ...], int]:
        """How many of the known are of each kind at each stage in each status."""
        return Counter(map(attrgetter("place"), self.known))

    def knows(self, night: NightId) -> bool:
        """Whether there is such a night."""
        return _order(night) in self._keys

    def key_of(self, night: NightId) -> int:
        """The row of a night; KeyError."""
        return self._keys[_order(night)]

    @cached_property
    def _keys(self) -> Mapping[str, int]:
        # By texts, whose hashes are kept: those of thousands of nights are computed each time.
        return {one.order: key for key, one in self._by_key.items()}
