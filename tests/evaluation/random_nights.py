"""Random nights for the fuzz, by a trigger and loggers of their own.

Written from what is known of the instrument (firmware, camera and logger), without the simulator's
trigger and without the model: lateness of other shapes, readout and J that drift, cards that lie,
pauses, losses. The truth is given as the scenarios give it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tests.evaluation.suite import NIGHT
from vampd.model.cubes import Int64, Timing
from vampd.model.nights import CAMERA_STREAMS, Stream
from vampd.model.sync import CODE_A, CODE_B, CODE_NONE, Labels
from vampd.simulate.handshake import Handshake
from vampd.simulate.header_cards import CubeSetting, cube_cards
from vampd.simulate.night import SimulatedCube, SimulatedNight
from vampd.simulate.scenario import CROP_64, CROP_192, STANDARD, Crop, Readout, Run, Scenario
from vampd.simulate.truth import CubeTruth, Truth

Float64 = npt.NDArray[np.float64]

_START_US = 1_762_405_200_000_000  # 2025-11-06 05:00 UT
_ROW_US = {Readout.FAST: 7.2, Readout.SLOW: 172.8}
_HALF_WIDTHS_US = (0, 20, 60, 100, 200, 500, 700, 1_000)
_BACK_TO_BACK_US = 30.0  # frames that waited together arrive so far apart
_LOGGED_AFTER_US = 250.0


@dataclass(frozen=True)
class _Shots:
    """The exposures of a run: when each ends on each camera (2, exposures), and their states."""

    ends_us: Float64
    states: Labels
    end_us: float


def random_night(seed: int, *, rough: bool = False) -> SimulatedNight:
    """A night of two to six runs; the same seed gives the same night.

    A ``rough`` one has, in each run, many stamps that are late in bursts, and triggers that the
    cameras miss without a trace: what seldom meets otherwise.
    """
    rng = np.random.default_rng([seed, 14])
    crop = (CROP_64, CROP_192, STANDARD)[int(rng.integers(3))]
    counts = {stream: int(rng.integers(10**5, 10**8)) for stream in CAMERA_STREAMS}
    start_us, fired = float(_START_US), 0
    runs: list[Run] = []
    cubes: list[tuple[SimulatedCube, Int64, Labels]] = []
    for number in range(int(rng.integers(2, 7))):
        run = _draw_run(rng)
        shots = _shoot(run, rng)
        intervals_us = np.diff(shots.ends_us[0])
        run = replace(run, period_us=max(run.period_us, round(float(np.median(intervals_us)))))
        runs.append(run)
        for stream in CAMERA_STREAMS:
            stamps_us = _stamp(run, stream, shots, rng, rough) + start_us
            kept, cnt0 = _log(stream, shots, rng, rough)
            own = counts[stream] + cnt0
            counts[stream] = int(own[-1]) + 1 if len(own) else counts[stream]
            for part in np.array_split(kept, -(-len(kept) // run.frames_per_cube[0]) or 1):
                if len(part):
                    cube = _cube(
                        run, number, crop, stream, stamps_us[part], own[np.isin(kept, part)], rng
                    )
                    cubes.append((cube, fired + part, shots.states[part]))
        fired += len(shots.states)
        start_us += shots.end_us + rng.choice([0.3e6, 1e6, 4e6, 60e6]) * rng.uniform(0.9, 1.2)
    cubes.sort(key=lambda each: (each[0].stream, each[0].timing.logged_ns[0]))
    scenario = Scenario(f"random_{seed}", crop, tuple(runs))
    return SimulatedNight(NIGHT, scenario, seed, tuple(c for c, _, _ in cubes), _truth(cubes, runs))


def _draw_run(rng: np.random.Generator) -> Run:
    exptime_us = round(float(np.exp(rng.uniform(np.log(300), np.log(60_000)))))
    half_width_us = int(rng.choice(_HALF_WIDTHS_US)) if rng.random() < 0.7 else None
    readout_us = round(float(rng.uniform(300, 3_000)))
    length = int(rng.choice([20, 60, 150, 400]))
    return Run(
        triggers=int(rng.integers(4, 500)),
        period_us=exptime_us + readout_us + (half_width_us or 0),
        exptime_us=exptime_us,
        frames_per_cube=(length, length),
        flc_jitter_us=half_width_us,
        offset_us=float(rng.uniform(-400, 400)),
        readout=Readout.SLOW if rng.random() < 0.2 else Readout.FAST,
        handshake=Handshake(),
        hwp_angle_deg=float(rng.choice([0.0, 22.5, 45.0, 67.5])),
        pause_s=1.0,
    )


def _shoot(run: Run, rng: np.random.Generator) -> _Shots:
    """The turns of the trigger, which waits for both cameras and knows no exposure time."""
    row_us, half_us = _ROW_US[run.readout], float(run.flc_jitter_us or 0)
    switching = run.flc_jitter_us is not None
    readout_us = float(run.period_us - run.exptime_us) - half_us
    readout_drift, half_drift = rng.choice([0.0, 0.0, 0.05]), rng.choice([0.0, 0.0, 0.1])
    commands, stops = rng.choice([0.0, 0.01, 0.05]), rng.choice([0.0, 0.0, 0.005])
    ends = np.empty((2, run.triggers))
    states = np.full(run.triggers, CODE_NONE, dtype=np.uint8)
    now_us, relaxed = 0.0, True
    for shot in range(run.triggers):
        part = shot / run.triggers
        if relaxed and shot:
            # Between turns: commands on the serial line, or the loop stops and begins anew.
            if rng.random() < commands:
                now_us += float(np.exp(rng.uniform(np.log(100), np.log(5_000))))
            if rng.random() < stops:
                now_us += rng.uniform(0.1e6, 2e6)
        wait_us = 20.0
        if switching and not relaxed:
            wait_us += 2 * half_us * (1 + half_drift * part)
        now_us += wait_us
        lags_us = rng.uniform(0, row_us, 2)
        ends[:, shot] = now_us + lags_us + run.exptime_us
        now_us = float(ends[:, shot].max()) + readout_us * (1 + readout_drift * part)
        if switching:
            states[shot] = CODE_B if relaxed else CODE_A
            relaxed = not relaxed
    return _Shots(ends, states, now_us)


def _stamp(
    run: Run, stream: Stream, shots: _Shots, rng: np.random.Generator, rough: bool
) -> Float64:
    """When the framegrabber stamps each frame: never early, and in order."""
    ends_us = shots.ends_us[stream.camera - 1]
    late_us = np.zeros(len(ends_us))
    shape, bursts = int(rng.integers(4)), 0.004
    if rough:
        shape, bursts = 2, 0.01
    match shape:
        case 0:
            late_us = rng.uniform(0, rng.choice([5.0, 30.0, 100.0]), len(ends_us))
        case 1:
            late_us = np.minimum(5.0 * rng.pareto(1.5, len(ends_us)), 20_000)
        case 2:
            late_us = rng.exponential(4.0, len(ends_us))
            for begin in np.flatnonzero(rng.random(len(ends_us)) < bursts).tolist():
                until_us = ends_us[begin] + np.exp(rng.uniform(np.log(300), np.log(20_000)))
                waiting = np.flatnonzero((ends_us >= ends_us[begin]) & (ends_us < until_us))
                late_us[waiting] = np.maximum(late_us[waiting], until_us - ends_us[waiting])
        case _:
            late_us = rng.exponential(3.0, len(ends_us))
    stamps_us = ends_us + late_us + 150.0 + (run.offset_us if stream.camera == 2 else 0.0)
    steps_us = _BACK_TO_BACK_US * np.arange(len(stamps_us))
    # A frame that waited is stamped behind the one before it.
    ordered: Float64 = np.maximum.accumulate(stamps_us - steps_us) + steps_us
    return ordered


def _log(
    stream: Stream, shots: _Shots, rng: np.random.Generator, rough: bool
) -> tuple[Int64, Int64]:
    """The exposures that reach a cube, and their counts: what the framegrabber saw is counted."""
    count = len(shots.states)
    missed = [0.002, 0.005, 0.01, 0.02] if rough else [0.0, 0.0, 0.002, 0.02]
    unseen = rng.random(count) < rng.choice(missed)
    dropped = rng.random(count) < rng.choice([0.0, 0.0, 0.002, 0.05])
    off_us = rng.choice([0.0, rng.uniform(0, 0.4e6)])
    ends_us = shots.ends_us[stream.camera - 1]
    off = ends_us < ends_us[0] + off_us if ends_us[-1] > ends_us[0] + off_us else unseen
    cnt0 = np.cumsum(~unseen) - 1
    kept = np.flatnonzero(~unseen & ~dropped & ~off).astype(np.int64)
    return kept, cnt0[kept].astype(np.int64)


def _cube(
    run: Run,
    number: int,
    crop: Crop,
    stream: Stream,
    stamps_us: Float64,
    cnt0: Int64,
    rng: np.random.Generator,
) -> SimulatedCube:
    acquired_us = np.rint(stamps_us).astype(np.int64)
    delays_us = _LOGGED_AFTER_US + rng.exponential(30.0, len(stamps_us))
    logged_ns = np.maximum.accumulate(
        acquired_us * 1_000 + np.rint(delays_us * 1_000).astype(np.int64)
    )
    frame = np.arange(len(acquired_us), dtype=np.int64)
    timing = Timing(
        frame, cnt0, logged_ns - logged_ns[0], logged_ns, acquired_us, cnt0, np.zeros_like(frame)
    )
    shown = run
    if run.flc_jitter_us is not None and rng.random() < 0.15:
        shown = replace(run, flc_jitter_us=int(rng.choice(_HALF_WIDTHS_US[:5])))
    cards = cube_cards(CubeSetting(shown, crop, stream.camera, None), timing)
    second, nanosecond = divmod(int(logged_ns[0]) - 16_000, 10**9)
    clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{nanosecond:09d}"
    return SimulatedCube(stream, f"{stream}_{clock}.fits", number, cards, timing, frame, None)


def _truth(cubes: list[tuple[SimulatedCube, Int64, Labels]], runs: list[Run]) -> Truth:
    shown = tuple(
        CubeTruth(c.stream, c.path, c.run, len(shots), runs[c.run].trigger, None)
        for c, shots, _ in cubes
    )
    lengths = [len(shots) for _, shots, _ in cubes]
    return Truth(
        cubes=shown,
        cube=np.repeat(np.arange(len(cubes), dtype=np.int64), lengths),
        frame=np.concatenate([np.arange(n, dtype=np.int64) for n in lengths]),
        run=np.repeat(np.array([c.run for c, _, _ in cubes], np.int64), lengths),
        trigger=np.concatenate([shots for _, shots, _ in cubes]).astype(np.int64),
        flc=np.concatenate([states for _, _, states in cubes]).astype(np.uint8),
    )
