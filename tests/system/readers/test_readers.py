"""A night of 60 header oddities: every reader accepts every product.

fitsverify, astropy, fitsio and funpack here; in the soak nom.tam.fits too, which shares no code
with cfitsio and takes a Java compiler some seconds, and the oldest astropy that vampd allows and
the newest pandas, in an environment of their own.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import astropy
import fitsio
import numpy as np
import pytest
from astropy.io import fits

from tests.conftest import ROOT
from tests.support.builders.headers import instrument_dictionary
from tests.support.builders.raw_cubes import Pixels, raw_cards, raw_pixels, write_raw_cube
from vampd.disk.pace import SteadyPace
from vampd.fits.products import pack_cube, read_product_cards
from vampd.fits.raw import read_raw_cube
from vampd.model.cubes import (
    Cards,
    FrameRange,
    Product,
    ProductOrder,
    RawCube,
    apply_edits,
    build_framelist,
    render_card,
    stamp_frame_id,
)
from vampd.model.frame_ids import FrameId
from vampd.model.headers import HeaderTable, format_cards
from vampd.model.nights import Stream
from vampd.model.proofs import PRODUCT_FORM

Tool = Callable[[str], str]
_SHAPE = (3, 6, 10)
_JARS = "/usr/share/java/fits.jar:/usr/share/java/commons-compress.jar"
_READER = Path(__file__).parents[2] / "support" / "tools" / "FitsReader.java"
# Arguments: the products. Writes the frame ID and the pixels' digest of each.
_ASTROPY = """
import hashlib, sys, warnings
import astropy
from astropy.io import fits

print(astropy.__version__)
warnings.simplefilter("error")
for path in sys.argv[1:]:
    hdu = int(path.endswith(".fz"))
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        for card in hdus[hdu].header.cards:
            assert isinstance(card.keyword + card.comment, str) and card.value is not None
        pixels = hdus[hdu].data
        assert pixels.dtype == "uint16"
        digest = hashlib.sha256(pixels.astype("<u2").tobytes()).hexdigest()
        print(hdus[hdu].header["FRAMEID"].strip(), digest)
"""
# Arguments: the table. Writes what the selections of observers give.
_PANDAS = """
import sys
import pandas

