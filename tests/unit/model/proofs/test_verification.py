"""Verification: what is bad is never forgotten before it was read again."""

import pytest

from tests.support.fakes.fake_night_reader import FakeFile, stamp_of
from vampd.model.proofs import (
    SUMS_NAME,
    CopyVerdict,
    PackingReceipt,
    Place,
    Receipt,
    choose_sample,
    expected_digests,
    format_bad_list,
    format_sums,
    judge_copy,
    text_digest,
)

A, B = "a" * 64, "b" * 64


def receipt(path: str, sha256: str, place: Place = Place.ARCHIVE) -> Receipt:
    return Receipt(place, stamp_of(path, FakeFile(b"")), sha256, 0.0)


def test_the_sums_say_what_must_be_there_themselves_included() -> None:
    sums = format_sums({"vgen2/x.fits.fz": A})
    expected = expected_digests(sums, {}, {}, {})
    assert expected == {"vgen2/x.fits.fz": A, SUMS_NAME: text_digest(sums)}


def test_without_sums_only_what_was_sent_is_expected_with_the_bytes_that_were_here() -> None:
    here = {path: receipt(path, A, Place.HERE) for path in ("x", "y")}
    there = {"x": receipt("x", B), "z": receipt("z", B)}
    assert expected_digests(None, here, there, {}) == {"x": A}


@pytest.mark.parametrize(
    "damaged", [None, "", "no sums\n", format_sums({"vbad/r.tsv": A, "vgen2/x.fits.fz": B})]
)
def test_what_was_packed_and_sent_must_be_there_whatever_became_of_the_sums(
    damaged: str | None,
) -> None:
    product, other, aside = "vgen2/x.fits.fz", "vgen2/y.fits.fz", "vbad/r.tsv"
    table = "header_table_20251106.csv"
    packed = {path: PackingReceipt(path, 1, A, "0" * 64) for path in (product, other, "vgen2/new")}
    there = {path: receipt(path, B) for path in (product, other, aside, table)}
    here = {path: receipt(path, A, Place.HERE) for path in (aside, table)}
    here[product] = receipt(product, B, Place.HERE)
    sums = format_sums(dict.fromkeys((aside, product, other, table), A))
    assert expected_digests(damaged, here, there, packed) == {
        aside: A,
        table: A,
        product: A,
        other: A,
        SUMS_NAME: text_digest(sums),
    }


def test_what_nothing_here_names_is_extra_and_not_bad() -> None:
    verdict = judge_copy({"x": A}, ("x",), {"x": receipt("x", A)}, ("x", "z", "y"))
    assert verdict == CopyVerdict(("x",), extra=("y", "z"))
    assert not verdict.bad


def test_other_bytes_are_damage_and_no_receipt_is_a_loss() -> None:
    read = {"x": receipt("x", A), "y": receipt("y", B)}
    verdict = judge_copy({"x": A, "y": A, "z": A}, ("x", "y", "z"), read)
    assert verdict == CopyVerdict(("x", "y", "z"), damaged=("y",), missing=("z",))
    assert verdict.bad == ("y", "z")


def test_the_list_keeps_what_was_not_read_this_time() -> None:
    before = "20251106/x\n20251106/y\n"
    assert format_bad_list(before, "20251106", ["y"], []) == "20251106/x\n"
    assert format_bad_list(before, "20251106", ["y", "z"], ["z"]) == "20251106/x\n20251106/z\n"
    assert format_bad_list(before, "20251106", ["x", "y"], []) == ""
    path = "vgen2/VMPA00425189.fits.fz"
    assert format_bad_list(None, "20251106", [path], [path]) == f"20251106/{path}\n"


def test_a_sample_is_never_empty_and_never_more_than_all() -> None:
    def first(paths: object, count: int) -> list[str]:
        return list(paths)[:count]  # type: ignore[call-overload]

    paths = [str(number) for number in range(200)]
    assert len(choose_sample(paths, 0.1, first)) == 1
    assert len(choose_sample(paths, 1, first)) == 2
    assert len(choose_sample(paths, 100, first)) == 200
    assert choose_sample([], 50, first) == ()
