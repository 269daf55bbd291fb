"""What sync costs, from raw files on disk to framelists on disk.

Each line is one night in a process of its own: the sync stage's own survey, plan and execution,
again until nothing is left to do, as the daemon runs them. Headers (about 420 cards), timing files
and frames a cube are those of STANDARD cubes, both cameras with the FLC switching; the pixels are
holes in sparse files, because sync never reads one.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measures import Measure, at_most
from tests.benchmarks.options import Options, workplace
from tests.benchmarks.process_tree import in_own_process
from tests.benchmarks.site import CONFIG, write_config
from tests.support.fakes.progress import HeardProgress
from vampd.config import Settings, load_settings
from vampd.disk.pace import Flag, SharedPace
from vampd.engine.execute import AttemptTools, execute_wave
from vampd.engine.nights.night_listing import check_cube, cube_files, list_night
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.fits.headers import format_header, padded
from vampd.model.nights import CAMERA_STREAMS, Kind, NightId, timing_name
from vampd.model.plan import WriteFramelist
from vampd.ports import NightReader
from vampd.simulate.logger_files import timing_bytes
from vampd.simulate.night import SimulatedCube, plan_night
from vampd.simulate.scenario import Crop, Run, Scenario
from vampd.stages import sync
from vampd.store.database.opening import Access, open_store
from vampd.wiring.attempts import make_tools
from vampd.wiring.connections import connect

NIGHT = NightId("20251106", Kind.ARCHIVE)
_SIZES = (10_000, 100_000, 1_000_000)
_FRAMES_A_CUBE = 500
# Long runs as in a survey of one star, and the dearest: the half-wave plate turns behind each cube.
_CUBES_A_RUN = (50, 1)
# Linear: what a frame costs may grow by no more than two measurements of the same differ.
_MOST_GROWTH = 1.3
TINY = Crop("TINY", (8, 8), 8)
_PIXEL_BYTES = 2
_ANGLES_DEG = (0.0, 45.0, 22.5, 67.5)
_COUNTS = ("frames", "cubes", "a run", "lists")
_SECONDS = ("check", "survey", "plan", "write", "again", "sum", "wall")
_UNITS = ("", "", "cubes", "", *["us/frame"] * len(_SECONDS), "MB")


@dataclass(frozen=True)
class Cost:
    """What one night cost; all but ``peak_bytes`` are seconds, of CPU except ``wall_s``.

    ``check_s`` is the daemon's look whether every cube is whole, before sync begins; ``again_s``
    the last survey and plan, which find nothing left to do.
    """

    cubes: int
    framelists: int
    check_s: float
    survey_s: float
    plan_s: float
    write_s: float
    again_s: float
    wall_s: float
    peak_bytes: int

    @property
    def sync_s(self) -> float:
        """CPU seconds from raw files to framelists."""
        return self.survey_s + self.plan_s + self.write_s + self.again_s


def measure(options: Options) -> Iterator[Measure]:
    """Print the table, and hold the longest night of each kind against the limits.

    Of a short one, most is what it costs to begin: half a second, whatever follows.
    """
    print(" ".join(f"{column:>9}" for column in (*_COUNTS, *_SECONDS, "peak")))
    print(" ".join(f"{unit:>9}" for unit in _UNITS))
    # All nights stay until the end: for seconds after many files were removed, ext4 looks at the
    # inode of each before it makes a new one, and that would count as ours.
    with workplace(options.folder) as base:
        for cubes_a_run in _CUBES_A_RUN:
            costs: dict[int, Cost] = {}
            for size in _SIZES:
                frames = options.count(size, least=2 * _FRAMES_A_CUBE)
                site = base / f"{frames}_{cubes_a_run}"
                costs[frames] = _cost_of(frames, cubes_a_run, site)
                print(_row(frames, cubes_a_run, costs[frames]), flush=True)
            yield from _judge(f"sync, runs of {cubes_a_run} cubes", costs)


def _judge(what: str, costs: Mapping[int, Cost]) -> Iterator[Measure]:
    us_a_frame = {frames: cost.sync_s / frames * 1e6 for frames, cost in costs.items()}
    fewer, most = sorted(costs)[-2:] if len(costs) > 1 else [*costs, *costs]
    yield Measure(f"{what}: CPU, {most:,} frames", us_a_frame[most], "us/frame", at_most(20))
    peak_bytes = max(cost.peak_bytes for cost in costs.values())
    yield Measure(f"{what}: peak memory", peak_bytes / 1e6, "MB", at_most(600))
    yield Measure(
        f"{what}: a frame of {most:,}, of {fewer:,}",
        us_a_frame[most] / us_a_frame[fewer],
        "x",
        at_most(_MOST_GROWTH),
        ours=f"{us_a_frame[most]:.2f} us",
        peer=f"{us_a_frame[fewer]:.2f} us",
    )


def _row(frames: int, cubes_a_run: int, cost: Cost) -> str:
    counts = (frames, cost.cubes, cubes_a_run, cost.framelists)
    seconds = (cost.check_s, cost.survey_s, cost.plan_s, cost.write_s, cost.again_s, cost.sync_s)
    cells = [f"{count:>9}" for count in counts]
    cells += [f"{spent_s / frames * 1e6:>9.2f}" for spent_s in (*seconds, cost.wall_s)]
    return " ".join([*cells, f"{cost.peak_bytes / 1e6:>9.0f}"])


def _cost_of(frames: int, cubes_a_run: int, base: Path) -> Cost:
    base.mkdir()
    # In processes of their own: the peak of a night must not be that of another.
    in_own_process(make_night, base, frames, cubes_a_run)
    return in_own_process(sync_night, base)


def make_night(base: Path, frames: int, cubes_a_run: int) -> None:
    """Write both cameras' cubes with this many frames together, pixels as holes."""
    runs = runs_of(frames // len(CAMERA_STREAMS), cubes_a_run * _FRAMES_A_CUBE)
    folder = load_settings(write_config(base)).watch.root / NIGHT.folder
    for stream in CAMERA_STREAMS:
        (folder / stream).mkdir(parents=True)
    for cube in plan_night(Scenario("bench", TINY, runs), NIGHT, seed=1).cubes:
        write_sparse(folder, cube)


def runs_of(triggers: int, triggers_a_run: int) -> tuple[Run, ...]:
    pieces = [triggers_a_run] * (triggers // triggers_a_run)
    if triggers % triggers_a_run:
        pieces.append(triggers % triggers_a_run)
    return tuple(
        Run(
            triggers=piece,
            period_us=2_000,
            exptime_us=1_900,
            frames_per_cube=(_FRAMES_A_CUBE, _FRAMES_A_CUBE),
            flc_jitter_us=20,
            skipped=(0, 7) if position % 2 else (4, 0),
            camera_loss=0.0003,
            logger_loss=0.0003,
            hwp_angle_deg=_ANGLES_DEG[position % len(_ANGLES_DEG)],
        )
        for position, piece in enumerate(pieces)
    )


def write_sparse(folder: Path, cube: SimulatedCube) -> None:
    header = format_header(cube.cards)
    frame_bytes = TINY.rows * TINY.columns[0] * _PIXEL_BYTES
    path = folder / cube.path
    path.write_bytes(header)
    os.truncate(path, len(header) + padded(len(cube.exposures) * frame_bytes))
    rows = timing_bytes(cube)
    assert rows is not None
    path.with_name(timing_name(path.name)).write_bytes(rows)


def sync_night(base: Path) -> Cost:
    """Run the sync stage on the night to its end."""
    settings = load_settings(base / CONFIG)
    open_store(settings.database.url, Access.MIGRATE).close()
    workers = WorkerPool(1, settings.schedule.worker_deadline_s)
    try:
        with connect(settings) as connections:
            pace = SharedPace(Flag.create(base / "pause"), Flag.create(base / "stop"))
            reader = connections.reader
            tools = make_tools(
                connections, settings, NIGHT, reader, workers, LocalCrew(workers), pace, "vampd"
            )
            return _run_stage(settings, reader, tools)
    finally:
        workers.close()


def _run_stage(settings: Settings, reader: NightReader, tools: AttemptTools) -> Cost:
    started_s, began_s = time.monotonic(), time.process_time()
    cubes = list(cube_files(list_night(tools.folder).files))
    for cube in cubes:
        check_cube(tools.folder, cube)
    check_s = time.process_time() - began_s
    survey_s = plan_s = write_s = 0.0
    framelists = 0
    while True:
        times_s = [time.process_time()]
        seen = sync.survey(NIGHT, reader)
        times_s.append(time.process_time())
        todo = sync.plan(seen, settings)
        del seen
        times_s.append(time.process_time())
        if not todo:
            break
        for wave in todo.waves:
            framelists += sum(isinstance(action, WriteFramelist) for action in wave)
            execute_wave(tools, wave, HeardProgress())
        survey_s += times_s[1] - times_s[0]
        plan_s += times_s[2] - times_s[1]
        write_s += time.process_time() - times_s[2]
    return Cost(
        cubes=len(cubes),
        framelists=framelists,
        check_s=check_s,
        survey_s=survey_s,
        plan_s=plan_s,
        write_s=write_s,
        again_s=times_s[2] - times_s[0],
        wall_s=time.monotonic() - started_s,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )
