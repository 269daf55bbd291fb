"""How packing grows: by its frames, and by what each cube costs however small it is.

In memory where it has the room, so that no disk is waited for: the fixed cost is meant without
fsync. Everything that a worker does for a cube is in it, the framelist's reading and the sidecar's
writing included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import get_ready, product_of
from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, folder_in_memory
from tests.benchmarks.process_tree import in_own_process
from tests.benchmarks.subjects import STANDARD_CUBE, Subject, raw_cubes
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.model.crew import PackOrder
from vampd.model.cubes import format_framelist
from vampd.simulate.scenario import CROP_64

_MANY_BYTES, _TIMES = 1e9, 10
_TINY, _TINY_FRAMES, _TINY_CUBES = Subject(CROP_64, 3e5), 2, 200
# Ten times the frames may cost no more than ten times, to within what such figures differ.
_MOST_GROWTH = 1.05


def measure(options: Options) -> Iterator[Measure]:
    """CPU per frame of a cube with ten times the frames; CPU of a tiny cube."""
    size = _MANY_BYTES * options.scale
    folder = folder_in_memory(options, 3 * size)
    with raw_cubes(STANDARD_CUBE, folder, (size / _TIMES, size)) as (night, cubes):
        few, many = (_cost_of_frame(night, cube, options.rounds) for cube in cubes)
    yield Measure(
        f"CPU a frame, {_TIMES} times the frames",
        many / few,
        "x",
        at_most(_MOST_GROWTH),
        ours=f"{many * 1e3:.3f} ms",
        peer=f"fewer: {few * 1e3:.3f} ms",
    )
    with raw_cubes(_TINY, folder, (_TINY_FRAMES * _TINY.frame_bytes,)) as (night, cubes):
        times_s = in_own_process(pack_often, night, cubes[0], _TINY_CUBES)
    what = f"CPU of a cube of {_TINY_FRAMES} frames of 64 x 64"
    yield Measure(what, median(times_s) * 1e3, "ms", at_most(20))


def _cost_of_frame(night: Path, cube: Path, rounds: int) -> float:
    get_ready([cube])
    frames = product_of(night, cube).frames
    return median(in_own_process(pack_often, night, cube, rounds)) / frames


def pack_often(night: Path, cube: Path, times: int) -> list[float]:
    """CPU seconds of each time that a worker packs this cube."""
    from vampd.fits.preload import worker

    framelist = product_of(night, cube)
    (night / framelist.path).write_text(format_framelist(framelist), encoding="utf-8")
    pace = SharedPace(Flag.create(night / "pause"), Flag.create(night / "stop"))
    meter = SharedMeter.create(night / "meter")
    times_s = []
    for _ in range(times + 1):
        began_s = time.process_time()
        worker.pack_framelist(PackOrder(night, framelist.path, "full"), pace, meter)
        times_s.append(time.process_time() - began_s)
        (night / framelist.packed_path).unlink()
        (night / framelist.sidecar_path).unlink()
    return times_s[1:]  # the first fills caches
