"""A review of all that is known of the frame IDs: used, unused, missing, or duplicate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vampd.model.frame_ids.frame_id import FrameId, NumberRange, is_frame_id
from vampd.model.frame_ids.observed import ObservedIds, find_contradictions
from vampd.model.nights import NightId

# Why vampd uses no ID of a grant: others gave them to frames of theirs.
USED_BY_OTHERS = "used by others"


@dataclass(frozen=True)
class ListedRequest:
    """A request of the ledger; ``refused`` is why its grant is not used, None if it is."""

    number: int
    night: NightId
    wanted: int
    refused: str | None


@dataclass(frozen=True)
class ListedId:
    """An ID of the ledger; ``identity`` is that of the product it is bound to, None if unused."""

    frame_id: FrameId
    request: int
    night: NightId
    identity: str | None
    applied: bool


@dataclass(frozen=True)
class LedgerListing:
    """The ledger: requests by number, IDs in their order.

    ``findings`` are contradictions between its file and its database, ``behind`` how many records
    the database lacks that vampd will add from the file.
    """

    requests: tuple[ListedRequest, ...]
    ids: tuple[ListedId, ...]
    findings: tuple[str, ...] = ()
    behind: int = 0


@dataclass(frozen=True)
class CarriedId:
    """What the header of a product says: FRAMEID ('' for none) and identity, where known.

    ``problem`` is why it could not be read, '' if it could.
    """

    night: NightId
    path: str
    frame_id: str
    identity: str | None
    problem: str = ""

    @property
    def stem(self) -> str:
        """The file's name without its suffixes: the ID, once it has one."""
        name = self.path.rpartition("/")[2]
        for suffix in (".fz", ".fits", ".framelist"):
            name = name.removesuffix(suffix)
        return name


@dataclass(frozen=True)
class Gap:
    """Numbers of one range between granted ones that are not on record: first to last."""

    first: FrameId
    last: FrameId

    @property
    def count(self) -> int:
        """How many."""
        return self.last.number - self.first.number + 1


@dataclass(frozen=True)
class NightCount:
    """The IDs of one night."""

    night: NightId
    first: FrameId
    last: FrameId
    granted: int
    bound: int
    applied: int

    @property
    def unused(self) -> int:
        """Granted and not bound."""
        return self.granted - self.bound


@dataclass(frozen=True)
class Review:
    """The result; something is wrong when there are findings."""

    nights: tuple[NightCount, ...]
    unused: tuple[ListedId, ...]
    gaps: tuple[Gap, ...]
    findings: tuple[str, ...]


def review_ids(
    ledger: LedgerListing, nights: Sequence[ObservedIds], carried: Iterable[CarriedId]
) -> Review:
    """Compare ledger, file names, headers and name_changes.txt of all nights."""
    seen = {frame_id for night in nights for frame_id in night.ids}
    return Review(
        nights=tuple(_count_nights(_own_ids(ledger))),
        unused=tuple(one for one in _own_ids(ledger) if one.identity is None),
        gaps=tuple(_find_gaps([one.frame_id for one in ledger.ids], seen)),
        findings=(
            *ledger.findings,
            *_disagreements(ledger, nights),
            *_shown_twice(nights),
            *_wrong_headers(ledger, carried, {night.night for night in nights if night.ours}),
        ),
    )


def _own_ids(ledger: LedgerListing) -> list[ListedId]:
    """The IDs that were granted to vampd."""
    others = _of_others(ledger)
    return [one for one in ledger.ids if one.request not in others]


def _of_others(ledger: LedgerListing) -> set[int]:
    """The numbers of the requests whose IDs others used."""
    return {one.number for one in ledger.requests if one.refused == USED_BY_OTHERS}


def _count_nights(ids: Iterable[ListedId]) -> Iterator[NightCount]:
    by_night: dict[NightId, list[ListedId]] = defaultdict(list)
    for one in ids:
        by_night[one.night].append(one)
    for night, of_night in sorted(by_night.items()):
        numbers = [one.frame_id for one in of_night]
        yield NightCount(
            night,
            min(numbers),
            max(numbers),
            granted=len(of_night),
            bound=sum(one.identity is not None for one in of_night),
            applied=sum(one.applied for one in of_night),
        )


def _find_gaps(granted: Iterable[FrameId], seen: set[FrameId]) -> Iterator[Gap]:
    """Gaps between what was granted; IDs that a folder shows are not gaps."""
    for numbers in NumberRange:
        own = sorted({one for one in granted if one.numbers is numbers})
        if not own:
            continue
        known = sorted({*own, *(one for one in seen if own[0] < one < own[-1])})
        for before, behind in pairwise(known):
            if behind.number > before.number + 1:
                yield Gap(FrameId(before.number + 1), FrameId(behind.number - 1))


def _disagreements(ledger: LedgerListing, nights: Iterable[ObservedIds]) -> Iterator[str]:
    bound: dict[FrameId, NightId] = {}
    by_night: dict[NightId, set[FrameId]] = defaultdict(set)
    others = _of_others(ledger)
    for one in ledger.ids:
        if one.identity is not None:
            bound[one.frame_id] = one.night
        if one.identity is not None or one.request in others:
            by_night[one.night].add(one.frame_id)
    for night in nights:
        yield from find_contradictions(night, by_night[night.night], bound)


def _shown_twice(nights: Iterable[ObservedIds]) -> Iterator[str]:
    owners: dict[FrameId, list[NightId]] = defaultdict(list)
    for night in nights:
        for frame_id in night.ids:
            owners[frame_id].append(night.night)
        for frame_id in sorted(night.repeated):
            yield f"name_changes.txt of {night.night.date} gives {frame_id} to two products"
    for frame_id, shown_by in sorted(owners.items()):
        if len(shown_by) > 1:
            dates = ", ".join(sorted(night.date for night in shown_by))
            yield f"{frame_id} occurs in more than one night: {dates}"


def _wrong_headers(
    ledger: LedgerListing, carried: Iterable[CarriedId], ours: set[NightId]
) -> Iterator[str]:
    identities = {one.frame_id: one.identity for one in ledger.ids}
    owners: dict[str, set[tuple[NightId, str]]] = defaultdict(set)
    for one in carried:
        where = f"{one.night.date}/{one.path}"
        frame_id = FrameId.parse(one.stem) if is_frame_id(one.stem) else None
        if one.problem:
            yield f"{where} cannot be read: {one.problem}"
            continue
        if frame_id is not None and one.frame_id != one.stem:
            yield f"{where} is named by an ID and carries FRAMEID {one.frame_id!r}"
        if one.frame_id:
            owners[one.frame_id].add((one.night, one.stem))
        bound = identities.get(frame_id) if frame_id is not None else None
        if one.night in ours and bound is not None and one.identity not in (None, bound):
            yield f"{where} holds frames other than those that the ledger binds {frame_id} to"
    for text, shown_by in sorted(owners.items()):
        if len(shown_by) > 1:
            places = ", ".join(f"{night.date}/{stem}" for night, stem in sorted(shown_by))
            yield f"FRAMEID {text} occurs in the headers of several products: {places}"
