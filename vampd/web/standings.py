"""How nights stand, by the rules of `vampctl status`; what is counted of all of them.

Thousands of nights stand as they stood at most commits: what was counted once is kept with them.
Lists are filled at once, without a generator that is resumed for each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import attrgetter

from vampd.model.delivery import Correspondence
from vampd.model.nights import Kind, NightId, NightRecord, StageName, Status
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
    # Raw frames and bytes, 0 until the products are packed.
    frames: int
    bytes: int
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
        *((0, 0) if record.processed_at is None else (record.frames, record.bytes)),
    )


class Part:
    """Some of the nights, by the keys of their rows, and what is counted of them, in no order."""

    def __init__(self, by_key: Mapping[int, Standing]) -> None:
        self.by_key = by_key

    def as_of(self, by_key: Mapping[int, Standing]) -> Part:
        """The part of these; mostly none stands otherwise, and nothing is counted again."""
        return self if by_key == self.by_key else Part(by_key)

    @cached_property
    def keys(self) -> Mapping[str, int]:
        """The rows, by what nights are ordered by, whose hashes are kept."""
        return {one.order: key for key, one in self.by_key.items()}

    @cached_property
    def known(self) -> Sequence[Standing]:
        """Those that vampd does not leave alone."""
        return [one for one in self.by_key.values() if not one.is_passed_over]

    @cached_property
    def left(self) -> Sequence[Standing]:
        """Those that vampd leaves alone."""
        return [one for one in self.by_key.values() if one.is_passed_over]

    @cached_property
    def problem(self) -> Sequence[Standing]:
        """Those of the known that `status --problems` lists."""
        return [one for one in self.known if one.has_problem]

    @cached_property
    def held(self) -> Sequence[Standing]:
        """Those of the known that are held."""
        return [one for one in self.known if one.is_held]

    @cached_property
    def unsafe(self) -> Sequence[Standing]:
        """Those of the known whose archive copy was found bad."""
        return [one for one in self.known if one.is_unsafe]

    @cached_property
    def unmailed(self) -> Sequence[Standing]:
        """Those of the known with a manifest to mail."""
        return [one for one in self.known if one.is_unmailed]

    @cached_property
    def unfinished(self) -> Sequence[Standing]:
        """Those of the known that are not done."""
        return [one for one in self.known if one.status is not Status.DONE]

    @cached_property
    def places(self) -> Counter[tuple[str, ...]]:
        """How many of the known are of each kind at each stage in each status."""
        return Counter(map(attrgetter("place"), self.known))

    @cached_property
    def totals(self) -> Mapping[Kind, tuple[int, int]]:
        """Raw frames and bytes of the nights of each kind whose products are packed."""
        totals = dict.fromkeys(Kind, (0, 0))
        for one in self.by_key.values():
            frames, size = totals[one.night.kind]
            totals[one.night.kind] = frames + one.frames, size + one.bytes
        return totals


class Standings:
    """All nights as they stand, oldest first; only what a part counts anew is counted again."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    @cached_property
    def all(self) -> tuple[Standing, ...]:
        """Every night, also what vampd leaves alone."""
        return _in_order(part.by_key.values() for part in self._parts)

    @cached_property
    def known(self) -> tuple[Standing, ...]:
        """Those that vampd does not leave alone."""
        return _in_order(part.known for part in self._parts)

    @cached_property
    def left(self) -> tuple[Standing, ...]:
        """Those that vampd leaves alone."""
        return _in_order(part.left for part in self._parts)

    @cached_property
    def problem(self) -> tuple[Standing, ...]:
        """Those of the known that `status --problems` lists."""
        return _in_order(part.problem for part in self._parts)

    @cached_property
    def held(self) -> tuple[Standing, ...]:
        """Those of the known that are held."""
        return _in_order(part.held for part in self._parts)

    @cached_property
    def unsafe(self) -> tuple[Standing, ...]:
        """Those of the known whose archive copy was found bad."""
        return _in_order(part.unsafe for part in self._parts)

    @cached_property
    def unmailed(self) -> tuple[Standing, ...]:
        """Those of the known with a manifest to mail."""
        return _in_order(part.unmailed for part in self._parts)

    @cached_property
    def unfinished(self) -> tuple[Standing, ...]:
        """Those of the known that are not done."""
        return _in_order(part.unfinished for part in self._parts)

    @cached_property
    def running(self) -> tuple[Standing, ...]:
        """Those of the known that are at work."""
        return tuple([one for one in self.unfinished if one.status is Status.RUNNING])

    @cached_property
    def places(self) -> Mapping[tuple[str, ...], int]:
        """How many of the known are of each kind at each stage in each status."""
        places = Counter[tuple[str, ...]]()
        for part in self._parts:
            places.update(part.places)
        return places

    @cached_property
    def totals(self) -> Mapping[Kind, tuple[int, int]]:
        """Raw frames and bytes of the nights of each kind whose products are packed."""
        return {
            kind: (
                sum(part.totals[kind][0] for part in self._parts),
                sum(part.totals[kind][1] for part in self._parts),
            )
            for kind in Kind
        }

    def of_dates(self, dates: Collection[str]) -> list[NightId]:
        """All nights of these dates, oldest first."""
        orders = {f"{date}{kind.value}" for date in dates for kind in Kind}
        found = [
            part.by_key[part.keys[order]]
            for part in self._parts
            for order in orders & part.keys.keys()
        ]
        return [one.night for one in _in_order([found])]

    def knows(self, night: NightId) -> bool:
        """Whether there is such a night."""
        return any(_order(night) in part.keys for part in self._parts)

    def key_of(self, night: NightId) -> int:
        """The row of a night; KeyError."""
        order = _order(night)
        for part in self._parts:
            if (key := part.keys.get(order)) is not None:
                return key
        raise KeyError(night)


def _in_order(parts: Iterable[Iterable[Standing]]) -> tuple[Standing, ...]:
    return tuple(sorted(chain.from_iterable(parts), key=attrgetter("order")))
