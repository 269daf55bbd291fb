"""The set-aside raw files that travel, held against what they were when they were first read.

Raw is not vampd's, so that it may change: a file that sync has set aside may still grow. What was
read to be sent has a receipt from then on. A file that begins with what its receipt says has grown,
and has a new one; any other change may be damage, and a person decides before it is sent over the
copy that is known to be good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from vampd.errors import DataError
from vampd.model.nights import FileStamp, Gate, NightId
from vampd.model.plan import Hash, Plan, ReadGrown, RecordReceipts, Remark, RenewReceipts
from vampd.model.proofs import (
    PackingReceipt,
    Place,
    Receipt,
    aside_receipts,
    find_damaged,
    is_set_aside,
    live_receipts,
    parse_sums,
)
from vampd.ports import NightReader

_FOLDERS = ("vbad", "vbad/vcam1", "vbad/vcam2")
_NAMED = 5


@dataclass(frozen=True)
class AsideFiles:
    """Set-aside files that are here, by path, and what is known of them.

    ``readings`` and ``claims`` are what was last read here and at the archive, of all files of the
    night, ``listed`` what SHA256SUMS says; ``there`` are the digests of what lies at the archive
    now, None unread; ``place`` names the folder of this ``date`` there.
    """

    files: Mapping[str, FileStamp] = field(default_factory=dict)
    receipts: Mapping[str, PackingReceipt] = field(default_factory=dict)
    readings: Mapping[str, Receipt] = field(default_factory=dict)
    claims: Mapping[str, Receipt] = field(default_factory=dict)
    listed: Mapping[str, str] = field(default_factory=dict)
    there: Mapping[str, str | None] = field(default_factory=dict)
    place: str = ""
    date: str = ""

    def reading(self, path: str) -> Receipt | None:
        """What the file is now, as it was read; None unread."""
        reading = self.readings.get(path)
        return reading if reading is not None and reading.file == self.files[path] else None


def files_aside(night: NightId, reader: NightReader) -> dict[str, FileStamp]:
    """The set-aside raw files that are here, by path."""
    return {
        file.path: file
        for folder in _FOLDERS
        for file in reader.files(night, folder)
        if is_set_aside(file.path)
    }


def describe_aside_faults(night: NightId, reader: NightReader) -> Iterator[str]:
    """What is not what its receipt says, one sentence each; nothing is read for it."""
    receipts = aside_receipts(live_receipts(reader.packing_receipts(night)))
    if not receipts:
        return
    files, readings = files_aside(night, reader), reader.receipts(night, Place.HERE)
    # One that is longer may have grown, which sync judges.
    suspects = {path: file for path, file in files.items() if _may_be_damaged(path, file, receipts)}
    for path in find_damaged(receipts, suspects, readings):
        yield f"{path} has changed: it is not what was read to be sent"


def plan_aside(aside: AsideFiles) -> Plan:
    """Put on record what is new, and what has grown; empty if all is what its receipt says.

    What has changed otherwise gets another receipt: `refuse_changed` stands before this.
    """
    doubtful = [path for path in sorted(aside.files) if _is_to_be_read_there(aside, path)]
    if doubtful:
        size = sum(aside.files[path].size for path in doubtful)
        return Plan.of([Hash(tuple(doubtful), Place.ARCHIVE, bytes=size)])
    new = tuple(receipt for path in sorted(aside.files) if (receipt := _first(aside, path)))
    if new:
        return Plan.of([RecordReceipts(new)])
    changed = find_changed(aside)
    renew = [RenewReceipts(tuple(changed.values()))] if changed else []
    grown = [ReadGrown(aside.receipts[path]) for path in sorted(aside.files) if _grew(aside, path)]
    return Plan.of([*renew, *grown], remarks=_remarks(aside))


def find_changed(aside: AsideFiles) -> dict[str, PackingReceipt]:
    """What these files are now, in place of what their receipts say, by path."""
    return {
        path: _receipt_of(reading)
        for path in sorted(aside.receipts.keys() & aside.files.keys())
        if (reading := aside.reading(path)) is not None
        and reading.sha256 != aside.receipts[path].sha256
    }


def refuse_changed(aside: AsideFiles, released: Collection[Gate]) -> None:
    """The gate before other bytes are sent over a set-aside file; once its copy was read there.

    DataError ``set_aside_changed``.
    """
    changed = find_changed(aside)
    if (
        not changed
        or Gate.SET_ASIDE_CHANGED in released
        or any(_is_to_be_read_there(aside, path) for path in changed)
    ):
        return
    first, *others = (_describe(aside, path) for path in changed)
    more = f"; and {len(others):,} more" if others else ""
    raise DataError(
        Gate.SET_ASIDE_CHANGED.value,
        f"{first}{more}. If it was damaged here, put a whole copy back in its place and `vampctl"
        f" retry {aside.date}`; if it is right as it is now, or the best that is left, `vampctl"
        f" release {aside.date}` sends it",
        paths=tuple(changed),
    )


def _describe(aside: AsideFiles, path: str) -> str:
    receipt, there = aside.receipts[path], aside.there.get(path)
    copy = f"its copy at {aside.place}/{path}"
    state = f"{copy} is whole" if there == receipt.sha256 else f"{copy} is not whole either"
    if path not in aside.there:
        state = f"no copy lies at {aside.place}"
    return (
        f"{path.removeprefix('vbad/')} was set aside with {receipt.size} bytes of SHA-256"
        f" {receipt.sha256}, and is something else now; {state}"
    )


def _remarks(aside: AsideFiles) -> list[Remark]:
    return [
        Remark(Gate.SET_ASIDE_CHANGED.value, path, _describe(aside, path))
        for path in list(find_changed(aside))[:_NAMED]
    ]


def _is_to_be_read_there(aside: AsideFiles, path: str) -> bool:
    """Whether the copy must first say what the file was, or whether it is whole."""
    if path not in aside.there or aside.there[path] is not None:
        return False
    reading = aside.reading(path)
    if reading is None:
        return False
    receipt = aside.receipts.get(path)
    known = receipt.sha256 if receipt is not None else aside.listed.get(path)
    return known not in (None, reading.sha256)


def _first(aside: AsideFiles, path: str) -> PackingReceipt | None:
    """The receipt of a file that has none: what was proven there, else what is read here.

    Where every record here was lost, a copy that lies there is the older witness of the two.
    """
    if path in aside.receipts:
        return None
    copy = aside.claims.get(path)
    for earlier in (copy, aside.readings.get(path)):
        if earlier is not None and earlier.sha256 == aside.listed.get(path):
            return _receipt_of(earlier)
    reading = aside.reading(path)
    if reading is None:
        return None
    if path not in aside.listed and copy is not None and copy.sha256 == aside.there.get(path):
        return _receipt_of(copy)
    return _receipt_of(reading)


def _receipt_of(reading: Receipt) -> PackingReceipt:
    return PackingReceipt(reading.path, reading.file.size, reading.sha256, None)


def _grew(aside: AsideFiles, path: str) -> bool:
    receipt = aside.receipts.get(path)
    is_longer = receipt is not None and aside.files[path].size > receipt.size
    return is_longer and aside.reading(path) is None


def _may_be_damaged(path: str, file: FileStamp, receipts: Mapping[str, PackingReceipt]) -> bool:
    return path in receipts and file.size <= receipts[path].size


def read_sums(text: str | None) -> Mapping[str, str]:
    """What SHA256SUMS says, as a witness: one that is damaged says nothing."""
    try:
        return parse_sums(text or "")
    except DataError:
        return {}
