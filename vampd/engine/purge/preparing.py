"""What a purge adds to a night before raw goes, and what then travels as the rest of it does.

Raw records of the cubes whose frames are in products, and links to those that travel whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vampd.disk.durable import link_durably, make_folder
from vampd.disk.failpoint import failpoint
from vampd.engine.purge.raw_records import records_path, write_raw_records
from vampd.model.cubes import CubeAccount
from vampd.model.nights import CAMERA_STREAMS, Event, EventName, FileStamp, NightId
from vampd.model.proofs import live_receipts
from vampd.ports import NightStore, PackingReceipts
from vampd.stages.set_aside import aside_path


def extend_night(
    night: NightId,
    folder: Path,
    cubes: Sequence[CubeAccount],
    whole: Sequence[FileStamp],
    store: NightStore,
    packing_receipts: PackingReceipts,
    *,
    clock: Callable[[], float],
    actor: str,
) -> None:
    """Write the raw records of ``cubes``, and send the night back to transfer with them.

    The files ``whole`` are linked under vbad. Until all of it is proven there, the night is not
    safe: it goes back before the records have receipts, with which they travel, and before there
    are links. Whoever calls this holds the night's locks. IllegalTransition if it is not done any
    more.
    """
    taken = set(live_receipts(packing_receipts.of(night)))
    receipts = []
    for stream in CAMERA_STREAMS:
        own = [cube for cube in cubes if cube.fits.path.startswith(f"{stream}/")]
        if own:
            receipts.append(write_raw_records(folder, records_path(stream, taken), own))
            failpoint("purge.records.written")
    store.apply(
        night,
        Event(EventName.EXTENDED),
        at=clock(),
        actor=actor,
        code="raw_records",
        message="what products do not hold of raw is sent before raw is purged",
    )
    failpoint("purge.night.extended")
    packing_receipts.record(night, receipts, at=clock())
    failpoint("purge.records.recorded")
    for file in whole:
        link = folder / aside_path(file.path)
        make_folder(link.parent)
        link_durably(f"../../{file.path}", link)
        failpoint("purge.file.linked")
