"""What whole-frame tiles are to those who read products with astropy, beside fpack's row tiles.

The limits are those of 536 x 536. The more pixels a row has, the less its tile costs astropy above
decoding and converting its pixels, which no form of a file changes: so the other window has none.
fpack's own files with tiles of whole frames (``-t``) tell what the best form can be.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import (
    fill_cache,
    fpack_tiled,
    pack_one,
    product_of,
    run_tool,
)
from tests.benchmarks.measures import Measure, at_least
from tests.benchmarks.options import Options
from tests.benchmarks.subjects import STANDARD_CUBE, SUBJECTS, Subject, raw_cubes

# A typical cube, 400 frames of 536 x 536. Of larger ones the time to get two arrays as large as
# the cube from the system, which is the same for all files, hides what the files differ in.
_CUBE_BYTES = 400 * STANDARD_CUBE.frame_bytes
# Prints CPU and wall seconds of the whole cube, then of one frame of an open file.
_SCRIPT = """
import sys, time
from statistics import median
from astropy.io import fits

def cost_s(read):
    cpu_s, wall_s = time.process_time(), time.monotonic()
    read()
    return time.process_time() - cpu_s, time.monotonic() - wall_s

def read_whole():
    with fits.open(sys.argv[1]) as hdus:
        assert hdus[1].data.dtype == "uint16"

# Warm: the first time fills caches, and gets from the system what the others have again.
read_whole()
whole = [median(kind) for kind in zip(*(cost_s(read_whole) for _ in range(3)))]
with fits.open(sys.argv[1]) as hdus:
    frames = hdus[1].shape[0]
    steps = range(0, frames, max(1, frames // 25))
    costs = [cost_s(lambda: hdus[1].section[frame]) for frame in steps]
print(*whole, *(median(kind) for kind in zip(*costs)))
"""


@dataclass(frozen=True)
class _Times:
    """Seconds that astropy needs; medians of some rounds."""

    whole_cpu_s: float
    whole_wall_s: float
    frame_cpu_s: float
    frame_wall_s: float


def measure(options: Options) -> Iterator[Measure]:
    """CPU and wall time of astropy for a whole cube, and for one frame."""
    for subject in SUBJECTS:
        sizes = (_CUBE_BYTES * options.scale,)
        with raw_cubes(subject, options.folder, sizes) as (night, (cube,)):
            ours, rows, frames = _read_by_turns(
                _packed_by_each(subject, night, cube), options.rounds
            )
        yield from _judge(subject, ours, rows, frames)


def _packed_by_each(subject: Subject, night: Path, cube: Path) -> list[Path]:
    """The cube packed by vampd, by fpack with row tiles, and by fpack with whole-frame tiles."""
    rows = fpack_tiled(cube, ()).rename(night / "rows.fits.fz")
    frames = fpack_tiled(cube, (*reversed(subject.crop.shape(1)), 1))
    return [pack_one(night, product_of(night, cube), "none"), rows, frames]


def _read_by_turns(files: list[Path], rounds: int) -> list[_Times]:
    found: list[list[list[float]]] = [[] for _ in files]
    for _ in range(rounds):
        for path, times in zip(files, found, strict=True):
            fill_cache(path)
            shown = run_tool([sys.executable, "-c", _SCRIPT, str(path)])
            times.append([float(number) for number in shown.split()])
    return [_Times(*map(median, zip(*times, strict=True))) for times in found]


def _judge(subject: Subject, ours: _Times, rows: _Times, frames: _Times) -> Iterator[Measure]:
    title, is_standard = subject.title, subject is STANDARD_CUBE
    for thing, least, mine, theirs, best in (
        ("whole cube", 2.5, ours.whole_cpu_s, rows.whole_cpu_s, frames.whole_cpu_s),
        ("one frame", 2.0, ours.frame_cpu_s, rows.frame_cpu_s, frames.frame_cpu_s),
    ):
        yield Measure(
            f"{title}, astropy, {thing}: CPU",
            theirs / mine,
            "x",
            at_least(least) if is_standard else None,
            ours=f"{mine * 1e3:,.1f} ms",
            peer=f"fpack {theirs * 1e3:,.1f} ms",
        )
        yield Measure(
            f"{title}, astropy, {thing}: the best form",
            best / mine,
            "x",
            ours=f"{mine * 1e3:,.1f} ms",
            peer=f"fpack -t {best * 1e3:,.1f} ms",
        )
    for thing, mine, theirs in (
        ("whole cube", ours.whole_wall_s, rows.whole_wall_s),
        ("one frame", ours.frame_wall_s, rows.frame_wall_s),
    ):
        yield Measure(
            f"{title}, astropy, {thing}: wall",
            theirs / mine,
            "x",
            ours=f"{mine * 1e3:,.1f} ms",
            peer=f"fpack {theirs * 1e3:,.1f} ms",
        )
