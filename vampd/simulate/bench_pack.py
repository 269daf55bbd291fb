"""`python -m vampd.simulate.bench_pack`: what packing costs, against fpack in the same run.

Each line packs whole cubes as a worker does: raw cubes in the page cache; ours are fsynced and
named at the end, and when they are verified read back from the disk, while fpack syncs nothing.
A line is the median of some rounds in which all take turns, so that a machine that is busy with
other things is so for all of them. Seconds of CPU tell the speed of a core, seconds of wall also
that of the disk; on one that is slower than the packer, ``--folder /dev/shm`` leaves it out.
"""

from __future__ import annotations

import argparse
import functools
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.model.night import Kind, NightId
from vampd.simulate.contest import (
    Cost,
    fpack,
    fpack_one,
    pack,
    pack_one,
    product_of,
    read_with_astropy,
)
from vampd.simulate.night import plan_night
from vampd.simulate.scenario import MBI, STANDARD, Crop, Run, Scenario
from vampd.simulate.writer import write_night

_NIGHT = NightId("20251106", Kind.ENGINEERING)
_THEIRS, _OURS = "fpack -r", "vampd, verified"
_BARE, _APART = "vampd, not verified", "vampd, verified, A and B apart"
_AT_ONCE = ", two at once"
_HEADINGS = ("wall s", "CPU s", "MB/CPU s", "x (wall)", "x (CPU)", "read", "written", "peak MB")


@dataclass(frozen=True)
class _Subject:
    """What is packed, and by how much products of it have to be smaller than fpack's."""

    crop: Crop
    flux_e: float
    least_saved: float


_SUBJECTS = (_Subject(STANDARD, 3e5, least_saved=0.02), _Subject(MBI, 6e5, least_saved=0.0))
# In times of fpack's raw MB a CPU second.
_LEAST_BARE, _LEAST_VERIFIED = 2.5, 1.25
_MOST_READ, _MOST_WRITTEN, _MOST_PEAK_BYTES = 1.05, 1.02, 350e6


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables; exit status 1 if something is worse than it must be."""
    parser = argparse.ArgumentParser(prog="bench_pack", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the cubes are made (default: TMPDIR)")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of each raw cube")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    print(f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("x: times fpack's speed; read: per raw byte; written: per byte of the product")
    missed: list[str] = []
    for subject in _SUBJECTS:
        with tempfile.TemporaryDirectory(prefix="vampd-bench-", dir=options.folder) as name:
            missed += _bench(subject, Path(name), options.gigabytes, options.rounds)
    if missed:
        sys.exit("bench_pack: worse than it must be: " + "; ".join(missed))


def _bench(subject: _Subject, base: Path, gigabytes: float, rounds: int) -> list[str]:
    night, cubes = _make_cubes(subject, base, gigabytes)
    rows, columns = subject.crop.shape(1)
    print(f"\n{columns} x {rows}, cubes of {cubes[0].stat().st_size / 1e9:.2f} GB")
    print(" ".join([" " * 32, *(f"{heading:>8}" for heading in _HEADINGS)]))
    one = cubes[:1]
    contestants: dict[str, Callable[[], Cost]] = {
        _THEIRS: functools.partial(fpack, one),
        _BARE: functools.partial(pack, night, one, "none"),
        _OURS: functools.partial(pack, night, one, "full"),
        _APART: functools.partial(pack, night, one, "full", parts=2),
        _THEIRS + _AT_ONCE: functools.partial(fpack, cubes),
        _OURS + _AT_ONCE: functools.partial(pack, night, cubes, "full"),
    }
    taken: dict[str, list[Cost]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contest in contestants.items():
            taken[name].append(contest())
    costs = {name: _median(found) for name, found in taken.items()}
    for name, cost in costs.items():
        peer = costs[_THEIRS + (_AT_ONCE if name.endswith(_AT_ONCE) else "")]
        print(_row(name, cost, peer), flush=True)
    missed = _judge(subject, costs)
    _compare_reading(night, cubes[0])
    return [f"{subject.crop.name}: {what}" for what in missed]


def _make_cubes(subject: _Subject, base: Path, gigabytes: float) -> tuple[Path, list[Path]]:
    """A night's folder with two raw cubes of one camera."""
    rows, columns = subject.crop.shape(1)
    frames = max(2, round(gigabytes * 1e9 / (2 * rows * columns)))
    run = Run(
        triggers=2 * frames,
        period_us=20_000,
        exptime_us=19_900,
        frames_per_cube=(frames, frames),
        cameras=(1,),
        flux_e=subject.flux_e,
    )
    scenario = Scenario("bench", subject.crop, (run,))
    night = write_night(plan_night(scenario, _NIGHT, seed=1), base)
    (night / "vgen2").mkdir()
    return night, sorted((night / "vcam1").glob("*.fits"))


