"""What differs from its packing receipt is found from listings and readings alone."""

from dataclasses import replace

import pytest

from vampd.errors import DataError
from vampd.model.nights import FileStamp, Kind, NightId
from vampd.model.proofs import (
    PackingReceipt,
    Place,
    Receipt,
    describe_faults,
    find_damaged,
    find_missing,
    refuse_twins,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
A = PackingReceipt("vgen2/a.fits.fz", 10, "a" * 64, "1" * 64)
B = PackingReceipt("vgen2/b.fits.fz", 20, "b" * 64, "2" * 64)
RECEIPTS = {A.path: A, B.path: B}
FILES = {each.path: FileStamp(each.path, each.size, 7) for each in (A, B)}


def reading(receipt: PackingReceipt, mtime_ns: int = 7, sha256: str | None = None) -> Receipt:
    stamp = FileStamp(receipt.path, receipt.size, mtime_ns)
    return Receipt(Place.HERE, stamp, sha256 or receipt.sha256, 1.0)


READINGS = {each.path: reading(each) for each in (A, B)}


def faults(files: dict[str, FileStamp], readings: dict[str, Receipt]) -> list[str]:
    return list(describe_faults(RECEIPTS, files, readings))


def test_files_as_their_receipts_say_have_no_fault() -> None:
    assert find_damaged(RECEIPTS, FILES, READINGS) == ()
    assert find_missing(RECEIPTS, FILES) == ()
    assert faults(FILES, READINGS) == faults(FILES, {}) == []


def test_another_size_is_damage_without_a_reading() -> None:
    files = FILES | {A.path: FileStamp(A.path, 11, 7)}
    assert find_damaged(RECEIPTS, files, {}) == (A.path,)
    assert faults(files, READINGS) == [
        f"{A.path} is damaged here: it is not what its packing receipt says"
    ]


def test_a_reading_of_other_bytes_is_damage_while_the_file_is_the_one_that_was_read() -> None:
    readings = READINGS | {A.path: reading(A, sha256="f" * 64)}
    assert find_damaged(RECEIPTS, FILES, readings) == (A.path,)
    older = READINGS | {A.path: reading(A, mtime_ns=6, sha256="f" * 64)}
    assert find_damaged(RECEIPTS, FILES, older) == ()
    assert faults(FILES, older) == [
        f"{A.path} has changed since it was last read; it may be damaged"
    ]


def test_what_is_gone_is_missing_and_what_has_no_receipt_is_not() -> None:
    files = {B.path: FILES[B.path], "vgen2/c.txt": FileStamp("vgen2/c.txt", 1, 1)}
    assert find_missing(RECEIPTS, files) == (A.path,)
    assert find_damaged(RECEIPTS, files, READINGS) == ()
    assert faults(files, READINGS) == [f"{A.path} is gone: it has a packing receipt"]


def test_two_products_with_one_content_hold_the_night() -> None:
    refuse_twins(NIGHT, RECEIPTS)
    with pytest.raises(DataError) as caught:
        refuse_twins(NIGHT, {A.path: A, B.path: replace(B, sha256=A.sha256)})
    assert caught.value.code == "products_identical"
    assert caught.value.context["paths"] == (A.path, B.path)
    twins = {A.path: A, B.path: replace(B, identity=A.identity)}
    assert list(describe_faults(twins, FILES, {})) == [
        f"{A.path} and {B.path} have one content or one identity by their packing receipts"
    ]
