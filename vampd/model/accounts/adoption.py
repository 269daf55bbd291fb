"""What the old tools left of a night, and what vampd makes of it.

Their logs, folders, name changes, manifests and headers are claims, of which none is a proof. A
repair tool exchanged frame IDs among files without their sidecars and lists: where two records of a
night differ, both are listed and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

from vampd.model.accounts.old_copy import OldCopy
from vampd.model.frame_ids import NAME_CHANGES, NAMES, FrameId
from vampd.model.nights import Kind, NightId, StatusRow, find_traces

MANIFESTS = "manifests"
# Sections of <date>_process.log, in the order in which the old processor passes them.
SECTIONS = (
    "Running sync+deint",
    "Running consolidate",
    "Cleaning up folder",
    "Fixing headers",
    "Assigning frame IDS",
    "Compressing with fpack",
    "Preparing manifest",
    "Syncing to scexao6",
    "FINISHED",
)
_GRANTING = "Assigning frame IDS"
_LISTED = 3


class OldState(StrEnum):
    """How far the old tools came with a night, as far as the evidence goes."""

    DONE = "done by the old tools"
    UNFINISHED = "unfinished"
    HALF_PROCESSED = "half processed"
    ROW_ONLY = "a row without a folder"
    SHARED = "worked on by vampd and by the old tools"


@dataclass(frozen=True)
class ProductIds:
    """A cube of `vgen2`: the IDs in its header, '' for none."""

    name: str
    frame_id: str
    exposure_id: str
    # Why its header cannot be read.
    problem: str = ""

    @property
    def stem(self) -> str:
        """Its name without suffixes, which is its ID once it has one."""
        return self.name.removesuffix(".fz").removesuffix(".fits")


@dataclass(frozen=True)
class OldEvidence:
    """What there is of one night."""

    night: NightId
    row: StatusRow | None = None
    has_folder: bool = True
    # Names in the night's folder, and in its `vgen2`.
    entries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    # The IDs, by who shows them.
    ids: Mapping[str, frozenset[FrameId]] = field(default_factory=dict)
    headers: tuple[ProductIds, ...] = ()
    # The last section of the process log; None without a log.
    section: str | None = None
    # What is there and cannot be read: it may name IDs.
    unread: tuple[str, ...] = ()
    # Files that were bad on the archive host at some time; never removed by a later success.
    bad: tuple[str, ...] = ()

    @property
    def all_ids(self) -> frozenset[FrameId]:
        """Every ID that anything shows."""
        return frozenset().union(*self.ids.values())

    @property
    def is_of_old_tools(self) -> bool:
        """Whether the old tools did anything here."""
        has_claims = self.row is not None and self.row.is_trace
        if not self.has_folder:
            return has_claims or bool(self.all_ids)
        return bool(find_traces(self.entries, self.products, self.row)) or bool(self.all_ids)

    def describe_foreign(self, own: Set[FrameId]) -> str:
        """What shows that others gave IDs to its frames, '' for nothing; ``own`` are vampd's."""
        shown = [f"{who} {_span(ids - own)}" for who, ids in sorted(self.ids.items()) if ids - own]
        shown += [name for name in self._manifests if not self.ids.get(MANIFESTS)]
        if not shown and self._has_taken_ids:
            shown = [f"the process log, which came to {self.section!r}"]
        shown += [f"{path}, which cannot be read" for path in self.unread]
        return ", ".join(shown)

    @property
    def _manifests(self) -> list[str]:
        # vampd writes the digests first, so that its own are never without them.
        return [
            name
            for name in sorted(self.entries)
            if name.startswith("manifest_VMP_")
            and name.endswith(".csv")
            and name.replace(".csv", ".sha256") not in self.entries
        ]

    @property
    def _has_taken_ids(self) -> bool:
        is_past = self.section in SECTIONS[SECTIONS.index(_GRANTING) :]
        return is_past and self.night.kind is Kind.ARCHIVE


