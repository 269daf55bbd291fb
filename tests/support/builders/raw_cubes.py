"""Small raw cubes with their timing files, as the camera loggers leave them.

    cube = write_raw_cube(night_folder, Stream.VCAM1, frames=6, changes={"EXPTIME": 0.01})

Everything has a default; `changes` sets, adds or (None) removes header cards, `raw_header` gives
the cards themselves. Nothing here is fsynced and nothing is hidden: these are the cameras' files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import (
    HEADER_LINES,
    Card,
    Cards,
    Timing,
    format_rows,
    render_card,
    render_value,
)
from vampd.model.nights import FileStamp, Stream, timing_name

# fitsverify warns of it, so that no cube has it unasked.
UNDEFINED_CARD = Card("UNDEF   =                      / a card without a value".ljust(80))

Pixels = npt.NDArray[np.uint16]

# 2025-11-06T10:20:00.509073 UT
FIRST_ACQUISITION_US = 1_762_424_400_509_073
BLOCK = 2880


@dataclass(frozen=True)
class WrittenCube:
    """A raw cube on disk: where it lies, what it holds (uint16, shape (frames, rows, columns))."""

    night_folder: Path
    stream: Stream
    path: Path
    timing_path: Path
    pixels: Pixels
    cards: Cards
    timing: Timing

    @property
    def stamp(self) -> FileStamp:
        return stamp(self.night_folder, self.path)

    @property
    def timing_stamp(self) -> FileStamp | None:
        return stamp(self.night_folder, self.timing_path) if self.timing_path.exists() else None


def stamp(night_folder: Path, path: Path) -> FileStamp:
    """The stamp that a listing would give this file."""
    status = path.stat()
    return FileStamp(str(path.relative_to(night_folder)), status.st_size, status.st_mtime_ns)


def raw_pixels(frames: int, rows: int = 6, columns: int = 10, seed: int = 0) -> Pixels:
    """Bias and photon noise; no two frames alike."""
    noise = np.random.default_rng(seed).normal(210.0, 6.0, (frames, rows, columns))
    return noise.clip(0, 65535).astype(np.uint16)


def raw_timing(frames: int, first_us: int = FIRST_ACQUISITION_US, step_us: int = 2_000) -> Timing:
    """Timing of frames at one rate, nothing lost."""
    frame = np.arange(frames, dtype=np.int64)
    acquired_us = first_us + frame * step_us
    logged_ns = acquired_us * 1_000 + 346_918
    return Timing(
        frame=frame,
        main_index=frame + 7_196_847,
        elapsed_ns=logged_ns - logged_ns[:1],
        logged_ns=logged_ns,
        acquired_us=acquired_us,
        cnt0=frame + 7_196_847,
        cnt1=frame * 0,
    )


def raw_cards(
    shape: tuple[int, int, int],
    stream: Stream = Stream.VCAM1,
    changes: Mapping[str, str | bool | int | float | None] | None = None,
) -> Cards:
    """A raw header with the cards that decide something, and some that only have to survive."""
    frames, rows, columns = shape
    values: dict[str, str | bool | int | float | None] = {
        "SIMPLE": True,
        "BITPIX": 16,
        "NAXIS": 3,
        "NAXIS1": columns,
        "NAXIS2": rows,
        "NAXIS3": frames,
        "EXTEND": True,
        "BZERO": 32768,
        "BSCALE": 1,
        "BUNIT": "adu",
        "BIN-FCT1": 1,
        "BIN-FCT2": 1,
        "DATA-TYP": "OBJECT",
        "DATE": "2025-11-06T10:20:02",
        "DATE-OBS": "2025-11-06",
        "DETECTOR": f"VCAM{stream.camera} - OrcaQ",
        "EXP-ID": "",
        "EXPTIME": 0.0018,
        "EXTTRIG": True,
        "FILTER01": "Open",
        "FILTER02": "675-60",
        "FRAMEID": "",
        "MJD": 60985.4305729166,
        "OBJECT": "HD 1 o'clock",
        "OBS-MOD": "IPOL",
        "PRD-MIN1": 1,
        "PRD-MIN2": 1,
        "PRD-RNG1": columns,
        "PRD-RNG2": rows,
        "RET-ANG1": 22.5,
        "U_CAMERA": stream.camera,
        "U_DETMOD": "Fast",
        "U_FLC": "NA",
        "U_FLCEN": True,
        "U_FLCST": "IN",
        "U_TRIGJT": 20,
        "UT": "10:20:00.51",
    }
    values |= changes or {}
    cards = [
        render_card(keyword, _field(value), "as the logger says")
        for keyword, value in values.items()
        if value is not None
    ]
    return Cards(tuple(card.text for card in [*cards, *_cards_that_must_survive()]))


def raw_file(cards: Cards, pixels: Pixels) -> bytes:
    """The bytes of a FITS file: header, big-endian pixels with BZERO 32768, padding."""
    header = "".join(cards.texts) + "END".ljust(80)
    header += " " * (-len(header) % BLOCK)
    stored = (pixels.astype(np.int32) - 32768).astype(">i2").tobytes()
    return header.encode("latin-1") + stored + bytes(-len(stored) % BLOCK)


def timing_text(timing: Timing) -> str:
    """The timing file as the logger writes it."""
    return "".join(f"{line}\n" for line in HEADER_LINES) + format_rows(timing)


def cube_name(stream: Stream, timing: Timing) -> str:
    """The logger's name: the UT of the first frame, to the nanosecond."""
    first_ns = int(timing.logged_ns[0]) if len(timing) else FIRST_ACQUISITION_US * 1_000
    seconds, nanoseconds = divmod(first_ns, 1_000_000_000)
    return f"{stream}_{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}.{nanoseconds:09d}.fits"


def write_raw_cube(
    night_folder: Path,
    stream: Stream = Stream.VCAM1,
    frames: int = 4,
    *,
    pixels: Pixels | None = None,
    timing: Timing | None = None,
    changes: Mapping[str, str | bool | int | float | None] | None = None,
    raw_header: Cards | None = None,
    name: str | None = None,
) -> WrittenCube:
    """Write one cube and its timing file into the night's stream folder."""
    if pixels is None:
        pixels = raw_pixels(frames, seed=stream.camera)
    rows, columns = pixels.shape[1:]
    if timing is None:
        timing = raw_timing(len(pixels))
    cards = raw_header or raw_cards((len(pixels), rows, columns), stream, changes)
    path = night_folder / stream / (name or cube_name(stream, timing))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw_file(cards, pixels))
    timing_path = path.with_name(timing_name(path.name))
    timing_path.write_text(timing_text(timing))
    return WrittenCube(night_folder, stream, path, timing_path, pixels, cards, timing)


def _field(value: str | bool | int | float) -> str:
    if isinstance(value, float):
        return repr(value).upper()
    return render_value(value)


def _cards_that_must_survive() -> list[Card]:
    texts = [
        "COMMENT   a comment with 'quotes' / and a slash",
        "HISTORY a history card",
        "",
        "ODDREAL =                   1. / as some loggers write it",
        "LONGSTRN= 'OGIP 1.0'           / long strings may go on on CONTINUE cards",
        "LONGSTR = 'a string that does not end on its first card, as OGIP 1.0 allows, &'",
        "CONTINUE  'but on its second' / the comment behind",
        "HIERARCH ESO INS NAME = 'x' / not of this observatory",
        "RET-MOD1= 'CONTINUE        '   / a word that looks like a keyword",
    ]
    return [Card(text.ljust(80)) for text in texts]
