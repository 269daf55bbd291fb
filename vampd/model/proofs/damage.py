"""Files that are not what their packing receipts say, and the errors that hold their night."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from vampd.errors import DataError
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs.packing_receipt import RECEIPTS_PATH, PackingReceipt, find_twins
from vampd.model.proofs.receipt import Receipt

_NAMED_BY_ID = re.compile(r"/VMP[A-Z][0-9]{8}\.")
_NAMED = 5


def find_damaged(
    receipts: Mapping[str, PackingReceipt],
    files: Mapping[str, FileStamp],
    readings: Mapping[str, Receipt],
) -> tuple[str, ...]:
    """The files that are not what their receipts say, by their sizes and by what was last read."""
    return tuple(
        path
        for path in sorted(receipts.keys() & files.keys())
        if files[path].size != receipts[path].size
        or (
            (reading := readings.get(path)) is not None
            and reading.file == files[path]
            and reading.sha256 != receipts[path].sha256
        )
    )


def find_missing(
    receipts: Mapping[str, PackingReceipt], files: Mapping[str, FileStamp]
) -> tuple[str, ...]:
    """The files that have a receipt and are gone."""
    return tuple(sorted(receipts.keys() - files.keys()))


def describe_faults(
    receipts: Mapping[str, PackingReceipt],
    files: Mapping[str, FileStamp],
    readings: Mapping[str, Receipt],
) -> Iterator[str]:
    """What does not agree with the packing receipts, one sentence each; nothing is read for it."""
    damaged = find_damaged(receipts, files, readings)
    for path in damaged:
        yield f"{path} is damaged here: it is not what its packing receipt says"
    for path in find_missing(receipts, files):
        yield f"{path} is gone: it has a packing receipt"
    for path in sorted((receipts.keys() & files.keys()) - set(damaged)):
        reading = readings.get(path)
        if reading is not None and reading.file != files[path]:
            yield f"{path} has changed since it was last read; it may be damaged"
    for first, second in find_twins(receipts):
        yield f"{first} and {second} have one content or one identity by their packing receipts"


def refuse_twins(night: NightId, receipts: Mapping[str, PackingReceipt]) -> None:
    """DataError ``products_identical`` if two products have one content or one identity."""
    twins = find_twins(receipts)
    if twins:
        first, second = twins[0]
        raise DataError(
            "products_identical",
            f"{first} and {second} have one content or one identity by their packing receipts"
            f" ({len(twins)} such pairs); a product has frames of its own: find out how this came"
            " before anything of this night is used",
            night=str(night),
            paths=twins[0],
        )


def disagreement_error(
    night: NightId,
    receipts: Mapping[str, PackingReceipt],
    listed: Mapping[str, PackingReceipt],
    paths: Sequence[str],
) -> DataError:
    """``receipts_disagree``: of these paths, store (``receipts``) and folder differ."""
    cases = (
        f"{path}: {_digest_of(receipts, path)} in the database, {listed[path].sha256} in the folder"
        for path in paths[:_NAMED]
    )
    return DataError(
        "receipts_disagree",
        f"the database and {RECEIPTS_PATH} hold different packing receipts of {len(paths)} of the"
        f" night's files: {'; '.join(cases)}. The archive copy and raw are the witnesses: where the"
        f" database is right, move {RECEIPTS_PATH} out of the folder and `vampctl retry"
        f" {night.date}`; where the folder is, as when an older copy of the database was put back,"
        f" `vampctl verify {night.date}` and then `vampctl restore {night.date}` begin anew from"
        " raw; where raw is gone, the newest copy of the database must come back, or vampd start"
        " without one and take the folder's word where the rest of the folder confirms it",
        night=str(night),
        paths=tuple(paths),
    )


def _digest_of(receipts: Mapping[str, PackingReceipt], path: str) -> str:
    return receipts[path].sha256 if path in receipts else "nothing"


def damage_error(
    night: NightId,
    receipts: Mapping[str, PackingReceipt],
    damaged: Sequence[str],
    lost: Sequence[str],
) -> DataError:
    """``product_damaged``: these files are not what their receipts say, and ``lost`` are gone."""
    first = receipts[damaged[0]]
    gone = f", and {_listed(lost)} gone" if lost else ""
    return DataError(
        "product_damaged",
        f"{_listed(damaged)} not what the packing receipts say{gone}; the first must have"
        f" {first.size} bytes with SHA-256 {first.sha256}. Nothing of this night is sent."
        f" `vampctl recover {night.date}` gets them back, or says what can be done without a good"
        f" copy; then `vampctl retry {night.date}`",
        night=str(night),
        paths=tuple(damaged),
    )


def loss_error(night: NightId, lost: Sequence[str]) -> DataError:
    """``product_missing``: these files have receipts and are gone."""
    return DataError(
        "product_missing",
        f"{_listed(lost)} gone. Nothing of this night is sent. `vampctl recover {night.date}` gets"
        f" them back, then `vampctl retry {night.date}`",
        night=str(night),
        paths=tuple(lost),
    )


def unproven_error(night: NightId, paths: Sequence[str]) -> DataError:
    """``product_unproven``: nothing of the night accounts for what is in these products."""
    theirs = f"; if the old tools made it, say `vampctl adopt {night.date}` first, for its ID"
    return DataError(
        "product_unproven",
        f"{_listed(paths)} without a packing receipt, and no framelist or generation of the night"
        " can prove what is in it; find out where it comes from and move it out of the folder"
        f"{theirs if any(map(_NAMED_BY_ID.search, paths)) else ''}"
        f" (where only its sidecar is gone, `vampctl retry {night.date} --from sync` proves it)",
        night=str(night),
        paths=tuple(paths),
    )


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    verb = "is" if len(paths) == 1 else "are"
    return f"{', '.join(paths[:_NAMED])}{more} {verb}"
