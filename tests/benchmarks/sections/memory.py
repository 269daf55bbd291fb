"""The memory of the whole of vampd at work: daemon, fork server, workers and what they start.

A night with a cube of 5 GB and a smaller one, so that both workers are busy, from its raw files to
its end; PSS, so that what processes share counts once.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import run_measured
from tests.benchmarks.site import ROOT, link_streams, program, write_config
from tests.benchmarks.subjects import MBI_CUBE, raw_cubes

_CUBE_BYTES, _SMALLER_BYTES = 5e9, 1e9
_WORKERS = 2
_MOST_BYTES = 200e6 + _WORKERS * 350e6


def measure(options: Options) -> Iterator[Measure]:
    """The peak while a night with a large cube is taken to its end."""
    sizes = (_CUBE_BYTES * options.scale, _SMALLER_BYTES * options.scale)
    with raw_cubes(MBI_CUBE, options.folder, sizes) as (night, cubes):
        largest = max(cube.stat().st_size for cube in cubes)
        with workplace(options.folder) as base:
            config = write_config(base, watch="quiet_after_s = 1", schedule=f"workers = {_WORKERS}")
            link_streams(night, base / ROOT / "20251106")
            spent = run_measured(
                (program("vampd"), "--config", str(config), "--until-idle", "--log-level", "error")
            )
            packed = list((base / "engineering").rglob("*.fits.fz"))
    if len(packed) != len(sizes):
        raise SystemExit(f"the night should have {len(sizes)} products, it has {len(packed)}")
    yield Measure(
        f"peak memory of all processes, {largest / 1e9:.1f} GB cube",
        spent.peak_bytes / 1e6,
        "MB",
        at_most(_MOST_BYTES / 1e6),
        ours=f"{_WORKERS} workers",
    )