@dataclass(frozen=True)
class Adoption:
    """A night as it is taken over: a claim, never a proof."""

    night: NightId
    state: OldState
    # The flags as the old tools' log has them; without a row, none is set.
    claims: StatusRow
    ids: frozenset[FrameId] = frozenset()
    # What is missing before it was done, and where its records differ.
    missing: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    # What was found of its archive copy; None until it was read.
    copy: OldCopy | None = None

    @property
    def has_folder(self) -> bool:
        """Whether there is more of it than a row."""
        return self.state is not OldState.ROW_ONLY

    def describe(self) -> str:
        """In one line: how far it came, what is missing, its IDs."""
        claimed = [
            what for what, mark in zip(_CLAIMS, self.claims.marks, strict=True) if mark.is_set
        ]
        said = f" ({', '.join(claimed)}, as they said)" if claimed else ""
        lacks = f"; missing: {', '.join(self.missing)}" if self.missing else ""
        ids = f"; {_span(self.ids)}" if self.ids else ""
        copy = f"; {self.copy.describe()}" if self.copy else ""
        return f"{self.state}{said}{lacks}{ids}{copy}"


_CLAIMS = ("processed", "transferred", "safe")


def judge_adoption(seen: OldEvidence) -> Adoption | None:
    """What becomes of a night; None if the old tools did nothing to it."""
    if not seen.is_of_old_tools:
        return None
    row = seen.row or StatusRow(seen.night.folder.as_posix(), seen.night)
    return Adoption(
        seen.night,
        _state_of(seen, row),
        row,
        seen.all_ids,
        tuple(_find_missing(seen, row)),
        tuple(_find_contradictions(seen, row)),
    )


def judge_shared(seen: OldEvidence, own: Set[FrameId]) -> Adoption | None:
    """The same of a night that vampd has synchronized; ``own`` are the IDs of its products.

    How far they came with it, and what is missing, no record tells apart from what vampd did.
    """
    names = {str(frame_id) for frame_id in own}
    theirs = replace(
        seen,
        ids={who: rest for who, ids in seen.ids.items() if (rest := ids - own)},
        headers=tuple(one for one in seen.headers if one.stem not in names),
    )
    if not theirs.is_of_old_tools:
        return None
    unread = (f"{path} cannot be read, and may name frame IDs" for path in seen.unread)
    differing = (*unread, *_differing_ids(theirs), *_wrong_headers(theirs.headers))
    row = seen.row or StatusRow(seen.night.folder.as_posix(), seen.night)
    return Adoption(
        seen.night, OldState.SHARED, row, theirs.all_ids, contradictions=tuple(differing)
    )


def find_shared_ids(adoptions: Iterable[Adoption]) -> dict[NightId, tuple[str, ...]]:
    """Contradictions between nights: an ID that more than one of them shows."""
    owners: dict[FrameId, list[NightId]] = {}
    for one in adoptions:
        for frame_id in one.ids:
            owners.setdefault(frame_id, []).append(one.night)
    found: dict[NightId, list[str]] = {}
    for frame_id, nights in sorted(owners.items()):
        for night in nights if len(nights) > 1 else ():
            others = ", ".join(each.date for each in sorted(nights) if each != night)
            found.setdefault(night, []).append(f"{frame_id} is an ID of {others} as well")
    return {night: tuple(problems) for night, problems in found.items()}


def _state_of(seen: OldEvidence, row: StatusRow) -> OldState:
    if not seen.has_folder:
        return OldState.ROW_ONLY
    if row.safe.is_set:
        return OldState.DONE
    return OldState.UNFINISHED if row.processed.is_set else OldState.HALF_PROCESSED