# As docs/formats.md says.
table = pandas.read_csv(sys.argv[1], keep_default_na=False, na_values=[""])
assert (table["U_CAMERA"].dtype.kind, table["MJD"].dtype.kind) == ("i", "f")
assert table["U_SYNC"].dtype == bool
chosen = table[table["U_SYNC"] & (table["U_FLC"] != "D") & (table["DATA-TYP"] == "OBJECT")]
print(*chosen["path"])
print(*table.query("U_CAMERA == 1 and OBJECT == 'HD 1, \\"x\\"'")["path"])
print(*table[table["U_FLC"] == "NA"]["path"])
print(*table.sort_values("MJD")["MJD"])
print(table["AIRMASS"].isna().sum())
"""
_ODDITIES = (
    # Twice: what vampd sets, what it goes by, what describes the pixels.
    *("MJD     =              60000.0", "MJD-STR =              60000.0", "UT-END  = '00:00:00'"),
    *("U_FLC   = 'NA      '", "FRAMEID = 'OLD     '", "EXP-ID  = 'OLD     '", "DATE-OBS= 'old'"),
    *("RET-ANG1=                 45.0", "OBJECT  = 'another'", "EXPTIME =                  9.0"),
    *("BZERO   =                    0", "BSCALE  =                  2.0", "NAXIS1  =       99"),
    *("BITPIX  =                  -32", "SIMPLE  =                    F", "NAXIS4  =        1"),
    # No values of FITS.
    *("AIRMASS =                  NaN", "SEEING  =                 -inf", "DOM-TMP = 'open"),
    *("DOM-WND =                  1,5", "DOM-HUM =                  1 5", "DOM-PRS =     0x1F"),
    *("OUT-TMP =                 None", "OUT-HUM =               1E9999", "OUT-WND =        ."),
    *("U_TRIGEN=                 True", "U_VLOG1 =                    t", "OUT-PRS = 'it's'"),
    *("CRVAL1  =                  NaN", "CRPIX1  =", "CD1_1   = 'x'", "EQUINOX = 'J2000'"),
    # Values in another form than readers know for the keyword.
    *("TELESCOP=                    5", "INSTRUME= VAMPIRES", "OBSERVER=", "ZD      = 1.5e+01"),
    *("DATE-END= '2025-11-06 10:20'", "BUNIT   =                    1", "WCSAXES = '2'"),
    *("EXTNAME =                    5", "EXTVER  =                  1.5", "BLANK   =      0.5"),
    # Bytes that are not ASCII, in Latin-1 and in UTF-8.
    *("SITE    = 'Maunak\xe9a' / \xa0", "PLACE   = 'a' / b \xe2\x80\x93 c", "N\xe9  = 1"),
    # Bytes that are no text at all.
    *("SETTING = 'a\tb\0' / c\x1b[2J", "NULS    = 1\0\0", "LINE\n   = 1", "\0" * 80, "\x7f"),
    # What only other HDUs say of themselves.
    *("PCOUNT  =                    0", "GCOUNT  =                    1", "GROUPS  =        F"),
    *("ZQUANTIZ= 'NO_DITHER'", "ZIMAGE  =                    T", "ZTILE1  =               10"),
    *("TTYPE1  = 'COMPRESSED_DATA'", "TUNIT1  = 'adu'", "XTENSION= 'IMAGE'", "THEAP   =   0"),
    # What is no card.
    *("airmass2=                  1.5", " LEADING=                    1", "IN SIDE =        1"),
    *("NOVALUE =1", "END     =                    5", "CONTINUE  'of nothing'", "HIERARCH x"),
    # What a reader knows by another name than vampd, and what it takes for a pattern.
    *("HIERARCH END = 5", "HIERARCH ZNAXIS1 = 5", "HIERARCH FRAMEID = 5", "HIERARCH U_FLC = 'B'"),
    *("HIERARCH ESO DET?1 = 5", "HIERARCH eso tel = 5", "HIERARCH ESO * = 1", "HIERARCH= =1"),
    *("HIERARCH ESO DAY ='2025-11-06'", "bzero   = 0", "u_flc   = 'B'", "-X      = 5"),
    # Twice, with values of two types.
    *("SEEING2 = 'none'", "SEEING2 =                  1.5", "U_DETMOD=                    5"),
    *("U_TRIGJT= 'twenty'", "PRD-MIN1=", "BIN-FCT1=                    T", "DATA-TYP= 2025-11-06"),
    # Days that no calendar has, and numbers that lose their digits.
    *("DATE-AVG= '2025-02-30'", "DATE-BEG= '2025-11-06T24:00:00'", "DATEX   = 'x&'"),
    *("TINY    =               1E-400", "LEAST   =             4.9E-324", "DATELOG =     5"),
    *("EXTLEVEL=  9223372036854775808", "COMMENT = 5", "HIERARCH COMMENT = 'x' / y"),
    *("LONG    = 'goes &'", "CONTINUE  'on'", *[""] * 41),
)


# The right values, and not as readers want them.
_ODD_STRUCTURE = {
    "SIMPLE  ": "SIMPLE  = F",
    "BITPIX  ": "BITPIX  =                  16.",
    "NAXIS   ": "NAXIS   = 3 / axes",
    "NAXIS1  ": "NAXIS1  =                  1E1",
    "EXTEND  ": "EXTEND  =                    1",
    "BZERO   ": "BZERO   = 3.2768e4",
    "BSCALE  ": "BSCALE  = 1.",
}


def _oddities() -> Iterator[tuple[str, ...]]:
    """As they stand in raw headers, a dozen a cube, blank cards last."""
    assert len([text for text in _ODDITIES if text]) >= 60
    for start in range(0, len(_ODDITIES), 12):
        yield tuple(text.ljust(80) for text in _ODDITIES[start : start + 12])


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Pixels]]:
    """The packed products, in the dictionary's form and with IDs, and the pixels of each."""
    folder = tmp_path_factory.mktemp("night")
    (folder / "vgen2").mkdir()
    pixels = raw_pixels(*_SHAPE)
    made = []
    for number, odd in enumerate(_oddities()):
        plain = raw_cards(_SHAPE)
        name = f"vcam1_10:20:{number:02d}.509419918.fits"
        odd_structure = _ODD_STRUCTURE if number % 2 else {}
        texts = (odd_structure.get(text[:8], text).ljust(80) for text in plain.texts)
        header = Cards((*texts, *odd))
        raw = write_raw_cube(folder, pixels=pixels, raw_header=header, name=name)
        cube = read_raw_cube(folder, raw.stamp, raw.timing_stamp, Stream.VCAM1)
        assert isinstance(cube, RawCube), cube
        times = [int(time) for time in raw.timing.acquired_us]
        product = Product(
            name=name,
            order=ProductOrder(times[0], 1, "A"),
            synchronised=False,
            ranges=(FrameRange(cube.path, 0, _SHAPE[0]),),
            partners=(),
            first_us=times[0],
            middle_us=times[1],
            last_us=times[-1],
            offset_us=0,
            tolerance_us=0,
        )
        framelist = build_framelist(product, {cube.path: cube}, "1.2.3", PRODUCT_FORM)
        edits = format_cards(framelist.cards, instrument_dictionary()).edits
        framelist = stamp_frame_id(apply_edits(framelist, edits), FrameId(number + 1))
        packed, sidecar = folder / framelist.packed_path, folder / framelist.sidecar_path
        pack_cube(framelist, folder, packed, sidecar, "full", SteadyPace())
        made.append((packed, pixels))
    return made


