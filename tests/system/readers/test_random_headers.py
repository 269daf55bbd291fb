"""Random raw headers: every reader accepts the product, and reads of it what vampd says.

Cards are made of what readers know, each part of them sometimes another: a name that vampd sets or
that describes the pixels, behind HIERARCH or in small letters, values of any type and of none,
bytes that are no text. Fixed oddities are in `test_readers`.
"""

from __future__ import annotations

import string
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import fitsio
import numpy as np
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.headers import instrument_dictionary
from tests.support.builders.raw_cubes import Pixels, raw_cards, raw_pixels, write_raw_cube
from tests.support.examples import examples
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube
from vampd.fits.raw import read_raw_cube
from vampd.model.cubes import (
    Cards,
    FrameRange,
    Product,
    ProductOrder,
    RawCube,
    apply_edits,
    build_framelist,
    stamp_frame_id,
)
from vampd.model.frame_ids import FrameId
from vampd.model.headers import format_cards
from vampd.model.nights import Stream
from vampd.model.proofs import PRODUCT_FORM

Tool = Callable[[str], str]
_SHAPE = (3, 6, 10)
# What has no value, and what fitsio leaves out.
_WITHOUT = frozenset({"", "SIMPLE", "EXTEND"})
_OF_PIXELS = frozenset({"BZERO", "BSCALE", "BLANK", "EXTEND"})
_FRAME_ID = FrameId(23_445)
# What vampd sets, and what describes the pixels.
_SET_OR_STRUCTURE = (
    "MJD UT HST-STR DATE-OBS U_FLC U_SYNC FRAMEID EXP-ID RET-ANG1 SIMPLE BITPIX NAXIS"
    " NAXIS1 NAXIS4 EXTEND BZERO BSCALE BLANK PCOUNT GCOUNT GROUPS XTENSION END"
)
# What readers give a type, and what only a compressed image says of itself.
_TYPED_OR_PACKED = (
    "OBJECT TELESCOP DATE DATEX DATE-END EXTNAME EXTVER EQUINOX CRVAL1 CD1_1 PC1_2"
    " WCSAXES BUNIT RADESYS CTYPE1 DATAMAX CHECKSUM DATASUM INHERIT ZIMAGE ZNAXIS1 ZTILE1"
    " ZQUANTIZ TFORM1 TTYPE2 TUNIT1 THEAP ZHECKSUM"
)
# What has numbers behind it.
_NUMBERED = "CTYPE CUNIT PS PV CD CRVAL CRPIX TTYPE TDIM TCRVL PTYPE NAXIS ZTILE"
_NAMES = st.one_of(
    st.sampled_from(_SET_OR_STRUCTURE.split()),
    st.sampled_from(_TYPED_OR_PACKED.split()),
    st.builds(
        "{}{}".format,
        st.sampled_from(_NUMBERED.split()),
        st.sampled_from(["1", "1A", "12", "1_1", "1_X", "1X2", "X", "_"]),
    ),
    st.sampled_from(["COMMENT", "HISTORY", "CONTINUE", "HIERARCH", "AIRMASS", "D_AU1TY", ""]),
    st.text(string.ascii_uppercase + string.digits + "-_", min_size=1, max_size=8),
    st.text(string.ascii_letters + "?*'. /=#&", min_size=1, max_size=8),
)
_HEADS = st.one_of(
    _NAMES.map(lambda name: f"{name[:8]:<8}= "),
    st.builds(
        "HIERARCH {}{}{}".format,
        st.lists(_NAMES, min_size=1, max_size=3).map(" ".join),
        st.sampled_from([" = ", "= ", " =", "=", "  =  "]),
        st.sampled_from(["", " "]),
    ),
    _NAMES.map(lambda name: f"{name.lower()[:8]:<8}= "),
    st.builds("{}{}".format, _NAMES, st.sampled_from(["=", " = ", "  ", " "])),
)
_PRINTED = string.ascii_letters + string.digits + " " + string.punctuation
_SAID = st.text(_PRINTED, max_size=30)
_NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(repr),
    st.floats(-1e6, 1e6).map("{:.6E}".format),
    st.sampled_from(["1.", ".5", ".", "1E", "1D5", "1e5", "+1", "0x1F", "1,5", "1 5", "4.9E-324"]),
    st.sampled_from(["NaN", "inf", "(1,2)", "1E400", "2_0", "-0", "007", "1E-400"]),
)
_TEXTS = st.one_of(
    _SAID.map(lambda said: "'{}'".format(said.replace("'", "''"))),
    st.builds(
        "'{}{}'".format, st.sampled_from("0159TF-."), _SAID.map(lambda s: s.replace("'", ""))
    ),
    _SAID.map("'{}".format),
    st.sampled_from(["''", "'goes &'", "'2025-11-06'", "'2025-02-30T10:00:00'", "'10:20:00'"]),
)
_VALUES = st.one_of(_NUMBERS, _TEXTS, st.sampled_from(["T", "F", "", "t", "True", "None"]), _SAID)
_COMMENTS = st.one_of(
    st.just(""), _SAID.map(" / {}".format), _SAID.map("/{}".format), st.just(" / a = b / c")
)


