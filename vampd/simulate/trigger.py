"""When frames are exposed, read, lost and logged: one trigger train, two cameras.

The trigger adds 2 J to every other interval, so that intervals alternate T + J (after a frame of
state B) and T - J (after A). A triggered camera begins its exposure with its next row clock: a lag
that is uniform within one row's time (7.2 us FAST, 172.8 us SLOW) and independent for every frame
and camera. The framegrabber's time is the end of the exposure plus a delay of the camera's own,
which is constant within a run. The logger's clock reads a few hundred microseconds later, as in
the real timing files.

What a run does not use draws no random numbers, so that a seed's night stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import Int64
from vampd.model.sync import CODE_A, CODE_B, Labels
from vampd.simulate.scenario import Counter, Run, Trigger
from vampd.simulate.truth import NO_TRIGGER, no_states
from vampd.simulate.turns import delay_stamps, fire_turns

Booleans = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]

_ARRIVAL_US = 310.0  # from the end of the exposure to camera 1's time
_LOGGING_US = 270.0  # the least time between the framegrabber's and the logger's clock
_LOGGING_SPREAD_US = 50.0
_PAUSE_RANGE = (0.9, 1.1)
_COUNTER_FAULTS = 0.01  # of the frames
_MOST_RANDOM, _LONGEST_SKIP = 10**6, 3
_FREE_CLOCK_PPM = 40.0  # how far the cameras' own clocks are from the nominal period


@dataclass(frozen=True)
class Train:
    """The triggers of a run: times in us since the run's start, and the FLC's state at each.

    ``lags_us`` (cameras, triggers) are those of a handshake, which waits for them; ``ends_us`` is
    when the next run could begin.
    """

    times_us: Float64
    states: Labels
    ends_us: float
    lags_us: Float64 | None = None


@dataclass(frozen=True)
class Recorded:
    """The frames of one camera and run that were logged; arrays of shape (frames,).

    ``exposures`` number the exposures of the run, which for ``trigger`` EXTERNAL is the number of
    the trigger; ``count`` is the framegrabber's running number, from 0 at the run's first frame or
    where it ``restarted``; ``delivered`` is how many it gave in all since then.
    """

    trigger: Trigger
    exposures: Int64
    states: Labels
    acquired_us: Int64
    logged_ns: Int64
    count: Int64
    restarted: Booleans
    delivered: int

    def trigger_numbers(self, fired: int) -> Int64:
        """The triggers' numbers in the night, after ``fired`` earlier ones; else NO_TRIGGER."""
        if self.trigger is Trigger.FREE_RUNNING:
            return np.full(len(self.exposures), NO_TRIGGER, dtype=np.int64)
        return self.exposures + fired


def fire_triggers(run: Run, rng: np.random.Generator) -> Train:
    """The run's trigger train; the state of the first trigger is drawn, but for a handshake."""
    if run.handshake:
        turns = fire_turns(run, run.handshake, rng)
        return Train(turns.times_us, turns.states, turns.ends_us, turns.lags_us)
    stretches: list[tuple[Float64, Labels]] = []
    start_us, first = 0.0, 0
    for pause in sorted(run.pauses, key=lambda pause: pause.before):
        stretches.append(_fire_stretch(run, pause.before - first, start_us, rng))
        still_us = pause.pause_s * 1e6 * rng.uniform(*_PAUSE_RANGE)
        start_us = float(stretches[-1][0][-1]) + run.period_us + still_us
        first = pause.before
    stretches.append(_fire_stretch(run, run.triggers - first, start_us, rng))
    times_us = np.concatenate([times for times, _ in stretches])
    states = np.concatenate([states for _, states in stretches])
    return Train(times_us, states, int(times_us[-1]) + run.period_us)


def _fire_stretch(
    run: Run, triggers: int, start_us: float, rng: np.random.Generator
) -> tuple[Float64, Labels]:
    numbers = np.arange(triggers)
    times_us = start_us + (numbers * run.period_us).astype(np.float64)
    if run.flc_jitter_us is None:
        return times_us, no_states(triggers)
    first_is_b = int(rng.integers(2))
    is_b = (numbers + first_is_b) % 2 == 1
    # B is followed by T + J. So a train that begins with B is late by J at every odd trigger.
    times_us[1::2] += run.flc_jitter_us if first_is_b else -run.flc_jitter_us
    return times_us, np.where(is_b, CODE_B, CODE_A).astype(np.uint8)


def clock_error_us(run: Run, camera: int, times_us: npt.NDArray[np.float64]) -> Float64:
    """By how much a camera's clock is later than camera 1's at first, at each of a run's triggers.

    Offset, drift and steps; without the scatter of single frames.
    """
    error_us = np.zeros(len(times_us))
    if camera == 2:
        error_us += run.offset_us + run.drift_us_per_s * times_us / 1e6
    for step in run.clock_steps:
        if step.camera == camera:
            error_us[step.trigger :] += step.step_us
    return error_us