def _judge(subject: _Subject, costs: Mapping[str, Cost]) -> list[str]:
    theirs, bare, ours = (costs[name] for name in (_THEIRS, _BARE, _OURS))
    gains = [2 * costs[name].wall_s / costs[name + _AT_ONCE].wall_s for name in (_OURS, _THEIRS)]
    print(f"two workers against one: {gains[0]:.2f} times as fast; two fpack: {gains[1]:.2f}")
    saved = 1 - ours.product_bytes / theirs.product_bytes
    packed = ours.product_bytes / ours.raw_bytes
    print(f"product: {packed:.3f} of raw, {saved:.1%} smaller than fpack's")
    verdicts = {
        "packing, not verified": bare.speed >= _LEAST_BARE * theirs.speed,
        "packing, verified": ours.speed >= _LEAST_VERIFIED * theirs.speed,
        "the product's size": saved >= subject.least_saved,
        "peak memory": max(cost.peak_bytes for cost in costs.values()) <= _MOST_PEAK_BYTES,
        "bytes read": all(
            cost.read_bytes <= _MOST_READ * (cost.raw_bytes + cost.product_bytes)
            for cost in costs.values()
        ),
        "bytes written": all(
            cost.written_bytes <= _MOST_WRITTEN * cost.product_bytes for cost in costs.values()
        ),
    }
    return [what for what, reached in verdicts.items() if not reached]


def _compare_reading(night: Path, cube: Path) -> None:
    """Print what tiles of whole frames are to astropy; not judged, for it is astropy's time."""
    ours = read_with_astropy(pack_one(night, product_of(night, cube), "none"))
    theirs = read_with_astropy(fpack_one(cube))
    for thing, our_s, their_s in zip(("the whole cube", "one frame"), ours, theirs, strict=True):
        print(
            f"astropy reads {thing} in {our_s * 1e3:.1f} ms of CPU, fpack's in"
            f" {their_s * 1e3:.1f} ms: {their_s / our_s:.1f} times as fast"
        )


def _median(costs: Sequence[Cost]) -> Cost:
    """The one of median CPU time."""
    return sorted(costs, key=lambda cost: cost.cpu_s)[(len(costs) - 1) // 2]


def _row(name: str, cost: Cost, peer: Cost) -> str:
    numbers = [f"{cost.wall_s:.2f}", f"{cost.cpu_s:.2f}", f"{cost.speed:.0f}"]
    numbers += [f"{peer.wall_s / cost.wall_s:.2f}", f"{cost.speed / peer.speed:.2f}"]
    if cost.peak_bytes:
        numbers.append(f"{cost.read_bytes / cost.raw_bytes:.3f}")
        numbers.append(f"{cost.written_bytes / cost.product_bytes:.3f}")
        numbers.append(f"{cost.peak_bytes / 1e6:.0f}")
    return " ".join([f"{name:32}", *(f"{number:>8}" for number in numbers)])


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


if __name__ == "__main__":
    main()