@st.composite
def _cards(draw: st.DrawFn) -> str:
    blanks = draw(st.sampled_from(["", "", " ", " " * 10]))
    text = f"{draw(_HEADS)}{blanks}{draw(_VALUES)}{draw(_COMMENTS)}"[:80].ljust(80)
    if draw(st.integers(0, 9)) == 0:
        place, odd = draw(st.integers(0, 79)), draw(st.sampled_from("\0\t\n\x1b\x7f\x80\xe9\xff"))
        text = text[:place] + odd + text[place + 1 :]
    return text


@st.composite
def _headers(draw: st.DrawFn) -> tuple[str, ...]:
    texts = draw(st.lists(_cards(), min_size=1, max_size=12))
    # Twice, alike or with another value.
    for text in draw(st.lists(st.sampled_from(texts), max_size=3)):
        texts.append(text if draw(st.booleans()) else draw(_cards())[:80])
        texts.append(f"{text[:10]}{draw(_VALUES)}"[:80].ljust(80))
    return tuple(texts)


def _pack(folder: Path, odd: tuple[str, ...], pixels: Pixels) -> Path:
    (folder / "vgen2").mkdir()
    # In front of vampd's own cards, but for what a raw cube says of its pixels first.
    plain = raw_cards(_SHAPE).texts
    front = tuple(text for text in odd if text[:8].rstrip() not in _OF_PIXELS)
    last = tuple(text for text in odd if text not in front)
    header = Cards((*plain[:6], *front, *plain[6:], *last))
    raw = write_raw_cube(folder, pixels=pixels, raw_header=header)
    cube = read_raw_cube(folder, raw.stamp, raw.timing_stamp, Stream.VCAM1)
    assert isinstance(cube, RawCube), cube
    first_us, middle_us, *_, last_us = (int(time) for time in raw.timing.acquired_us)
    product = Product(
        name=raw.path.name,
        order=ProductOrder(first_us, 1, "A"),
        synchronised=False,
        ranges=(FrameRange(cube.path, 0, _SHAPE[0]),),
        partners=(),
        first_us=first_us,
        middle_us=middle_us,
        last_us=last_us,
        offset_us=0,
        tolerance_us=0,
    )
    framelist = build_framelist(product, {cube.path: cube}, "1.2.3", PRODUCT_FORM)
    edits = format_cards(framelist.cards, instrument_dictionary()).edits
    framelist = stamp_frame_id(apply_edits(framelist, edits), _FRAME_ID)
    packed = folder / framelist.packed_path
    pack_cube(framelist, folder, packed, folder / framelist.sidecar_path, "full", SteadyPace())
    return packed


def _values(path: Path, hdu: int, pixels: Pixels) -> list[tuple[str, object]]:
    """Name and value of each card as astropy reads it, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(path, checksum=True) as hdus:
            hdus.verify("exception")
            assert np.array_equal(hdus[hdu].data, pixels)
            cards = list(hdus[hdu].header.cards)
    assert all(isinstance(card.keyword + card.comment, str) for card in cards)
    return [(card.keyword, card.value) for card in cards]


def _is_shown_by_fitsio(keyword: str) -> bool:
    """Whether fitsio shows the card with its value: it takes any beginning of CONTINUE for that."""
    return keyword not in _WITHOUT and not any(
        name.startswith(keyword[: len(name)]) for name in ("CONTINUE", "COMMENT", "HISTORY")
    )


@settings(max_examples=examples(5))
@given(odd=_headers())
def test_every_reader_accepts_the_product_of_any_header_and_reads_its_values_alike(
    tool: Tool, odd: tuple[str, ...]
) -> None:
    pixels = raw_pixels(*_SHAPE)
    with tempfile.TemporaryDirectory() as base:
        packed = _pack(Path(base), odd, pixels)
        plain = packed.with_suffix("")
        subprocess.run([tool("funpack"), packed], check=True)
        done = subprocess.run(
            [tool("fitsverify"), "-q", "-e", packed, plain],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout.count("verification OK")) == (0, 2), done.stdout
        for path, hdu in ((packed, 1), (plain, 0)):
            assert np.array_equal(fitsio.read(path, ext=hdu), pixels)
            header = fitsio.read_header(path, ext=hdu)
            assert header["FRAMEID"].strip() == str(_FRAME_ID)
            by_name: dict[str, list[object]] = {}
            for keyword, value in _values(path, hdu, pixels):
                by_name.setdefault(keyword, []).append(value)
            assert str(by_name["FRAMEID"][0]).strip() == str(_FRAME_ID)
            assert len(by_name["FRAMEID"]) == len(by_name["U_FLC"]) == len(by_name["MJD"]) == 1
            for keyword, (first, *_) in by_name.items():
                # A text is one for both, and a logical; numbers differ in their types alone.
                if isinstance(first, (str, bool)) and _is_shown_by_fitsio(keyword):
                    assert type(header[keyword]) is type(first), keyword