def record_frames(
    run: Run,
    camera: int,
    train: Train,
    start_us: int,
    rng: np.random.Generator,
    stalled: Booleans | None = None,
) -> Recorded:
    """What one camera's logger keeps of a run that starts at ``start_us`` (unix).

    ``stalled`` says for each trigger whether the logger lost it for a cause common to both.
    """
    free = run.trigger is Trigger.FREE_RUNNING
    numbers = np.arange(run.triggers, dtype=np.int64)
    exposed_us: Float64
    if free:
        rate = 1 + rng.uniform(-_FREE_CLOCK_PPM, _FREE_CLOCK_PPM) * 1e-6
        exposed_us = rng.uniform(0, run.period_us) + rate * run.period_us * numbers.astype(
            np.float64
        )
        lag_us = rng.uniform(-0.5, 0.5, run.triggers)
    else:
        exposed_us = train.times_us * (1 + run.trigger_ppm * 1e-6)
        if train.lags_us is None:
            lag_us = rng.uniform(0, run.readout.row_us, run.triggers)
        else:
            lag_us = train.lags_us[camera - 1]
    stamped_us = exposed_us + lag_us + run.exptime_us + _ARRIVAL_US
    if run.handshake:
        stamped_us = delay_stamps(run, run.handshake, camera, stamped_us, rng)
    since_start_us = np.rint(stamped_us + clock_error_us(run, camera, exposed_us)).astype(np.int64)
    logged_ns = _log_times(since_start_us, rng)
    loses = camera in run.losing
    camera_loss, logger_loss = (run.camera_loss, run.logger_loss) if loses else (0.0, 0.0)
    delivered = ~lose_frames(run.triggers, camera_loss, run.longest_loss, rng)
    dropped = lose_frames(run.triggers, logger_loss, run.longest_loss, rng)
    if stalled is not None:
        dropped |= stalled
    # A camera that is too slow counts what it takes; the other triggers leave no trace.
    delivered &= numbers % run.keeps_every[camera - 1] == 0
    since_start_us += _lateness_us(run, rng)
    for step in run.logging.host_steps:
        since_start_us[step.trigger :] += step.step_us
        logged_ns[step.trigger :] += step.step_us * 1000
    count = np.cumsum(delivered, dtype=np.int64) - 1
    restarted = np.zeros(run.triggers, dtype=np.bool_)
    for reset in run.logging.counter_resets:
        if reset.camera == camera:
            count[reset.trigger :] -= count[reset.trigger]
            restarted[reset.trigger :] = True
    logger_on = (numbers >= run.skipped[camera - 1]) & (
        numbers < run.triggers - run.cut_short[camera - 1]
    )
    for off in run.logging.unlogged:
        logger_on[off.first : off.stop] &= off.camera != camera
    kept = np.flatnonzero(delivered & ~dropped & logger_on)
    return Recorded(
        trigger=run.trigger,
        exposures=numbers[kept],
        states=train.states[kept],
        acquired_us=start_us + since_start_us[kept],
        logged_ns=start_us * 1000 + logged_ns[kept],
        count=count[kept],
        restarted=restarted[kept],
        delivered=int(count[-1]) + 1,
    )


def spoil_counter(run: Run, count: Int64, rng: np.random.Generator) -> Int64:
    """What a run's cnt0 says about one camera's frames instead of ``count``."""
    frames = np.arange(len(count), dtype=np.int64)
    match run.counter:
        case Counter.HONEST | Counter.NEW_IN_CUBES:
            return count
        case Counter.STUCK:
            return np.zeros_like(count)
        case Counter.RANDOM:
            return rng.integers(0, _MOST_RANDOM, len(count))
        case Counter.BY_TWOS:
            return 2 * count
        case Counter.OF_LOGGED:
            return frames
        case Counter.RESTARTS:
            begins = np.maximum.accumulate(
                np.where(rng.random(len(count)) < _COUNTER_FAULTS, frames, 0)
            )
            return np.asarray(count - count[begins], dtype=np.int64)
        case Counter.SKIPS:
            skipped = rng.integers(1, _LONGEST_SKIP + 1, len(count))
            skipped[rng.random(len(count)) >= _COUNTER_FAULTS] = 0
            return np.asarray(count + np.cumsum(skipped), dtype=np.int64)


def lose_frames(frames: int, rate: float, longest: int, rng: np.random.Generator) -> Booleans:
    """Which frames are lost: losses begin with probability ``rate`` and take 1 to ``longest``."""
    begins = rng.random(frames) < rate
    lengths = rng.integers(1, longest + 1, frames)
    lost = np.zeros(frames, dtype=np.bool_)
    for further in range(min(longest, frames)):
        lost[further:] |= (begins & (lengths > further))[: frames - further]
    return lost


def stall_loggers(
    run: Run, cameras: tuple[int, ...], rng: np.random.Generator
) -> dict[int, Booleans]:
    """Which triggers the loggers lost together, each for its own duration."""
    if not run.common_loss:
        return {}
    begins = np.flatnonzero(rng.random(run.triggers) < run.common_loss)
    stalled = {camera: np.zeros(run.triggers, dtype=np.bool_) for camera in cameras}
    for begin in begins.tolist():
        for lost in stalled.values():
            lost[begin : begin + int(rng.integers(1, run.longest_loss + 1))] = True
    return stalled


def _lateness_us(run: Run, rng: np.random.Generator) -> Int64:
    if not run.late_stamps:
        return np.zeros(run.triggers, dtype=np.int64)
    late = rng.random(run.triggers) < run.late_stamps
    return np.rint(late * rng.uniform(0, run.latest_stamp_us, run.triggers)).astype(np.int64)


def _log_times(acquired_us: Int64, rng: np.random.Generator) -> Int64:
    delay_us = _LOGGING_US + rng.exponential(_LOGGING_SPREAD_US, len(acquired_us))
    logged_ns = acquired_us * 1000 + np.rint(delay_us * 1000).astype(np.int64)
    # The logger writes frame after frame: its times rise even where a delay was long.
    steps = np.arange(len(logged_ns))
    return (np.maximum.accumulate(logged_ns - steps) + steps).astype(np.int64)
