"""Which raw cubes of a night are here, and which were removed: the one place that concludes it."""

from __future__ import annotations

from collections.abc import Iterable

from vampd.errors import DataError, UsageError
from vampd.model.cubes import RAW_REMOVED, RawPresence, judge_raw_presence
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import RECEIPTS_PATH, live_receipts, parse_receipts
from vampd.ports import SyncReader


def survey_raw(
    night: NightId, reader: SyncReader, files: Iterable[FileStamp] | None = None
) -> RawPresence:
    """Hold the raw files (``files``, or as they are listed now) against the night's records.

    DataError ``generation_damaged`` or ``receipts_damaged``. A folder without generations, such as
    one whose disk is not mounted, has lost nothing that is known.
    """
    listed = reader.raw_files(night) if files is None else files
    purged = {each.file for each in reader.purged_files(night)}
    return judge_raw_presence(reader.generations(night), listed, _packed(night, reader), purged)


def refuse_without_raw(night: NightId, reader: SyncReader) -> None:
    """UsageError ``raw_removed``: sync cannot make again what it made from cubes that are gone."""
    try:
        removed = survey_raw(night, reader).removed
    except DataError:
        return  # the stage names what is damaged
    if removed:
        cubes = "1 raw cube was" if len(removed) == 1 else f"{len(removed):,} raw cubes were"
        raise UsageError(
            RAW_REMOVED,
            f"{cubes} removed, first: {removed[0].fits.path}, so its products cannot be made from"
            f" raw again; `vampctl recover {night.date}` gets them back from the archive copy,"
            f" `vampctl retry {night.date} --from transfer` reads that copy again",
        )


def is_folder_ahead(night: NightId, reader: SyncReader) -> bool:
    """Whether receipts.tsv has products that the database has not, or has others under their names.

    So it is where an older copy of the database was put back; a stage takes them up, or says what
    disagrees.
    """
    receipts = live_receipts(reader.packing_receipts(night))
    listing = reader.text(night, RECEIPTS_PATH) if receipts else None
    try:
        listed = {} if listing is None else parse_receipts(listing)
    except DataError:
        return True
    return any(each.identity and receipts.get(path) != each for path, each in listed.items())


def _packed(night: NightId, reader: SyncReader) -> frozenset[str]:
    """The identities of the proven products: on record, else in the folder.

    Earlier versions kept no packing receipts; of their nights the products themselves tell.
    """
    receipts = live_receipts(reader.packing_receipts(night))
    listing = None if receipts else reader.text(night, RECEIPTS_PATH)
    if listing is not None:
        receipts = parse_receipts(listing)
    if receipts:
        return frozenset(each.identity for each in receipts.values() if each.identity)
    return frozenset(each.identity for each in reader.packed_products(night) if each.identity)
