"""Plain FITS files that people have: any valid cards, any 16-bit pixels, checksums that agree."""

from __future__ import annotations

import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hypothesis import assume
from hypothesis import strategies as st

from tests.support.builders.headers import instrument_dictionary
from vampd.fits.headers import format_header, plain_cards, sum_bytes, unpackable_card
from vampd.model.cubes import Cards, render_card, render_string
from vampd.model.headers import format_cards

_PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " "
_KEYWORD = st.text(string.ascii_uppercase + string.digits + "-_", min_size=1, max_size=8)
# Names at the edge of what a table of tiles calls its own.
_NEIGHBOURS = st.sampled_from(
    [
        *("TUNIT1", "TNULL1", "TSCAL1", "TZERO1", "TDIM1", "TDISP1", "TTYPE", "ZTILE", "ZVAL1A"),
        *("ZFOO", "ZNAME", "EXTVER", "EXTLEVEL", "INHERIT", "BLANK", "DATAMAX", "LONGSTRN"),
        *("CHECKSUN", "ZEROPT", "XTEND", "P", "Z", "DATE", "ORIGIN", "BUNIT"),
    ]
)
# Structure and sums have cards of their own; what ends or goes on is made on purpose.
_NOT_FREE = frozenset(
    [
        *("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BSCALE", "BZERO", "CHECKSUM", "DATASUM"),
        *("ZHECKSUM", "ZDATASUM", "END", "CONTINUE", "COMMENT", "HISTORY", "HIERARCH", "EXTNAME"),
    ]
)


def text(most: int) -> st.SearchStrategy[str]:
    """Printable ASCII, quotes and slashes too."""
    return st.text(_PRINTABLE, max_size=most)


@st.composite
def _keyword(draw: st.DrawFn) -> str:
    keyword = draw(st.one_of(_KEYWORD, _NEIGHBOURS))
    # FZ...: orders to fpack. A hyphen in front: funpack drops such cards, and so they are refused.
    assume(keyword not in _NOT_FREE and not keyword.startswith(("NAXIS", "FZ", "-")))
    assume(unpackable_card(Cards((keyword.ljust(80),))) is None)
    return keyword


_NUMBERS = st.one_of(
    st.integers(-(10**17), 10**17).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:.10E}"),
    st.builds("{}{}.{}".format, st.sampled_from(["", "-", "+"]), st.integers(0, 999), st.just("")),
    st.builds("{:.{}f}".format, st.floats(-1e6, 1e6), st.integers(0, 9)),
    st.sampled_from(["1.D5", "-0.0", "007", ".5", "1E+05"]),
)


@st.composite
def _value_card(draw: st.DrawFn) -> list[str]:
    kinds = st.one_of(
        _NUMBERS,
        st.sampled_from(["T", "F", ""]),
        text(30).map(lambda value: render_string(value, draw(st.integers(8, 20)))),
    )
    card = render_card(draw(_keyword()), draw(kinds), draw(text(30)).strip())
    return [card.text]


@st.composite
def _free_format(draw: st.DrawFn) -> list[str]:
    """A number anywhere, as some loggers write it."""
    blanks = " " * draw(st.integers(0, 30))
    return [f"{draw(_keyword()):<8}= {blanks}{draw(_NUMBERS)} / x".ljust(80)]


@st.composite
def _long_string(draw: st.DrawFn) -> list[str]:
    pieces = draw(st.lists(text(25).map(lambda t: t.replace("'", "''")), min_size=2, max_size=4))
    last = len(pieces) - 1
    heads = [f"{draw(_keyword()):<8}= ", *["CONTINUE  "] * last]
    return [
        f"{head}'{piece}{'' if number == last else '&'}'".ljust(80)
        for number, (head, piece) in enumerate(zip(heads, pieces, strict=True))
    ]


@st.composite
def _dictionary_formed(draw: st.DrawFn) -> list[str]:
    """A number in the very text that the instrument's dictionary asks for."""
    dictionary = instrument_dictionary()
    keyword = draw(st.sampled_from(sorted(set(dictionary.entries) - _NOT_FREE)))
    assume(unpackable_card(Cards((keyword.ljust(80),))) is None)
    assume(not keyword.startswith("NAXIS"))
    raw = Cards((render_card(keyword, draw(_NUMBERS), "[s] x").text,))
    formatted = format_cards(raw, dictionary).edits
    return [formatted[0][1].text if formatted else raw.texts[0]]


_COMMENTARY = st.builds(
    lambda keyword, said: [f"{keyword:<8}{said}"[:80].ljust(80)],
    st.sampled_from(["COMMENT", "HISTORY", ""]),
    text(72),
)
_HIERARCH = st.builds(
    lambda names, number: [f"HIERARCH {' '.join(names)} = {number} / x".ljust(80)],
    st.lists(_KEYWORD, min_size=2, max_size=4),
    _NUMBERS,
)


def card_texts() -> st.SearchStrategy[tuple[str, ...]]:
    """The free cards of a header, in any order; a long string's stay together."""
    kinds = [
        _value_card(),
        _free_format(),
        _long_string(),
        _dictionary_formed(),
        _COMMENTARY,
        _HIERARCH,
    ]
    return st.lists(st.one_of(kinds), max_size=45).map(
        lambda parts: tuple(one for part in parts for one in part)
    )


def shapes() -> st.SearchStrategy[tuple[int, ...]]:
    """Of small cubes and images, as numpy counts: (frames,) rows, columns."""
    sides = st.integers(1, 9)
    return st.one_of(st.tuples(sides, sides), st.tuples(st.integers(1, 5), sides, sides))


def pixels_of(shape: tuple[int, ...], seed: int) -> npt.NDArray[np.int16]:
    """Stored values: noise of any strength."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 2.0 ** rng.integers(0, 16), shape)
    return noise.astype(np.int64).astype(np.int16)


def write_plain_file(
    path: Path,
    pixels: npt.NDArray[np.int16],
    texts: Sequence[str] = (),
    *,
    zero: int | None = 32768,
    sums: bool = True,
) -> Cards:
    """Write stored pixels under a header with these cards; ``zero`` is BZERO, None without one."""
    structure = {"SIMPLE": "T", "BITPIX": "16", "NAXIS": str(pixels.ndim)}
    structure |= {f"NAXIS{n}": str(size) for n, size in enumerate(reversed(pixels.shape), 1)}
    structure |= {"EXTEND": "T"}
    structure |= {} if zero is None else {"BSCALE": "1", "BZERO": str(zero)}
    cards = Cards((*(render_card(k, v, "as it is").text for k, v in structure.items()), *texts))
    stored = pixels.astype(">i2").tobytes()
    data = stored + bytes(-len(stored) % 2880)
    if sums:
        cards = plain_cards(cards, sum_bytes(data))
    path.write_bytes(format_header(cards) + data)
    return cards
