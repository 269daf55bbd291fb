"""Random nights of events for the fuzz: one trigger, two loggers, settings that change any time.

Written from what is known of the instrument (firmware, cameras, loggers and cards), without the
simulator's trigger, the model and the other random nights: files that both cameras begin and end on
their own while the trigger goes on, or only one does, readout, lateness and losses of many kinds,
clocks and counters that step, cards that lag behind or lie. The truth is given as the scenarios
give it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.evaluation.event_nights.conditions import Conditions, draw_conditions
from tests.evaluation.event_nights.cubes import CROP, Computer, LoggedCube, log_cubes, runs_of
from tests.evaluation.event_nights.stamps import draw_bursts, draw_clock_steps, stamp_exposures
from tests.evaluation.event_nights.trigger import Exposures, expose_night
from tests.evaluation.suite import NIGHT
from vampd.model.nights import CAMERA_STREAMS
from vampd.simulate.night import SimulatedNight
from vampd.simulate.scenario import Run, Scenario
from vampd.simulate.truth import CubeTruth, Truth

_LARGEST_OFFSET = 0.4  # of the shortest time between two exposures


def event_night(seed: int) -> SimulatedNight:
    """A night in which loggers are told to log one to 59 times; the same seed gives the same night.

    A night of which no frame reached a cube is drawn again, with the random numbers that follow.
    """
    rng = np.random.default_rng([seed, 777])
    while True:
        conditions = draw_conditions(rng)
        exposures = expose_night(rng, conditions)
        conditions = _with_certain_partners(conditions, exposures)
        runs = runs_of(conditions, exposures)
        logged = _log_night(rng, conditions, exposures, runs)
        if logged:
            cubes = tuple(each.cube for each in logged)
            truth = _truth(logged, exposures, runs)
            return SimulatedNight(NIGHT, Scenario(f"event_{seed}", CROP, runs), seed, cubes, truth)


def _with_certain_partners(conditions: Conditions, exposures: Exposures) -> Conditions:
    """The offset is less than half the time between exposures, beyond which no pair is certain."""
    if len(exposures.states) < 2:
        return conditions
    shortest_us = min(
        setting.exptime_us + conditions.readout_us + setting.wait_us
        for setting in exposures.settings
    )
    largest_us = _LARGEST_OFFSET * shortest_us
    return replace(
        conditions, offset_us=float(np.clip(conditions.offset_us, -largest_us, largest_us))
    )


def _log_night(
    rng: np.random.Generator,
    conditions: Conditions,
    exposures: Exposures,
    runs: tuple[Run, ...],
) -> list[LoggedCube]:
    bursts = draw_bursts(rng, conditions, exposures)
    steps = draw_clock_steps(rng, conditions, exposures.end_us)
    computer = Computer(conditions, exposures, runs, steps)
    logged: list[LoggedCube] = []
    for camera, stream in enumerate(CAMERA_STREAMS):
        stamps = stamp_exposures(rng, conditions, exposures, camera, bursts[camera])
        logged += log_cubes(rng, computer, stream, stamps)
    logged.sort(key=lambda each: (each.cube.stream, each.cube.timing.logged_ns[0]))
    if conditions.shuffled:
        logged = [logged[each] for each in rng.permutation(len(logged)).tolist()]
    return logged


def _truth(logged: list[LoggedCube], exposures: Exposures, runs: tuple[Run, ...]) -> Truth:
    lengths = [len(each.exposures) for each in logged]
    trigger = np.concatenate([each.exposures for each in logged])
    return Truth(
        cubes=tuple(
            CubeTruth(
                each.cube.stream,
                each.cube.path,
                each.cube.run,
                len(each.exposures),
                runs[each.cube.run].trigger,
                None,
            )
            for each in logged
        ),
        cube=np.repeat(np.arange(len(logged), dtype=np.int64), lengths),
        frame=np.concatenate([np.arange(length, dtype=np.int64) for length in lengths]),
        run=exposures.setting[trigger],
        trigger=trigger,
        flc=exposures.states[trigger],
    )
