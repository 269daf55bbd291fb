"""Packing receipts beside the data: one text for one set of receipts, read back as it was."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.proofs import (
    PackingReceipt,
    RecordedReceipt,
    find_twins,
    format_receipts,
    live_receipts,
    parse_receipts,
)

DIGESTS = st.integers(0, 2**256 - 1).map("{:064x}".format)
RECEIPTS = st.builds(
    PackingReceipt,
    path=st.text(st.characters(exclude_characters="\0/"), min_size=1).map("vgen2/a{}".format),
    size=st.integers(0, 10**18 - 1),
    sha256=DIGESTS,
    identity=st.none() | DIGESTS,
    form=st.integers(1, 9),
)
A = PackingReceipt("vgen2/a.fits.fz", 1, "a" * 64, "1" * 64)
B = PackingReceipt("vgen2/b.fits.fz", 2, "b" * 64, "2" * 64)


@given(st.lists(RECEIPTS, unique_by=lambda each: each.path), st.randoms())
def test_the_text_is_the_same_in_whatever_order_files_were_proven(
    receipts: list[PackingReceipt], chance: random.Random
) -> None:
    text = format_receipts(receipts)
    assert parse_receipts(text) == {each.path: each for each in receipts}
    chance.shuffle(receipts)
    assert format_receipts(receipts) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "path\tsize\n",
        format_receipts([A])[:-30] + "\n",
        format_receipts([A]) + "more\n",
        format_receipts([A]) + format_receipts([A]).split("\n")[1] + "\n",
        format_receipts([A]).replace("\t1\t", "\t-1\t"),
        format_receipts([A]).replace("a" * 64, "A" * 64),
        format_receipts([A]).replace("1" * 64, ""),
    ],
)
def test_a_damaged_listing_is_refused(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_receipts(text)
    assert caught.value.code == "receipts_damaged"


def test_only_receipts_that_have_not_ended_are_live() -> None:
    recorded = [RecordedReceipt(A, 1.0, 2.0, "alice"), RecordedReceipt(replace(A, size=9), 3.0)]
    assert live_receipts([*recorded, RecordedReceipt(B, 4.0, 5.0, "bob")]) == {
        A.path: replace(A, size=9)
    }


def twins(*receipts: PackingReceipt) -> tuple[tuple[str, str], ...]:
    return find_twins({each.path: each for each in receipts})


def test_products_and_identities_are_one_to_one() -> None:
    assert twins(A, B) == ()
    assert twins(A, replace(B, sha256=A.sha256)) == ((A.path, B.path),)
    assert twins(A, replace(B, identity=A.identity)) == ((A.path, B.path),)
    assert twins(A, replace(A, path=B.path)) == ((A.path, B.path),)


def test_files_that_are_no_products_may_be_alike() -> None:
    assert twins(replace(A, identity=None), replace(B, identity=None, sha256=A.sha256)) == ()
