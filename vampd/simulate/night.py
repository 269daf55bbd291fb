"""Planning a simulated night: which cubes there are, with which frames, headers and defects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from vampd.model.cubes import Cards, Int64, Timing
from vampd.model.nights import CAMERA_STREAMS, NightId, Stream
from vampd.model.sync import Labels
from vampd.simulate.handshake import AcquisitionClock
from vampd.simulate.header_cards import CubeSetting, cube_cards
from vampd.simulate.scenario import Counter, Defect, Run, Scenario
from vampd.simulate.session import Logged, Session, count_past, group_runs, join_frames, log_frames
from vampd.simulate.trigger import (
    fire_triggers,
    record_frames,
    spoil_counter,
    stall_loggers,
)
from vampd.simulate.truth import CubeTruth, Truth

_DAY_NS = 86_400_000_000_000
_NAMED_BEFORE_NS = 16_000  # the logger takes the name's time just before it logs the first frame
_TRAIN, _CAMERA, _COUNTER = range(3)  # streams of random numbers; pixels have the next three
_STALL, _COUNTER_FAULT = 6, 7
_TAI_US = 37_000_000


@dataclass(frozen=True)
class SimulatedCube:
    """One raw cube before it is written.

    ``run`` is its run's position in the scenario; ``exposures`` (int64, shape (frames,)) number the
    exposures within the night and decide the pixels: equal numbers see the same speckles.
    """

    stream: Stream
    name: str
    run: int
    cards: Cards
    timing: Timing
    exposures: Int64
    defect: Defect | None

    @property
    def path(self) -> str:
        """Where it will lie, relative to the night's folder."""
        return f"{self.stream}/{self.name}"


@dataclass(frozen=True)
class SimulatedNight:
    """A night that can be written: its cubes by stream and time, and the truth about them."""

    night: NightId
    scenario: Scenario
    seed: int
    cubes: tuple[SimulatedCube, ...]
    truth: Truth

    def stream_cubes(self, stream: Stream) -> tuple[SimulatedCube, ...]:
        """The cubes of one camera, in time order."""
        return tuple(cube for cube in self.cubes if cube.stream is stream)


@dataclass(frozen=True)
class _Piece:
    """A cube with the truth about its frames."""

    cube: SimulatedCube
    run: Int64
    trigger: Int64
    states: Labels


def plan_night(scenario: Scenario, night: NightId, seed: int) -> SimulatedNight:
    """Plan a night; the same arguments give the same night.

    Raises ValueError if a run's ``spoiled`` names a cube that the run does not have.
    """
    start_us = _start_us(scenario, night)
    counted = {
        stream: int(_rng(seed, _COUNTER, stream.camera).integers(10**6, 10**7))
        for stream in CAMERA_STREAMS
    }
    pieces: list[_Piece] = []
    fired = 0
    for positions in group_runs(scenario):
        logged: dict[Stream, list[Logged]] = {stream: [] for stream in CAMERA_STREAMS}
        ends: list[int] = []
        for position in positions:
            run = scenario.runs[position]
            train = fire_triggers(run, _rng(seed, _TRAIN, position))
            stalled = stall_loggers(run, run.cameras, _rng(seed, _STALL, position))
            for stream in CAMERA_STREAMS:
                camera = stream.camera
                if camera not in run.cameras:
                    continue
                rng = _rng(seed, _CAMERA, position, camera)
                recorded = record_frames(run, camera, train, start_us, rng, stalled.get(camera))
                faults = _rng(seed, _COUNTER_FAULT, position, camera)
                recorded = replace(recorded, count=spoil_counter(run, recorded.count, faults))
                logged[stream].append(log_frames(recorded, position, fired, counted[stream]))
                counted[stream] = count_past(run, recorded, counted[stream])
            fired += run.triggers
            ends.append(fired)
            start_us += round(train.ends_us) + round(run.pause_s * 1e6)
            start_us += sum(step.step_us for step in run.logging.host_steps)
        session = Session(positions, np.array(ends, dtype=np.int64))
        for stream in CAMERA_STREAMS:
            pieces += _cut(scenario, session, stream, logged[stream])
    pieces.sort(key=lambda piece: (piece.cube.stream, piece.cube.timing.logged_ns[0]))
    return SimulatedNight(
        night,
        scenario,
        seed,
        tuple(piece.cube for piece in pieces),
        _gather_truth(scenario, pieces),
    )


def _rng(seed: int, *purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, *purpose])


def _start_us(scenario: Scenario, night: NightId) -> int:
    start = datetime.combine(night.day, scenario.start_ut, tzinfo=UTC)
    whole_s = int(start.replace(microsecond=0).timestamp())
    return whole_s * 1_000_000 + start.microsecond


