"""A night from raw to safe on two cores, beside bare ``fpack -r`` of the same cubes, two at once.

The destination is a folder of the same disk; every product is proven here, and read again there.
Raw cubes are in the page cache when either begins. What is sent while the rest is packed is
compared with a night that is sent when all of it is packed, in the same round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from tests.benchmarks.contest import get_ready
from tests.benchmarks.measures import Limit, Measure, at_least, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import Spent, run_measured
from tests.benchmarks.site import ROOT, link_streams, program, write_config
from tests.benchmarks.subjects import write_polarimetric_night
from vampd.model.nights import Kind, NightId

_NIGHT = NightId("20251106", Kind.ARCHIVE)
_NIGHT_BYTES, _AHEAD_BYTES = 6e9, 256_000_000
_WORKERS = 2
_FPACK = 'cd "$1" && printf "%s\\0" *.fits | xargs -0 -P 2 -n 1 fpack -r -D -Y'


def measure(options: Options) -> Iterator[Measure]:
    """Time and CPU against fpack's, how busy the cores are, and what sending ahead saves."""
    ahead, after, theirs = list[Spent](), list[Spent](), list[Spent]()
    with workplace(options.folder) as base:
        size = _NIGHT_BYTES * options.scale
        raw = write_polarimetric_night(base, _NIGHT, size)
        cubes = sorted(raw.rglob("*.fits"))
        for _ in range(options.rounds):
            theirs.append(_fpack(cubes, options.folder))
            for taken, least_bytes in ((ahead, round(_AHEAD_BYTES * options.scale)), (after, 0)):
                get_ready(cubes)
                taken.append(_run(raw, options.folder, least_bytes))
        title = f"raw to safe, {sum(cube.stat().st_size for cube in cubes) / 1e9:.1f} GB"
    yield _ratio(f"{title}: time", [s.wall_s for s in ahead], [s.wall_s for s in theirs], 0.85)
    yield _ratio(f"{title}: CPU", [s.cpu_s for s in ahead], [s.cpu_s for s in theirs], 0.75)
    yield Measure(
        f"{title}: cores busy", _busy(ahead), "%", at_least(92), peer=f"fpack {_busy(theirs):.0f} %"
    )
    yield Measure(
        f"{title}: time, against sending when all is packed",
        _median_ratio([s.wall_s for s in ahead], [s.wall_s for s in after]),
        "x",
        ours=f"{median(s.wall_s for s in ahead):.1f} s",
        peer=f"{median(s.wall_s for s in after):.1f} s",
    )


def _ratio(what: str, ours: Sequence[float], theirs: Sequence[float], most: float) -> Measure:
    limit: Limit = at_most(most)
    return Measure(
        what,
        _median_ratio(ours, theirs),
        "x",
        limit,
        ours=f"{median(ours):.1f} s",
        peer=f"fpack {median(theirs):.1f} s",
    )


def _median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of each round by itself: the machine's speed is another in the next one."""
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def _busy(taken: Sequence[Spent]) -> float:
    return median(100 * spent.cpu_s / spent.wall_s / _WORKERS for spent in taken)


def _fpack(cubes: Sequence[Path], folder: Path | None) -> Spent:
    with workplace(folder) as base:
        for cube in cubes:
            (base / cube.name).symlink_to(cube)
        get_ready(cubes)
        return run_measured(("sh", "-c", _FPACK, "sh", str(base)))


def _run(raw: Path, folder: Path | None, least_bytes: int) -> Spent:
    with workplace(folder) as base:
        config = write_config(
            base,
            # The raw files have only just been made.
            watch="pause_while_writing = false\npause_after_write_s = 0.1",
            sync="hold_when_unexpected = false",
            schedule=f"workers = {_WORKERS}",
            transfer=f"send_ahead_bytes = {least_bytes}",
        )
        link_streams(raw, base / ROOT / _NIGHT.folder)
        command = (program("vampctl"), "--config", str(config), "run", _NIGHT.date)
        return run_measured((*command, "--until", "transfer"))
