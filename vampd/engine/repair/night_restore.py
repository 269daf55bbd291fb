"""Restoring a night: what must hold before, what it removes, and the states meanwhile.

Nothing is changed before raw is known to be whole and everything to be removable. Then the night is
held as half restored (``restore_unfinished``), what its manifests said of the products is put on
record if it is not yet, the folder is brought back to raw, the receipts go, and only then is the
night one that was restored. Whatever ends it in between, it resumes from there: planning again
finds what is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vampd import __version__
from vampd.disk.durable import creating, names_in
from vampd.disk.failpoint import failpoint
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import refuse_links
from vampd.disk.rights import Obstacle
from vampd.engine.nights.old_evidence import read_evidence, read_loose_manifests
from vampd.engine.nights.old_traces import old_tool_traces
from vampd.engine.repair.raw_comparison import find_other_raw
from vampd.engine.repair.restoring import (
    Restoration,
    find_obstacles_to,
    plan_old_tools,
    plan_own,
    restore_folder,
)
from vampd.errors import DataError, StateError, UsageError
from vampd.model.cubes import (
    Generation,
    LostRaw,
    find_given_up,
    find_lost_raw,
)
from vampd.model.delivery import (
    AnnouncedManifest,
    RemadeProduct,
    announced_manifests,
    find_remade,
    missing_digests,
    note_name,
)
from vampd.model.nights import (
    RESTORE_UNFINISHED,
    RESTORED,
    Event,
    EventName,
    FileStamp,
    NightId,
    Status,
    is_lasting,
)
from vampd.model.proofs import SUMS_NAME, Place, Receipt, live_receipts, text_bytes
from vampd.ports import NightReader, NightStore, PackingReceipts, Receipts
from vampd.stages.records.manifest_files import read_listed_manifests
from vampd.stages.records.own_paths import PACKED_SUFFIX

_NAMED = 5


@dataclass(frozen=True)
class NightRestore:
    """What restoring a night does, what forbids it, and what the outside knows of its products."""

    night: NightId
    folder: Path
    restoration: Restoration
    of_old_tools: bool
    lost_raw: tuple[LostRaw, ...]
    # Cubes of products that a person gave up: raw does not give these again.
    given_up: tuple[LostRaw, ...]
    obstacles: tuple[Obstacle, ...]
    announced: tuple[AnnouncedManifest, ...]
    # The products that were read at the archive, where they stay.
    sent: tuple[Receipt, ...]
    remade: tuple[RemadeProduct, ...]
    # Digests that manifests lack, by file name: what knows them is removed.
    digests: Mapping[str, str]
    # What shows, or showed, that others gave frame IDs to its frames; '' for nothing.
    foreign: str

    def refuse_unsafe(self) -> None:
        """DataError ``foreign_ids``, ``raw_incomplete`` or ``not_removable`` says why not."""
        date = self.night.date
        if self.foreign:
            raise DataError(
                "foreign_ids",
                f"frames of {date} have frame IDs of the old tools ({self.foreign}), and would get"
                " other ones from raw: one frame would have two, and STARS may know the first. So"
                f" nothing was changed. Leave the night as it is: `vampctl adopt {date}` puts what"
                " the old tools did on record",
                night=str(self.night),
            )
        if self.given_up:
            raise DataError(
                "raw_incomplete",
                f"{date} was released without products that were lost, and no longer comes out of"
                f" raw: {_first_of(self.given_up)}. Other bytes would get frame IDs that were used,"
                " so nothing was changed, and nothing makes a restore possible. Its other products"
                f" need none: `vampctl recover {date}` gets back a damaged one, and late data are"
                " taken up as ever",
                night=str(self.night),
            )
        if self.lost_raw:
            raise DataError(
                "raw_incomplete",
                f"raw is not what the products of {date} were made from:"
                f" {_first_of(self.lost_raw)}. Its products may be the only copy of these frames"
                f" here, so nothing was changed. Bring these files back; a damaged product needs no"
                f" restore where a good copy is left, which `vampctl recover {date}` looks for; it"
                " says what goes on without one",
                night=str(self.night),
            )
        if self.obstacles:
            raise DataError(
                "not_removable",
                f"not everything could be removed, so nothing was changed:"
                f" {_first_of(self.obstacles)}",
                night=str(self.night),
            )


def plan_restore(night: NightId, root: Path, reader: NightReader) -> NightRestore:
    """Look at the night, changing nothing.

    UsageError ``no_folder``; DataError ``not_ours``, ``generation_damaged``, ``manifest_damaged``,
    or ``not_removable`` where a folder cannot even be listed.
    """
    folder = root / night.folder
    if not folder.is_dir():
        raise UsageError("no_folder", f"there is no folder {folder}, so nothing can be restored")
    refuse_links(folder)
    of_old_tools = _is_of_old_tools(root, night)
    restoration = plan_old_tools(folder) if of_old_tools else plan_own(folder)
    generations = reader.generations(night)
    foreign = _find_foreign(root, night, reader) if of_old_tools or not generations else ""
    lost_raw = _find_unrecorded(night, generations, reader)
    if not of_old_tools:
        lost_raw += _find_lost_raw(night, folder, generations, reader)
    note = reader.text(night, note_name(night.date))
    archived = reader.receipts(night, Place.ARCHIVE)
    # A manifest of the old tools may be anything, and is none of ours.
    listed = () if of_old_tools or foreign else read_listed_manifests(night, reader)
    return NightRestore(
        night,
        folder,
        restoration,
        of_old_tools,
        lost_raw=lost_raw,
        given_up=find_given_up(generations),
        obstacles=find_obstacles_to(folder, restoration),
        announced=announced_manifests(reader.correspondence(night), night, note),
        sent=tuple(one for one in archived.values() if one.path.endswith(PACKED_SUFFIX)),
        remade=find_remade(
            generations, live_receipts(reader.packing_receipts(night)), listed, __version__
        ),
        digests=missing_digests(listed, archived, reader.text(night, SUMS_NAME)),
        foreign=foreign,
    )


def restore_night(
    plan: Callable[[], NightRestore],
    reader: NightReader,
    store: NightStore,
    receipts: Receipts,
    packing_receipts: PackingReceipts,
    *,
    clock: Callable[[], float],
    actor: str,
) -> None:
    """Do it; whoever calls this holds the night's locks.

    ``plan`` is asked again, because the folder may have changed while a person was asked; then raw
    is read, and compared with the products. Raises as `plan_restore`, `find_other_raw` and
    `NightRestore.refuse_unsafe`; StateError ``night_running``.
    """
    found = plan()
    found.refuse_unsafe()
    night = found.night
    current = store.night(night)
    if current is not None and current.state.status is Status.RUNNING:
        raise StateError(
            "night_running",
            f"{night.date} is running at {current.state.stage}; `vampctl hold NIGHT` first",
        )
    if current is None or current.code != RESTORE_UNFINISHED:
        other = find_other_raw(night, found.folder, reader, SteadyPace())
        replace(found, lost_raw=other).refuse_unsafe()
    store.apply(
        night,
        Event(EventName.RESTORE_BEGUN),
        at=clock(),
        actor=actor,
        code=RESTORE_UNFINISHED,
        message=f"brought back to raw, but not to the end: `vampctl restore {night.date}` resumes",
    )
    failpoint("restoring.night.begun")
    for name, text in found.digests.items():
        with creating(found.folder / name) as file:
            file.write(text_bytes(text))
    restore_folder(found.folder, found.restoration)
    # A packer that was frozen before its last call may have named a file since that was planned. It
    # can name no other: its temporary file is gone, and for a new one it looks at the lease.
    while not found.of_old_tools and (named_since := plan_own(found.folder)):
        restore_folder(found.folder, named_since)
    failpoint("restoring.folder.restored")
    packing_receipts.end(night, at=clock(), actor=actor)
    receipts.forget(night)
    failpoint("restoring.receipts.forgotten")
    store.apply(
        night,
        Event(EventName.RESTORED),
        at=clock(),
        actor=actor,
        code=RESTORED,
        message="brought back to raw by a person",
    )


def _is_of_old_tools(root: Path, night: NightId) -> bool:
    traces = old_tool_traces(root, night)
    # What lasts says nothing about the folder: it may have been restored already.
    in_folder = [trace for trace in traces if not is_lasting(trace)]
    # An empty vgen2 may be theirs or ours; losing it costs nothing.
    backups = [name for name in names_in(root / night.folder) if name.endswith("_hlinkbak")]
    return bool(in_folder or backups)


def _find_foreign(root: Path, night: NightId, reader: NightReader) -> str:
    own = {bound.frame_id for bound in reader.bound_ids(night).values()}
    listed = read_loose_manifests(root).get(night, ())
    shown = read_evidence(root, night, None, listed).describe_foreign(own)
    return shown or ", ".join(map(str, reader.foreign_ids(night)[:_NAMED]))


def _find_unrecorded(
    night: NightId, generations: Sequence[Generation], reader: NightReader
) -> tuple[LostRaw, ...]:
    """Products that no generation holds; without any, a folder looks like the old tools'."""
    decided = {product.identity for each in generations for product in each.products}
    decided |= {identity for each in generations for identity in each.withdrawn}
    receipts = live_receipts(reader.packing_receipts(night)).values()
    proven = {each.identity for each in receipts} if generations else None
    own = [one for one in reader.packed_products(night) if one.identity not in {None, *decided}]
    if proven is not None:
        own = [one for one in own if one.identity in proven]
    if not own:
        return ()
    which = "a generation" if generations else "every generation"
    return (LostRaw(which, f"is gone, so no one knows what {own[0].file.path} needs"),)


def _find_lost_raw(
    night: NightId, folder: Path, generations: Sequence[Generation], reader: NightReader
) -> tuple[LostRaw, ...]:
    files = {file.path: file for file in reader.raw_files(night)}
    lost = find_lost_raw(generations, files)
    unreadable = (
        LostRaw(path, f"may not be read by uid {os.geteuid()}")
        for path in _accounted(generations, files)
        if not os.access(folder / path, os.R_OK, effective_ids=True)
    )
    return (*lost, *unreadable)


def _accounted(generations: Sequence[Generation], files: dict[str, FileStamp]) -> tuple[str, ...]:
    """The raw files that the generations know and that have content."""
    known = {
        stamp.path
        for generation in generations
        for cube in generation.cubes
        for stamp in (cube.fits, cube.timing_file)
        if stamp is not None
    }
    return tuple(path for path in sorted(known & files.keys()) if files[path].size)


def _first_of(found: Sequence[object]) -> str:
    more = len(found) - _NAMED
    named = "; ".join(map(str, found[:_NAMED]))
    return f"{named} (and {more:,} more)" if more > 0 else named
