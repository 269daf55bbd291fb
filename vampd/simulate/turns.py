"""Turns of the handshake trigger: when it fires, and how late the frames are stamped.

A camera begins its exposure with its next row clock, a lag that is uniform within one row's time
(7.2 us FAST, 172.8 us SLOW); its stamp and its ready pulse both carry it. The next trigger waits
for the slower camera, so that intervals have a scatter in common. A stamp is late besides, by a
latency of its own, and never early.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.sync import CODE_A, CODE_B, Labels
from vampd.simulate.handshake import Handshake, LateBurst, Latency
from vampd.simulate.scenario import CAMERAS, Run
from vampd.simulate.truth import no_states

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

_BACK_TO_BACK_US = 12.0  # between frames that waited for the same burst
_LATEST_US = 50_000.0
_PARETO_SHAPE = 1.5
_PAUSE_RANGE = (0.9, 1.1)


@dataclass(frozen=True)
class Turns:
    """The triggers of a run: times in us since its start, FLC states, and each camera's lag.

    ``lags_us`` has the shape (cameras, triggers); ``ends_us`` is when the next turn would begin.
    """

    times_us: Float64
    states: Labels
    lags_us: Float64
    ends_us: float


def fire_turns(run: Run, handshake: Handshake, rng: np.random.Generator) -> Turns:
    """The run's triggers; the first one is relaxed."""
    count = run.triggers
    lags_us = rng.uniform(0, run.readout.row_us, (len(CAMERAS), count))
    waited_us = lags_us[[camera - 1 for camera in run.cameras]].max(axis=0)
    expected_us = run.readout.row_us * len(run.cameras) / (len(run.cameras) + 1)
    part = np.arange(count, dtype=np.float64) / count
    base_us = run.period_us - (run.flc_jitter_us or 0) - expected_us
    steps_us = base_us + waited_us + handshake.readout_drift * base_us * part
    relaxed, ends_turn = _turn_of(run)
    jitter_us = (run.flc_jitter_us or 0) * (1 + handshake.jitter_drift * part)
    steps_us += np.where(relaxed, 2 * jitter_us, 0.0)
    steps_us += handshake.sweep_us * (np.cumsum(ends_turn) - ends_turn)
    steps_us += ends_turn * _serial_us(handshake, count, rng)
    for pause in run.pauses:
        # The trigger stands still between turns: at the first end of a turn from there on.
        ends = np.flatnonzero(ends_turn[pause.before - 1 :])
        if len(ends):
            steps_us[pause.before - 1 + ends[0]] += pause.pause_s * 1e6 * rng.uniform(*_PAUSE_RANGE)
    times_us = np.concatenate([[0.0], np.cumsum(steps_us)])
    states = no_states(count)
    if run.flc_jitter_us is not None and handshake.in_beam:
        states = np.where(relaxed, CODE_B, CODE_A).astype(np.uint8)
    return Turns(times_us[:-1], states, lags_us, float(times_us[-1]))


def delay_stamps(
    run: Run, handshake: Handshake, camera: int, stamped_us: Float64, rng: np.random.Generator
) -> Float64:
    """The stamps of one camera's frames with their lateness, in the order of the frames."""
    count = len(stamped_us)
    late_us = _latency_us(handshake, count, rng)
    is_tail = rng.random(count) < handshake.tail
    late_us += is_tail * handshake.tail_us * (0.5 + rng.pareto(_PARETO_SHAPE, count))
    begins = np.flatnonzero(rng.random(count) < handshake.burst_rate)
    spans_us = rng.uniform(0, handshake.longest_burst_us, len(begins))
    bursts = [burst for burst in handshake.bursts if burst.camera == camera]
    bursts += [
        LateBurst(camera, int(begin), float(span))
        for begin, span in zip(begins, spans_us, strict=True)
    ]
    for burst in bursts:
        end_us = stamped_us[burst.trigger] + burst.span_us
        held = slice(burst.trigger, int(np.searchsorted(stamped_us, end_us)))
        if burst.most_us:
            drawn_us = rng.uniform(burst.least_us, burst.most_us, len(stamped_us[held]))
            late_us[held] = np.maximum(late_us[held], drawn_us)
        else:
            late_us[held] = np.maximum(late_us[held], end_us - stamped_us[held])
    # The framegrabber hands over one frame after the other, and has all before the next run.
    latest_us = stamped_us[-1] + run.period_us / 2
    stamped_us = np.minimum(stamped_us + np.minimum(late_us, _LATEST_US), latest_us)
    order_us = np.arange(count) * _BACK_TO_BACK_US
    return np.asarray(np.maximum.accumulate(stamped_us - order_us) + order_us)


def _turn_of(run: Run) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For each trigger, whether the FLC is relaxed, and whether it is the last one of its turn."""
    numbers = np.arange(run.triggers)
    if run.flc_jitter_us is None:
        return np.zeros(run.triggers, dtype=np.bool_), np.ones(run.triggers, dtype=np.bool_)
    return numbers % 2 == 0, numbers % 2 == 1


def _serial_us(handshake: Handshake, count: int, rng: np.random.Generator) -> Float64:
    served = rng.random(count) < handshake.serial
    least, most = np.log(handshake.serial_us)
    return np.asarray(served * np.exp(rng.uniform(least, most, count)))


def _latency_us(handshake: Handshake, count: int, rng: np.random.Generator) -> Float64:
    match handshake.latency:
        case Latency.EXPONENTIAL:
            return rng.exponential(handshake.latency_us, count)
        case Latency.UNIFORM:
            return rng.uniform(0, 2 * handshake.latency_us, count)
        case Latency.PARETO:
            return np.asarray(
                handshake.latency_us * (_PARETO_SHAPE - 1) * rng.pareto(_PARETO_SHAPE, count)
            )
