"""The cubes that the loggers of an event night write: frames, times, counts and cards."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.evaluation.event_nights.conditions import Conditions, Setting
from tests.evaluation.event_nights.stamps import Spans, Stamps, step_times
from tests.evaluation.event_nights.trigger import Exposures, Float64
from vampd.model.cubes import Cards, Int64, Timing
from vampd.model.nights import Stream
from vampd.simulate.handshake import Handshake
from vampd.simulate.header_cards import CubeSetting, cube_cards
from vampd.simulate.night import SimulatedCube
from vampd.simulate.scenario import STANDARD, Run

CROP = STANDARD

_START_US = 1_762_405_200_000_000  # 2025-11-06 05:00 UT
_TAI_US = 37_000_000
_LOGGED_AFTER_US = 250
_NAMED_BEFORE_NS = 16_000
_STAMPED_WHILE_ON_US = 500  # the logger takes in what came so long after it was told to end


@dataclass(frozen=True)
class LoggedCube:
    """A cube, and the exposures that it has."""

    cube: SimulatedCube
    exposures: Int64


@dataclass(frozen=True)
class Computer:
    """What both loggers have in common: what was set, and the clock, with its ``steps``."""

    conditions: Conditions
    exposures: Exposures
    runs: tuple[Run, ...]
    steps: Spans


def runs_of(conditions: Conditions, exposures: Exposures) -> tuple[Run, ...]:
    """A run for each setting, as truth and cards want it."""
    return tuple(
        _run(conditions, setting, int((exposures.setting == number).sum()))
        for number, setting in enumerate(exposures.settings)
    )


def log_cubes(
    rng: np.random.Generator, computer: Computer, stream: Stream, stamps: Stamps
) -> list[LoggedCube]:
    """The cubes of a stream, in the order in which they were written."""
    conditions, exposures = computer.conditions, computer.exposures
    camera = stream.camera - 1
    count = len(stamps.times_us)
    unseen = rng.random(count) < conditions.unseen[camera]
    dropped = rng.random(count) < conditions.dropped[camera]
    dropped |= stamps.in_burst & (rng.random(count) < conditions.burst_loss)
    cnt0 = int(rng.integers(10**5, 10**8)) + np.cumsum(~unseen) - 1
    for reset_us, of_camera in exposures.resets:
        after = (exposures.ends_us[camera] > reset_us) & (of_camera == camera)
        if after.any():
            cnt0[after] = cnt0[after] - cnt0[after][0]
    window = np.full(count, -1)
    for number, (begin_us, end_us) in enumerate(exposures.logging[camera]):
        until_us = end_us + _STAMPED_WHILE_ON_US
        window[(stamps.times_us >= begin_us) & (stamps.times_us < until_us)] = number
    kept = np.flatnonzero((window >= 0) & ~unseen & ~dropped)
    return [
        _cube(
            rng,
            computer,
            stream,
            rows,
            stamps.times_us[rows],
            cnt0[rows].astype(np.int64),
            exposures.logging[camera][window[rows[-1]]][1],
        )
        for rows in _split(rng, conditions, kept, window, stamps.times_us)
    ]


def _run(conditions: Conditions, setting: Setting, exposures: int) -> Run:
    turn_us = setting.exptime_us + conditions.readout_us + setting.wait_us
    return Run(
        triggers=max(2, exposures),
        period_us=int(turn_us + 2 * (setting.half_width_us or 0) + 10),
        exptime_us=setting.exptime_us,
        frames_per_cube=(conditions.frames_per_cube, conditions.frames_per_cube),
        flc_jitter_us=setting.half_width_us,
        offset_us=conditions.offset_us,
        readout=conditions.readout,
        handshake=Handshake(in_beam=not conditions.out_of_beam),
        hwp_angle_deg=setting.angle_deg,
        filter01=setting.filter_name,
        target=setting.target,
        pause_s=1.0,
    )


def _split(
    rng: np.random.Generator,
    conditions: Conditions,
    kept: Int64,
    window: Int64,
    stamps_us: Float64,
) -> list[Int64]:
    """The exposures of each cube; the first one of a new cube may be lost."""
    cubes: list[Int64] = []
    current: list[int] = []
    for row in kept.tolist():
        if current and (
            len(current) >= conditions.frames_per_cube
            or window[row] != window[current[-1]]
            or stamps_us[row] - stamps_us[current[-1]] > conditions.silence_us
        ):
            cubes.append(np.array(current, np.int64))
            current = []
            if rng.random() < conditions.switch_loss:
                continue
        current.append(row)
    return [*cubes, np.array(current, np.int64)] if current else cubes


def _cube(
    rng: np.random.Generator,
    computer: Computer,
    stream: Stream,
    rows: Int64,
    stamps_us: Float64,
    cnt0: Int64,
    off_us: float,
) -> LoggedCube:
    """A cube of these exposures, whose logger was on until ``off_us``."""
    conditions, steps = computer.conditions, computer.steps
    acquired_us = np.rint(_START_US + step_times(stamps_us, steps)).astype(np.int64)
    delays_us = rng.exponential(30.0, len(rows))
    written_us = np.maximum.accumulate(stamps_us + _LOGGED_AFTER_US + delays_us)
    clock_us = step_times(written_us, steps)
    zero_us = _START_US + (_TAI_US if conditions.tai else 0)
    logged_ns = np.rint(zero_us * 1_000 + clock_us * 1_000.0).astype(np.int64)
    acquired_us[rng.random(len(rows)) < conditions.no_time] = 0
    full = len(rows) >= conditions.frames_per_cube
    silence_us = (0 if full else conditions.silence_us) * (rng.random() < 0.5)
    closed_us = float(written_us[-1]) + silence_us
    if not full:
        # The cube ends where logging does, if that is sooner.
        closed_us = max(float(written_us[-1]), min(closed_us, off_us))
    frame = np.arange(len(rows), dtype=np.int64)
    timing = Timing(
        frame, cnt0, logged_ns - logged_ns[0], logged_ns, acquired_us, cnt0, np.zeros_like(frame)
    )
    name = _name(stream, int(_START_US * 1_000 + clock_us[0] * 1_000) - _NAMED_BEFORE_NS)
    cards = _cards(computer, stream, timing, closed_us)
    run = int(computer.exposures.setting[rows[-1]])
    return LoggedCube(SimulatedCube(stream, name, run, cards, timing, rows, None), rows)


def _cards(computer: Computer, stream: Stream, timing: Timing, closed_us: float) -> Cards:
    """The cards of a cube closed at ``closed_us``; those of camera and FLC lag or lie."""
    conditions = computer.conditions
    camera_run = computer.runs[_setting_at(computer, closed_us - conditions.card_lag_us)]
    run = computer.runs[_setting_at(computer, closed_us)]
    fields: list[tuple[str, str]] = []
    if conditions.shown_half_width_us is not None:
        fields.append(("U_TRIGJT", str(conditions.shown_half_width_us)))
    elif camera_run.flc_jitter_us is None:
        fields.append(("U_TRIGJT", "500"))
    if conditions.shown_switching is not None:
        fields.append(("U_FLCEN", "T" if conditions.shown_switching else "F"))
    if conditions.shown_exptime is not None:
        exptime_s = camera_run.exptime_us * conditions.shown_exptime / 1e6
        fields.append(("EXPTIME", f"{exptime_s:.15f}"))
    if not conditions.out_of_beam:
        fields.append(("U_FLCST", "'IN'"))
    shown = replace(
        camera_run,
        hwp_angle_deg=run.hwp_angle_deg,
        filter01=run.filter01,
        target=run.target,
        fields=tuple(fields),
    )
    dated_us = np.where(timing.acquired_us == 0, _START_US, timing.acquired_us)
    dated = replace(timing, acquired_us=dated_us)
    return cube_cards(CubeSetting(shown, CROP, stream.camera, None), dated)


def _setting_at(computer: Computer, time_us: float) -> int:
    history = computer.exposures.history
    times_us = [since_us for since_us, _ in history]
    return history[max(0, int(np.searchsorted(times_us, time_us, side="right")) - 1)][1]


def _name(stream: Stream, named_ns: int) -> str:
    second, nanosecond = divmod(named_ns, 10**9)
    clock = f"{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{nanosecond:09d}"
    return f"{stream}_{clock}.fits"