def _cut(
    scenario: Scenario, session: Session, stream: Stream, parts: list[Logged]
) -> Iterator[_Piece]:
    """The cubes of one camera and of runs that join."""
    if not parts:
        return
    logged = join_frames(parts)
    first = scenario.runs[session.positions[0]]
    length = first.frames_per_cube[stream.camera - 1]
    frames = len(logged.run)
    starts = range(0, frames, length)
    defects = _defects(first, stream.camera, len(starts))
    for cube, start in enumerate(starts):
        part = slice(start, min(start + length, frames))
        position = int(logged.run[start])
        run = scenario.runs[position]
        defect = defects.get(cube)
        stale = cube < first.stale_cubes[stream.camera - 1]
        last = part.stop - 1
        closing = session.closing_run(
            int(logged.run[last]), int(logged.exposures[last]) - run.logging.card_lag
        )
        setting = CubeSetting(
            scenario.runs[session.positions[0] - 1 if stale else closing],
            scenario.crop,
            stream.camera,
            defect,
        )
        timing = _timing(logged, part, run.counter is Counter.NEW_IN_CUBES)
        yield _Piece(
            SimulatedCube(
                stream=stream,
                name=_cube_name(stream, int(timing.logged_ns[0])),
                run=position,
                cards=cube_cards(setting, timing),
                timing=_spoil_acquisition(timing, run.logging.acquisition[stream.camera - 1]),
                exposures=logged.exposures[part],
                defect=defect,
            ),
            run=logged.run[part],
            trigger=logged.trigger[part],
            states=logged.states[part],
        )


def _timing(logged: Logged, part: slice, counts_anew: bool) -> Timing:
    logged_ns = logged.logged_ns[part]
    count = logged.cnt0[part]
    if counts_anew:
        count = count - count[0]
    return Timing(
        frame=np.arange(len(logged_ns), dtype=np.int64),
        main_index=count,
        elapsed_ns=logged_ns - logged_ns[0],
        logged_ns=logged_ns,
        acquired_us=logged.acquired_us[part],
        cnt0=count,
        cnt1=np.zeros(len(logged_ns), dtype=np.int64),
    )


def _spoil_acquisition(timing: Timing, clock: AcquisitionClock) -> Timing:
    match clock:
        case AcquisitionClock.HONEST:
            return timing
        case AcquisitionClock.ABSENT:
            return replace(timing, acquired_us=np.zeros_like(timing.acquired_us))
        case AcquisitionClock.TAI:
            return replace(timing, acquired_us=timing.acquired_us + _TAI_US)


def _cube_name(stream: Stream, first_logged_ns: int) -> str:
    seconds, nanoseconds = divmod((first_logged_ns - _NAMED_BEFORE_NS) % _DAY_NS, 10**9)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{stream}_{hour:02d}:{minute:02d}:{second:02d}.{nanoseconds:09d}.fits"


def _defects(run: Run, camera: int, cubes: int) -> dict[int, Defect]:
    defects: dict[int, Defect] = {}
    for spoiled in run.spoiled:
        if spoiled.camera != camera:
            continue
        if not -cubes <= spoiled.cube < cubes:
            raise ValueError(
                f"a run with {cubes} cubes of camera {camera} has no cube {spoiled.cube} to spoil"
            )
        defects[spoiled.cube % cubes] = spoiled.defect
    return defects


def _gather_truth(scenario: Scenario, pieces: list[_Piece]) -> Truth:
    cubes = tuple(
        CubeTruth(
            stream=piece.cube.stream,
            path=piece.cube.path,
            run=piece.cube.run,
            frames=0 if piece.cube.defect is Defect.CUBE_JUNK else len(piece.trigger),
            trigger=scenario.runs[piece.cube.run].trigger,
            defect=piece.cube.defect,
        )
        for piece in pieces
    )
    counts = [cube.frames for cube in cubes]
    readable = [piece for piece, count in zip(pieces, counts, strict=True) if count]
    return Truth(
        cubes=cubes,
        cube=np.repeat(np.arange(len(cubes), dtype=np.int64), counts),
        frame=np.concatenate([[], *(np.arange(count) for count in counts)]).astype(np.int64),
        run=np.concatenate([[], *(piece.run for piece in readable)]).astype(np.int64),
        trigger=np.concatenate([[], *(piece.trigger for piece in readable)]).astype(np.int64),
        flc=np.concatenate([[], *(piece.states for piece in readable)]).astype(np.uint8),
    )