@pytest.fixture(scope="module")
def plain(night: list[tuple[Path, Pixels]], tool: Tool) -> list[Path]:
    """What funpack makes of each."""
    paths = [packed.with_suffix("") for packed, _ in night]
    subprocess.run([tool("funpack"), *(packed for packed, _ in night)], check=True)
    return paths


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the oldest astropy that vampd allows, and pandas."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (bound,) = (each for each in project["dependencies"] if each.startswith("astropy>="))
    folder = tmp_path_factory.mktemp("others")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    packages = f"astropy=={bound.removeprefix('astropy>=')}.*", "pandas"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def run_python(python: Path, program: str, *files: Path) -> list[str]:
    """The lines that the program writes."""
    command: list[str | Path] = [python, "-I", "-c", program, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_fitsverify_finds_no_error_in_products_and_in_what_funpack_makes_of_them(
    night: list[tuple[Path, Pixels]], plain: list[Path], tool: Tool
) -> None:
    files = [*(packed for packed, _ in night), *plain]
    # Undefined values and keywords that repeat are warnings.
    done = subprocess.run(
        [tool("fitsverify"), "-q", "-e", *files], capture_output=True, text=True, check=False
    )
    assert done.stdout.count("verification OK") == len(files), done.stdout
    assert done.returncode == 0


def test_astropy_and_fitsio_read_every_card_and_pixel_without_a_warning(
    night: list[tuple[Path, Pixels]], plain: list[Path]
) -> None:
    for (packed, pixels), unpacked in zip(night, plain, strict=True):
        for path, hdu in ((packed, 1), (unpacked, 0)):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with fits.open(path, checksum=True) as hdus:
                    for card in hdus[hdu].header.cards:
                        assert isinstance(card.keyword + card.comment, str)
                        assert card.value is not None
                    hdus.verify("exception")
                    assert np.array_equal(hdus[hdu].data, pixels)
                    assert hdus[hdu].data.dtype == np.uint16
            assert np.array_equal(fitsio.read(path, ext=hdu), pixels)
            assert fitsio.read_header(path, ext=hdu)["FRAMEID"].strip() == unpacked.stem


def test_readers_who_take_the_last_card_get_what_vampd_says(
    night: list[tuple[Path, Pixels]],
) -> None:
    table = HeaderTable(instrument_dictionary())
    for packed, _ in night:
        cards = read_product_cards(packed)
        table.add(packed.name, cards)
        keywords = [text[:8].rstrip() for text in cards.texts]
        for own in ("MJD", "MJD-STR", "UT-END", "U_FLC", "FRAMEID", "EXP-ID", "DATE-OBS", "BZERO"):
            assert keywords.count(own) == 1
        with fits.open(packed) as hdus:
            last = {card.keyword: card.value for card in hdus[1].header.cards}
        assert last["FRAMEID"].strip() == packed.name.partition(".")[0]
        assert last["MJD"] == cards.number("MJD") != 60000.0
        assert last["U_FLC"].strip() == "A"
    assert len(list(table.lines())) == len(night) + 1


@pytest.mark.soak
def test_a_reader_outside_the_cfitsio_family_reads_every_product(
    night: list[tuple[Path, Pixels]], tool: Tool
) -> None:
    files = [packed for packed, _ in night]
    done = subprocess.run(
        [tool("java"), "-cp", _JARS, _READER, *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == [packed.name.partition(".")[0] for packed in files]
    for line, (_, pixels) in zip(lines, night, strict=True):
        assert [int(pixel) for pixel in line[1:]] == pixels[0].reshape(-1).tolist()


@pytest.mark.soak
def test_the_oldest_astropy_that_vampd_allows_reads_every_card_and_pixel_without_a_warning(
    night: list[tuple[Path, Pixels]], plain: list[Path], others: Path
) -> None:
    version, *read = run_python(others, _ASTROPY, *(packed for packed, _ in night), *plain)
    assert version != astropy.__version__
    expected = []
    for packed, pixels in night:
        digest = hashlib.sha256(pixels.astype("<u2").tobytes()).hexdigest()
        expected.append(f"{packed.name.partition('.')[0]} {digest}")
    assert read == 2 * expected


@pytest.mark.soak
def test_pandas_answers_what_observers_ask_of_the_table(others: Path, tmp_path: Path) -> None:
    made, base = HeaderTable(instrument_dictionary()), raw_cards(_SHAPE)
    for name, mjd, camera, state, sync in (
        ("c", 60985.25, 1, "A", "T"),
        ("a", 60985.125, 2, "D", "T"),
        ("b", 60985.5, 1, "NA", "F"),
    ):
        values = {
            "MJD": str(mjd),
            "U_CAMERA": str(camera),
            "U_FLC": f"'{state}'",
            "U_SYNC": sync,
            "OBJECT": "'HD 1, \"x\"'" if name == "c" else "'HD 2'",
            "DATA-TYP": "'OBJECT'",
            "AIRMASS": "",
        }
        made.add(name, base.replaced([render_card(*each) for each in values.items()]))
    path = tmp_path / "header_table_20251106.csv"
    path.write_text("".join(made.lines()))
    chosen, named, unswitched, times, undefined = run_python(others, _PANDAS, path)
    assert (chosen, named, unswitched, undefined) == ("c", "c", "b", "3")
    assert times == "60985.125 60985.25 60985.5"