def _find_missing(seen: OldEvidence, row: StatusRow) -> Iterator[str]:
    if not seen.has_folder or row.safe.is_set:
        return
    if not row.processed.is_set:
        # The log names a step when it begins.
        yield f"all from {seen.section!r} on" if seen.section else "all from an unknown step on"
        return
    if seen.night.kind is Kind.ARCHIVE and not any(
        name.startswith("manifest_VMP_") for name in seen.entries
    ):
        yield "manifest"
    if not row.transferred.is_set:
        yield "rsync"
    if seen.bad:
        yield f"{len(seen.bad):,} {'file' if len(seen.bad) == 1 else 'files'} listed as bad there"
    if row.transferred.is_set:
        yield "the check at the archive"


def _find_contradictions(seen: OldEvidence, row: StatusRow) -> Iterator[str]:
    if not seen.has_folder:
        return
    packed = [name for name in seen.products if name.endswith(".fits.fz")]
    later = row.transferred.is_set or row.safe.is_set
    if later and not row.processed.is_set:
        yield "their log says transferred or safe, and not processed"
    if row.safe.is_set and not row.transferred.is_set:
        yield "their log says safe, and not transferred"
    if row.processed.is_set and not row.safe.is_set and not packed:
        yield "their log says processed, and vgen2 has no packed product"
    yield from find_lags(seen, row)
    if row.processed.is_set and {"vcam1", "vcam2"} & set(seen.entries):
        yield "their log says processed, and raw is under its own name"
    yield from (f"{path} cannot be read, and may name frame IDs" for path in seen.unread)
    yield from _differing_ids(seen)
    yield from _wrong_headers(seen.headers)


def find_lags(seen: OldEvidence, row: StatusRow) -> Iterator[str]:
    """Where their log says less than the rest: they wrote it last, and without a lock."""
    packed = [name for name in seen.products if name.endswith(".fits.fz")]
    if not row.is_trace and packed:
        products = f"{len(packed):,} packed product{'' if len(packed) == 1 else 's'}"
        yield f"their log does not say processed, and vgen2 has {products}"
    if seen.section == SECTIONS[-1] and not row.processed.is_set:
        yield "their process log is FINISHED, and their log does not say processed"


def _differing_ids(seen: OldEvidence) -> Iterator[str]:
    shown = [(who, seen.ids[who]) for who in (NAMES, MANIFESTS, NAME_CHANGES) if seen.ids.get(who)]
    for (first, ids), (second, others) in pairwise(shown):
        for one, many, other in ((first, ids - others, second), (second, others - ids, first)):
            if many:
                yield f"{one} show {_listed(sorted(many))}, which {other} do not"


def _wrong_headers(headers: Sequence[ProductIds]) -> Iterator[str]:
    owners: dict[str, list[str]] = {}
    for one in headers:
        if one.problem:
            yield f"vgen2/{one.name} cannot be read: {one.problem}"
            continue
        if one.stem.startswith("VMP") and one.frame_id != one.stem:
            yield f"vgen2/{one.name} carries FRAMEID {one.frame_id!r}"
        if one.exposure_id and one.exposure_id != one.frame_id.replace("VMPA", "VMPE", 1):
            yield f"vgen2/{one.name} carries EXP-ID {one.exposure_id!r} with {one.frame_id!r}"
        if one.frame_id:
            owners.setdefault(one.frame_id, []).append(one.name)
    for frame_id, names in sorted(owners.items()):
        # A plain cube and what it is packed as are one product.
        if len({name.removesuffix(".fz") for name in names}) > 1:
            yield f"FRAMEID {frame_id} is in {', '.join(names)}"


def _span(ids: Iterable[FrameId]) -> str:
    known = sorted(ids)
    if len(known) == 1:
        return str(known[0])
    return f"{len(known):,} IDs, {known[0]} to {known[-1]}"


def _listed(ids: Sequence[FrameId]) -> str:
    more = f" and {len(ids) - _LISTED:,} more" if len(ids) > _LISTED else ""
    return f"{', '.join(map(str, ids[:_LISTED]))}{more}"
