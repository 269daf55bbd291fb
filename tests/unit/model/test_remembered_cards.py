"""What is remembered of header cards, for speed, is of the last headers alone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest

from tests.support.builders.headers import instrument_dictionary
from vampd.model.cubes import Card, Cards
from vampd.model.cubes.readable_cards import make_readable
from vampd.model.headers import HeaderTable, format_cards

_DICTIONARY = instrument_dictionary()
_FIRST, _ALL = 50, 150
# Each with a time and readings that no other header has.
_HEADERS_A_NIGHT = 30


_STRUCTURE = "SIMPLE  = T", "BITPIX  = 16", "NAXIS   = 0"


def header(number: int) -> Cards:
    own = f"MJD     = {60_000 + number / 1e4:20.7f}", f"AIRMASS = {1 + number / 1e6:20.7f}"
    return Cards(tuple(text.ljust(80) for text in (*_STRUCTURE, *own)))


def values_of(cards: Cards) -> None:
    for text in cards.texts:
        assert Card(text).value != ""


def row_of(cards: Cards) -> None:
    HeaderTable(_DICTIONARY).add("VMPA1.fits.fz", cards)


def form_of(cards: Cards) -> None:
    format_cards(cards, _DICTIONARY)


def blocks_after(use: Callable[[Cards], object], first: int, last: int) -> int:
    """What Python has allocated once these nights' headers were used, and dropped."""
    for number in range(first * _HEADERS_A_NIGHT, last * _HEADERS_A_NIGHT):
        use(header(number))
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize("use", [values_of, make_readable, row_of, form_of])
def test_hundreds_of_nights_leave_no_more_objects_than_fifty(
    use: Callable[[Cards], object],
) -> None:
    early = blocks_after(use, 0, _FIRST)
    grown = blocks_after(use, _FIRST, _ALL) - early
    # Other threads of the process allocate a little meanwhile.
    assert grown < _ALL - _FIRST
