"""Set-aside raw files that a person gave up: gone here, and not whole at the archive."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field

from vampd.model.cubes import Generation, accounted_cubes
from vampd.model.nights import NightId
from vampd.model.plan import EndReceipts, RecordReceipts
from vampd.model.proofs import (
    SUMS_NAME,
    PackingReceipt,
    Place,
    ended_receipts,
    is_set_aside,
    live_receipts,
)
from vampd.model.sync import Withdrawal, give_up_aside
from vampd.ports import SyncReader
from vampd.stages.aside_files import read_sums


@dataclass(frozen=True)
class LostAside:
    """``news`` is what no generation says of their cubes yet.

    ``paths`` are the files whose receipts are to be ended, ``unrecorded`` the receipts of those
    that have none on record.
    """

    news: Withdrawal = field(default_factory=Withdrawal)
    unrecorded: tuple[PackingReceipt, ...] = ()
    paths: tuple[str, ...] = ()


def find_lost_aside(
    night: NightId,
    reader: SyncReader,
    generations: Sequence[Generation],
    raw_paths: Container[str],
) -> LostAside:
    """What a person let go and is still gone here; ``generations`` are those that count."""
    lost = {
        path: path.removeprefix("vbad/")
        for path in sorted(reader.let_go(night))
        if is_set_aside(path) and path.removeprefix("vbad/") not in raw_paths
    }
    if not lost:
        return LostAside()
    recorded = reader.packing_receipts(night)
    live = live_receipts(recorded)
    known = {*live, *(each.receipt.path for each in ended_receipts(recorded))}
    # Without a receipt, as after the loss of the database, these say what it was.
    digests = dict(read_sums(reader.text(night, SUMS_NAME)))
    digests |= {path: each.sha256 for path, each in reader.receipts(night, Place.HERE).items()}
    sizes = {
        stamp.path: stamp.size
        for account in accounted_cubes(generations).values()
        for stamp in (account.fits, account.timing_file)
        if stamp is not None
    }
    unrecorded = tuple(
        PackingReceipt(path, sizes[raw], digests[path], None)
        for path, raw in lost.items()
        if path not in known and path in digests and raw in sizes
    )
    return LostAside(
        give_up_aside(generations, lost.values(), raw_paths),
        unrecorded,
        (*(path for path in lost if path in live), *(each.path for each in unrecorded)),
    )


def end_lost_aside(lost: LostAside) -> Iterator[list[RecordReceipts | EndReceipts]]:
    """The waves that end their receipts, once a generation says that they are lost."""
    if lost.unrecorded:
        yield [RecordReceipts(lost.unrecorded)]
    if lost.paths:
        yield [EndReceipts(lost.paths)]
