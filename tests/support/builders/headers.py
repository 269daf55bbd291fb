"""Header cards and framelists for tests of what edits them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.support.builders.framelists import times_of
from vampd.config import Settings, packaged_file, parse_settings
from vampd.config.dictionary import load_dictionary
from vampd.model.cubes import Card, Cards, Framelist, FrameRange, ProductOrder
from vampd.model.headers import Dictionary
from vampd.model.nights import FileStamp

# As the logger writes them; `real_telemetry` has whole headers of this kind.
LOGGER_CARDS = (
    "SIMPLE  =                    T / file does conform to FITS standard",
    "BITPIX  =                   16 / number of bits per data pixel",
    "NAXIS   =                    3 / number of data axes",
    "NAXIS1  =                  160 / length of data axis 1",
    "NAXIS2  =                  160 / length of data axis 2",
    "NAXIS3  =                    1 / length of data axis 3",
    "EXTEND  =                    T / FITS dataset may contain extensions",
    "COMMENT   FITS (Flexible Image Transport System) format is defined in 'Astronomy",
    "BSCALE  =                    1 / default scaling factor",
    "BZERO   =                32768 / offset data range to that of unsigned short",
    "AIRMASS =                1.134 / Typical air mass during exposure",
    "CD1_1   =             3.89E-06 / Pixel coordinate translation matrix",
    "CRPIX1  =                  40. / [pixel] Reference pixel in X",
    "DATA-TYP= 'TEST            '   / Subaru-style exp. type",
    "DATE    = '2025-11-06T10:20:03' / file creation date (YYYY-MM-DDThh:mm:ss UT)",
    "D_AU1TY =             -0.00000 / [deg] AU1 tilt Y",
    "EXP-ID  = '' / ID of the exposure this data was taken",
    "EXPTIME =               0.0002 / [s] Total integration time of the frame",
    "EXTTRIG =                    F / Exposure of detector by an external trigger",
    "FRAMEID = '' / Image sequential number",
    "FRATE   =                5000. / [Hz] Frame rate of the acquisition",
    "HST     = '00:20:01.51'        / HH:MM:SS.SS typical HST at exposure",
    "MFRATE  =      6475.8876953125 / Measured frame rate (Hz)",
    "MJD     =     60985.4305730262 / Modified Julian Day at exposure",
    "OBJECT  = 'ABAUR                         ' / Object",
    "RET-ANG1=                  -1. / [deg] Polarization angle of first retarder plat",
    "ZD      =             28.21038 / [deg] Zenith distance at typical time",
)


def card(text: str) -> Card:
    """A card from its text without the blanks at the end."""
    return Card(text.ljust(80))


def cards(texts: Iterable[str] = LOGGER_CARDS) -> Cards:
    """A header from texts without the blanks at their ends."""
    return Cards(tuple(text.ljust(80) for text in texts))


def instrument_dictionary() -> Dictionary:
    """The dictionary that vampd comes with."""
    return load_dictionary(packaged_file("keywords.toml"))


def header_files(real_telemetry: Path) -> list[Path]:
    """The real headers, one card a line."""
    return sorted(real_telemetry.rglob("*.fits.header"))


def read_header_file(path: Path) -> Cards:
    """A real header's cards, byte for byte."""
    return Cards(tuple(path.read_bytes().decode("ascii").removesuffix("\n").split("\n")))


def framelist(
    name: str = "vsync_10:20:00.509073.cam1.A",
    *,
    first_us: int = 1_762_424_400_509_073,
    camera: int = 1,
    flc_state: str = "A",
    header: Cards | None = None,
    start: int = 0,
) -> Framelist:
    """A framelist of one frame; another ``start`` makes another identity."""
    cube = f"vcam{camera}/vcam{camera}_10:20:00.509403978.fits"
    return Framelist(
        name=name,
        order=ProductOrder(first_us, camera, flc_state),
        sources=(FileStamp(cube, 57600, 1_762_424_402_510_000_000),),
        ranges=(FrameRange(cube, start, 1),),
        notes=(),
        cards=cards() if header is None else header,
        times=times_of(1),
    )


def changed_keywords(before: Cards, after: Cards) -> set[str]:
    """The keywords of cards that differ between two headers of one length."""
    pairs = zip(before.texts, after.texts, strict=True)
    return {old[:8].rstrip() for old, new in pairs if old != new}


def settings() -> Settings:
    """The configuration with nothing but what must be given."""
    return parse_settings(
        """
        [watch]
        root = "/mnt/fuuu"
        [database]
        url = "sqlite:////var/lib/vampd/vampd.db"
        [transfer.archive]
        destination = "/archive"
        [transfer.engineering]
        destination = "/engineering"
        """,
        "test settings",
    )
