"""What the longest night there is costs: 2 x 10^7 frames in 10,000 cubes.

First sync's decision: a worker looks and decides as for the daemon, whose memory is measured beside
it: the peaks of both processes (VmHWM of proc(5)). The night is one of a million frames, again and
again: its pixels are holes, its headers those of STANDARD cubes. Then all of it, in the daemon,
from raw to safe, beside nights half and a quarter as long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import in_own_process, processes_below, usage_of
from tests.benchmarks.sections.sync import NIGHT, TINY, runs_of, write_sparse
from tests.benchmarks.site import CONFIG, write_config
from tests.benchmarks.whole_night import measure_whole_nights, peak_of
from vampd.config import load_settings
from vampd.disk.pace import SteadyPace
from vampd.engine.planning import plan_sync
from vampd.engine.workers import WorkerPool
from vampd.model.cubes import render_card
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.plan import CommitGeneration
from vampd.simulate.night import SimulatedCube, SimulatedNight, plan_night
from vampd.simulate.scenario import Scenario
from vampd.store.database.opening import Access, open_store
from vampd.wiring.connections import connect

_FRAMES, _MOST_TIMES = 1_000_000, 20
# Of the whole night: in parts that are short enough to be made longer at a small scale.
_PART_FRAMES, _SHORTEST_PARTS = 250_000, 20
_FRAMES_A_CUBE = 2_000
_BEGINS_AT_S = 5 * 3600  # a simulated night; moved to midnight, twenty of them fit into a day
_PAUSE_S = 7
_PAUSE_COUNTS = 3_500


@dataclass(frozen=True)
class Cost:
    """Of one night: CPU of all processes, and the peaks of the daemon and of its worker."""

    frames: int
    products: int
    cpu_s: float
    daemon_bytes: int
    worker_bytes: int


def measure(options: Options) -> Iterator[Measure]:
    """A short night and the longest one: what a frame costs in time, and what grows in memory."""
    times = options.count(_MOST_TIMES)
    with workplace(options.folder) as base:
        short, long = (_cost_of(base / str(count), count) for count in (1, times))
    us_a_frame = [cost.cpu_s / cost.frames * 1e6 for cost in (short, long)]
    what = f"{long.frames:,} frames, {long.products:,} products"
    yield Measure(f"{what}: CPU", us_a_frame[1], "us/frame", at_most(20))
    yield Measure(f"{what}: worker's peak", long.worker_bytes / 1e6, "MB", at_most(600))
    yield Measure("its worker, of a million frames", short.worker_bytes / 1e6, "MB")
    yield Measure(f"{what}: daemon's peak", long.daemon_bytes / 1e6, "MB")
    yield Measure("its daemon, of a million frames", short.daemon_bytes / 1e6, "MB")
    yield Measure(
        f"a frame of {long.frames:,}, of {short.frames:,}",
        us_a_frame[1] / us_a_frame[0],
        "x",
        at_most(1.3),
        ours=f"{us_a_frame[1]:.2f} us",
        peer=f"{us_a_frame[0]:.2f} us",
    )
    parts = options.count(_SHORTEST_PARTS)
    yield from measure_whole_nights(options, NIGHT, _write_part_nights, parts, _PART_FRAMES)


def _write_part_nights(base: Path, times: int) -> None:
    in_own_process(_make_night, base, times, _PART_FRAMES)


def _cost_of(base: Path, times: int) -> Cost:
    base.mkdir()
    in_own_process(_make_night, base, times, _FRAMES)
    return in_own_process(_decide, base)


def _make_night(base: Path, times: int, frames: int) -> None:
    # Pixels that are holes are no reason to wait, and lost frames none to ask a person.
    more = {"watch": "pause_while_writing = false", "sync": "hold_when_unexpected = false"}
    folder = load_settings(write_config(base, **more)).watch.root / NIGHT.folder
    for stream in CAMERA_STREAMS:
        (folder / stream).mkdir(parents=True)
    runs = tuple(
        replace(run, frames_per_cube=(_FRAMES_A_CUBE, _FRAMES_A_CUBE))
        for run in runs_of(frames // len(CAMERA_STREAMS), _FRAMES_A_CUBE)
    )
    night = plan_night(Scenario("bench", TINY, runs), NIGHT, seed=1)
    step_s, step_counts = _length_of(night)
    for number in range(times):
        for cube in night.cubes:
            later_s = number * step_s - _BEGINS_AT_S
            write_sparse(folder, _moved(cube, later_s, number * step_counts))


def _length_of(night: SimulatedNight) -> tuple[int, int]:
    """After how many seconds and counts the same frames may come again."""
    timings = [cube.timing for cube in night.cubes]
    us = max(int(t.acquired_us[-1]) for t in timings) - min(int(t.acquired_us[0]) for t in timings)
    counts = max(int(t.cnt0[-1]) for t in timings) - min(int(t.cnt0[0]) for t in timings)
    return us // 1_000_000 + 1 + _PAUSE_S, counts + _PAUSE_COUNTS


def _moved(cube: SimulatedCube, later_s: int, more_counts: int) -> SimulatedCube:
    timing = replace(
        cube.timing,
        logged_ns=cube.timing.logged_ns + later_s * 1_000_000_000,
        acquired_us=cube.timing.acquired_us + later_s * 1_000_000,
        cnt0=cube.timing.cnt0 + more_counts,
        main_index=cube.timing.main_index + more_counts,
    )
    stem, _, clock = cube.name.removesuffix(".fits").partition("_")
    second, _, fraction = clock.partition(".")
    at = datetime.strptime(second, "%H:%M:%S") + timedelta(seconds=later_s)  # noqa: DTZ007
    date = datetime.fromisoformat(cube.cards.string("DATE") or "") + timedelta(seconds=later_s)
    cards = cube.cards.replaced([render_card("DATE", f"'{date.isoformat()}'", "creation (UT)")])
    return replace(cube, name=f"{stem}_{at:%H:%M:%S}.{fraction}.fits", timing=timing, cards=cards)


def _decide(base: Path) -> Cost:
    settings = load_settings(base / CONFIG)
    open_store(settings.database.url, Access.MIGRATE).close()
    workers = WorkerPool(1, settings.schedule.worker_deadline_s)
    try:
        with connect(settings) as connections:
            # What it imports and compiles first is not of this night.
            workers.run(SteadyPace(), {}, os.getpid)
            began_s = _cpu_s()
            plan = plan_sync(
                workers, SteadyPace(), NIGHT, connections.reader, settings, frozenset()
            )
            cpu_s = _cpu_s() - began_s
            (action,) = plan.waves[0]
            assert isinstance(action, CommitGeneration)
            here, *others = processes_below(os.getpid())
            return Cost(
                action.generation.counts.raw,
                len(action.generation.products),
                cpu_s,
                peak_of(here),
                max(map(peak_of, others)),
            )
    finally:
        workers.close()


def _cpu_s() -> float:
    return sum(usage_of(pid).cpu_s for pid in processes_below(os.getpid()))
