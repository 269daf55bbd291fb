"""When the framegrabbers of an event night stamp its exposures, and which ones come late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.evaluation.event_nights.conditions import Conditions, choose, draw_log_uniform
from tests.evaluation.event_nights.trigger import Exposures, Float64

Bools = npt.NDArray[np.bool_]
Spans = list[tuple[float, float]]

_STAMPED_AFTER_US = 150.0
_LATEST_PARETO_US = 30e3
_LATENESS_KEPT = 0.95  # how much of a frame's lateness, where correlated, the next one has
_DRIFT_US_PER_S = 5.0


@dataclass(frozen=True)
class Stamps:
    """A camera's stamps, in microseconds from the night's begin, and which are of a burst."""

    times_us: Float64
    in_burst: Bools


def draw_bursts(
    rng: np.random.Generator, conditions: Conditions, exposures: Exposures
) -> tuple[Spans, Spans]:
    """From when until when stamps of each camera come late."""
    bursts: tuple[Spans, Spans] = ([], [])
    ends_us = exposures.ends_us[0]
    for begin in np.flatnonzero(rng.random(len(ends_us)) < conditions.bursts).tolist():
        length_us = draw_log_uniform(rng, 300, conditions.longest_burst_us)
        both = rng.random() < conditions.bursts_of_both
        camera = int(rng.integers(2))
        for each in (0, 1) if both else (camera,):
            begin_us = float(ends_us[begin] - 1 + (rng.uniform(0, 200) if both else 0))
            bursts[each].append((begin_us, begin_us + length_us))
    return bursts


def draw_clock_steps(rng: np.random.Generator, conditions: Conditions, end_us: float) -> Spans:
    """When the computer's clock steps, and by how many microseconds; mostly never."""
    if rng.random() >= conditions.clock_steps:
        return []
    return [
        (float(rng.uniform(0, end_us)), choose(rng, 1.0, -1.0) * draw_log_uniform(rng, 1e3, 2e6))
        for _ in range(int(rng.integers(1, 3)))
    ]


def step_times(times_us: Float64, steps: Spans) -> Float64:
    """The times as a clock with these steps tells them."""
    stepped = times_us.copy()
    for step_us, by_us in steps:
        stepped = stepped + np.where(times_us > step_us, by_us, 0)
    return stepped


def stamp_exposures(
    rng: np.random.Generator,
    conditions: Conditions,
    exposures: Exposures,
    camera: int,
    bursts: Spans,
) -> Stamps:
    """The stamps of camera 0 or 1: never early, and in order."""
    ends_us = exposures.ends_us[camera]
    late_us = _draw_lateness(rng, conditions.lateness[camera], conditions.late_us, len(ends_us))
    in_burst = np.zeros(len(ends_us), bool)
    for begin_us, until_us in bursts:
        rows = np.flatnonzero((ends_us >= begin_us) & (ends_us < until_us))
        if not len(rows):
            continue
        in_burst[rows] = True
        length_us = until_us - begin_us
        match conditions.burst_shape:
            case "held":
                late_us[rows] = np.maximum(late_us[rows], until_us - ends_us[rows])
            case "uniform":
                late_us[rows] += rng.uniform(0, length_us / 2, len(rows))
            case "exponential":
                late_us[rows] += rng.exponential(length_us / 4, len(rows))
            case _:
                late_us[rows] += np.linspace(0, length_us / 2, len(rows))
    stamps_us = ends_us + late_us + max(0.0, -conditions.offset_us)
    stamps_us = stamps_us + _offset(rng, conditions, exposures, camera)
    steps_us = conditions.back_to_back_us * np.arange(len(ends_us))
    # A frame that waited is stamped behind the one before it.
    return Stamps(np.maximum.accumulate(stamps_us - steps_us) + steps_us, in_burst)


def _draw_lateness(rng: np.random.Generator, shape: str, usual_us: float, count: int) -> Float64:
    match shape:
        case "exponential":
            return rng.exponential(usual_us, count)
        case "uniform":
            return rng.uniform(0, 2 * usual_us, count)
        case "pareto":
            long_us: Float64 = np.minimum(usual_us * rng.pareto(1.3, count), _LATEST_PARETO_US)
            return long_us
        case "correlated":
            walk, news = np.zeros(count), rng.normal(0, 1, count)
            for row in range(1, count):
                kept = _LATENESS_KEPT * walk[row - 1]
                walk[row] = kept + np.sqrt(1 - _LATENESS_KEPT * _LATENESS_KEPT) * news[row]
            correlated_us: Float64 = usual_us * np.exp(walk)
            return correlated_us
        case _:
            return rng.uniform(0, 1, count)


def _offset(
    rng: np.random.Generator, conditions: Conditions, exposures: Exposures, camera: int
) -> Float64:
    """From the end of each exposure to a stamp that is not late."""
    ends_us = exposures.ends_us[camera]
    offset_us = np.full(len(ends_us), _STAMPED_AFTER_US)
    if camera == 0:
        return offset_us
    offset_us = offset_us + conditions.offset_us
    if conditions.wander == "linear":
        offset_us = offset_us + (ends_us - ends_us[0]) / 1e6 * _DRIFT_US_PER_S
    if conditions.wander == "walk":
        offset_us = offset_us + np.cumsum(rng.normal(0, 0.7, len(ends_us)))
    for step_us, by_us in exposures.offset_steps:
        offset_us = offset_us + np.where(ends_us > step_us, by_us * 0.3, 0)
    return offset_us
