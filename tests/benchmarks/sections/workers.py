"""What a second worker brings, beside what a second fpack brings in the same run.

In memory, where two compete for cores and nothing else; and on the disk, where vampd waits for its
products to be there (fsync, reading back) and fpack does not: told, and not judged, because there
one worker may have the disk to its limit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import fpack, pack
from tests.benchmarks.measures import Measure, at_least
from tests.benchmarks.options import Options, folder_in_memory
from tests.benchmarks.sections.pack import compete
from tests.benchmarks.subjects import STANDARD_CUBE, raw_cubes

_CUBE_BYTES = 1e9
_IN_MEMORY = "in memory"
# As much as two fpack gain, to within what such figures differ from run to run.
_AS_MUCH = 0.95


def measure(options: Options) -> Iterator[Measure]:
    """The gain of two over one, in memory and on the disk."""
    size = _CUBE_BYTES * options.scale
    in_memory = folder_in_memory(options, 6 * size)
    yield from _gain(_IN_MEMORY, in_memory, size, options.rounds)
    if in_memory != options.folder:
        yield from _gain("on the disk", options.folder, size, options.rounds)


def _gain(where: str, folder: Path | None, size: float, rounds: int) -> Iterator[Measure]:
    with raw_cubes(STANDARD_CUBE, folder, (size, size)) as (night, cubes):
        taken = compete(
            {
                "our one": functools.partial(pack, night, cubes[:1], "full"),
                "our two": functools.partial(pack, night, cubes, "full"),
                "their one": functools.partial(fpack, cubes[:1]),
                "their two": functools.partial(fpack, cubes),
            },
            rounds,
        )
    wall_s = {name: median(cost.wall_s for cost in costs) for name, costs in taken.items()}
    ours = 2 * wall_s["our one"] / wall_s["our two"]
    theirs = 2 * wall_s["their one"] / wall_s["their two"]
    busy = median(cost.cpu_s / cost.wall_s for cost in taken["our one"])
    yield Measure(
        f"two workers against one, {where}",
        ours / theirs,
        "x",
        at_least(_AS_MUCH) if where == _IN_MEMORY else None,
        ours=f"{ours:.2f} x one",
        peer=f"fpack {theirs:.2f} x one",
    )
    yield Measure(f"one worker, {where}: its CPU's share of its time", 100 * busy, "%")
