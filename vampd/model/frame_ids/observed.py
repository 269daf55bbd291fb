"""Frame IDs as the nights' folders show them, compared with the ledger.

A night that vampd synchronized (it has a generation) may show only IDs that the ledger binds to
that night, or has on record as those that others used for it. A night of the old tools shows IDs
that others requested: the ledger cannot know them, but it must not have bound them to a product of
its own, and new IDs come above them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from vampd.model.frame_ids.frame_id import FrameId, NumberRange
from vampd.model.frame_ids.name_changes import NAME_CHANGES
from vampd.model.nights import NightId

NAMES = "file names"
HEADERS = "headers"
_NAMED = 3


@dataclass(frozen=True)
class ObservedIds:
    """The IDs that an archive night shows, by who shows them (`NAMES`, `NAME_CHANGES`, `HEADERS`).

    ``ours``: vampd synchronized it; ``repeated`` are IDs that occur twice in
    name_changes.txt; ``damaged`` is why that file could not be read, '' if it could. ``nameless``
    are cubes in ``vgen2`` whose name is not an ID, so that only their headers can show one.
    """

    night: NightId
    ours: bool
    seen: Mapping[str, frozenset[FrameId]] = field(default_factory=dict)
    nameless: tuple[str, ...] = ()
    repeated: frozenset[FrameId] = frozenset()
    damaged: str = ""

    @property
    def ids(self) -> frozenset[FrameId]:
        """All of them."""
        return frozenset().union(*self.seen.values())


def highest_seen(nights: Iterable[ObservedIds], numbers: NumberRange) -> FrameId | None:
    """The highest ID of a range that any night shows."""
    ids = (frame_id for night in nights for frame_id in night.ids if frame_id.numbers is numbers)
    return max(ids, default=None)


def find_contradictions(
    night: ObservedIds, known_here: Set[FrameId], bound: Mapping[FrameId, NightId]
) -> Iterator[str]:
    """Where a night's IDs and the ledger contradict each other.

    ``known_here`` are the IDs that the ledger binds to the night, or others used for it; ``bound``
    is the night of each ID shown here that it binds at all.
    """
    if night.damaged and night.ours:
        yield f"{NAME_CHANGES} of {night.night.date} cannot be read: {night.damaged}"
    for who, ids in sorted(night.seen.items()):
        if night.ours:
            strange = sorted(ids - known_here)
            if strange:
                yield (
                    f"{who} of {night.night.date} show {_list(strange)}, which the ledger does not"
                    " bind to it"
                )
        else:
            taken = sorted(ids & bound.keys())
            if taken:
                yield (
                    f"{who} of {night.night.date}, a night of the old tools, show {_list(taken)},"
                    f" which the ledger binds to {bound[taken[0]].date}"
                )


def list_highest(nights: Iterable[ObservedIds], numbers: NumberRange) -> Iterator[str]:
    """For each source that shows IDs of this range, the highest and its night."""
    highest: dict[str, tuple[FrameId, NightId]] = {}
    for night in nights:
        for who, ids in night.seen.items():
            for frame_id in ids:
                if frame_id.numbers is numbers and (
                    who not in highest or frame_id > highest[who][0]
                ):
                    highest[who] = frame_id, night.night
    for who, (frame_id, night_id) in sorted(highest.items()):
        yield f"{who} {frame_id} ({night_id.date})"


def _list(ids: list[FrameId]) -> str:
    shown = ", ".join(map(str, ids[-_NAMED:]))
    more = len(ids) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown
