"""The trigger of an event night: exposures one after the other, and when the loggers are on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tests.evaluation.event_nights.conditions import (
    ROW_US,
    Conditions,
    Setting,
    change_setting,
    choose,
    draw_log_uniform,
    draw_setting,
)
from vampd.model.cubes import Int64
from vampd.model.sync import CODE_A, CODE_B, CODE_NONE, Labels

Float64 = npt.NDArray[np.float64]

_BETWEEN_CHANGES_US = 30e3
_MOST_BETWEEN_FILES = 300  # exposures that are not logged; of a longer pause, the last ones


@dataclass(frozen=True)
class Exposures:
    """What the trigger made of the night, in microseconds from its begin.

    ``ends_us`` (2, exposures) is when each exposure ends on each camera; ``setting`` is its
    position in ``settings``. ``history`` tells from when on which of these was set. ``logging`` has
    each camera's times from when until when its logger was on; ``resets`` times and cameras of
    counters that begin anew; ``offset_steps`` times and microseconds by which camera 2's stamps
    step.
    """

    ends_us: Float64
    states: Labels
    setting: Int64
    settings: tuple[Setting, ...]
    history: tuple[tuple[float, int], ...]
    logging: tuple[tuple[tuple[float, float], ...], ...]
    resets: tuple[tuple[float, int], ...]
    offset_steps: tuple[tuple[float, float], ...]
    end_us: float


def expose_night(rng: np.random.Generator, conditions: Conditions) -> Exposures:
    """All acts of a night."""
    trigger = _Trigger(rng, conditions)
    observer = _Observer(rng, conditions, trigger)
    for act in range(conditions.acts):
        observer.play(act)
    return Exposures(
        np.array(trigger.ends_us).T,
        np.array(trigger.states, np.uint8),
        np.array(trigger.setting, np.int64),
        tuple(trigger.settings),
        tuple(trigger.history),
        tuple(map(tuple, observer.logging)),
        tuple(observer.resets),
        tuple(observer.offset_steps),
        trigger.now_us,
    )


class _Trigger:
    """Waits for both cameras, and begins with the relaxed state whenever it was stopped."""

    def __init__(self, rng: np.random.Generator, conditions: Conditions) -> None:
        self.now_us = 0.0
        self.relaxed = True
        self.ends_us: list[Float64] = []
        self.states: list[int] = []
        self.setting: list[int] = []
        self.settings: list[Setting] = []
        self.history: list[tuple[float, int]] = []
        self._rng = rng
        self._conditions = conditions
        self._row_us = ROW_US[conditions.readout]
        self._rise_us = 0.0
        self._phases_us = rng.uniform(0, self._row_us, 2)
        self._lags_us = np.full(2, self._row_us / 2)

    @property
    def current(self) -> Setting | None:
        """What is set; None before the first setting."""
        return self.settings[self.history[-1][1]] if self.history else None

    def use(self, setting: Setting) -> None:
        """Set this from now on; an FLC that is switched on or off begins anew."""
        before = self.current
        if setting not in self.settings:
            self.settings.append(setting)
        self.history.append((self.now_us, self.settings.index(setting)))
        if before is None or setting.switching != before.switching:
            self.relaxed = True

    def finish_turn(self) -> None:
        """Expose in the other state if only the relaxed one was."""
        if self.current is not None and self.current.switching and not self.relaxed:
            self.expose()

    def expose(self) -> None:
        """One exposure, and the readout of both cameras."""
        conditions, setting = self._conditions, self.current
        assert setting is not None
        half_width_us = setting.half_width_us
        if self.relaxed or half_width_us is None:
            self._begin_turn()
        wait_us = setting.wait_us + self._rise_us
        if half_width_us is not None and not self.relaxed:
            wait_us += 2 * half_width_us
        self.now_us += wait_us
        ends_us = self.now_us + self._wait_for_row() + setting.exptime_us
        self.ends_us.append(ends_us)
        self.setting.append(self.history[-1][1])
        read_us = max(float(ends_us[0]), float(ends_us[1]) + conditions.second_readout_us)
        self.now_us = read_us + conditions.readout_us
        if half_width_us is None:
            self.states.append(CODE_NONE)
        else:
            self.states.append(CODE_B if self.relaxed else CODE_A)
            self.relaxed = not self.relaxed

    def _begin_turn(self) -> None:
        """Between turns: commands on the serial line, or the loop stops and begins anew."""
        rng, conditions = self._rng, self._conditions
        if rng.random() < conditions.commands:
            self.now_us += draw_log_uniform(rng, 100, 5e3)
        if rng.random() < conditions.commands * 0.02:
            self.now_us += rng.uniform(0.2e6, 1.2e6)
        if rng.random() < conditions.stops:
            self.now_us += rng.uniform(0.1e6, 5e6)
            self.relaxed = True
        self._rise_us += conditions.wait_rise_us

    def _wait_for_row(self) -> Float64:
        """How long each camera waits until a row begins."""
        if self._conditions.row_lags == "uniform":
            return self._rng.uniform(0, self._row_us, 2)
        if self._conditions.row_lags == "beat":
            left_us: Float64 = (self._phases_us - self.now_us) % self._row_us
            return left_us
        walked_us = self._lags_us + self._rng.normal(0, self._row_us / 20, 2)
        self._lags_us = np.clip(walked_us, 0, self._row_us)
        return self._lags_us


@dataclass
class _Observer:
    """Begins and ends files, and changes settings at any time."""

    rng: np.random.Generator
    conditions: Conditions
    trigger: _Trigger
    logging: tuple[list[tuple[float, float]], ...] = field(default_factory=lambda: ([], []))
    resets: list[tuple[float, int]] = field(default_factory=list)
    offset_steps: list[tuple[float, float]] = field(default_factory=list)

    def play(self, act: int) -> None:
        """A pause, then exposures that one camera logs or both do."""
        rng, conditions, trigger = self.rng, self.conditions, self.trigger
        trigger.finish_turn()
        setting = draw_setting(rng, conditions, trigger.current)
        goes_on = self._pause(setting, first=act == 0)
        if act and rng.random() < conditions.resets and not goes_on:
            self.resets.append((trigger.now_us - 1, int(rng.integers(2))))
        on_us = [trigger.now_us - 10, trigger.now_us - 10]
        if rng.random() < 0.6 and conditions.logging_gap_us:
            late = int(rng.integers(2))
            on_us[late] += rng.uniform(0, conditions.logging_gap_us)
        count = self._expose(setting)
        if rng.random() < 0.6:
            trigger.finish_turn()
        off_us = [trigger.now_us + 1, trigger.now_us + 1]
        if rng.random() < 0.4 and conditions.logging_gap_us and count > 10:
            early = int(rng.integers(2))
            most_us = min(conditions.logging_gap_us, 0.3 * (trigger.now_us - on_us[early]))
            off_us[early] -= rng.uniform(0, max(0, most_us))
        self._log(on_us, off_us, count)
        if rng.random() < 0.15:
            self.offset_steps.append((trigger.now_us, float(rng.uniform(-300, 300))))

    def _pause(self, setting: Setting, *, first: bool) -> bool:
        """The time between files; returns whether the trigger went on with ``setting``."""
        rng, conditions, trigger = self.rng, self.conditions, self.trigger
        goes_on = rng.random() < conditions.goes_on
        pause_us = choose(rng, 0.1e6, 0.5e6, 1e6, 3e6, 6e6, 60e6)
        if conditions.theme == "tiny":
            pause_us = choose(rng, 0.3e6, 0.6e6, 1e6, 2e6)
        if goes_on and not first:
            cycle_us = setting.exptime_us + conditions.readout_us + 50
            fired = int(pause_us / cycle_us)
            if fired > _MOST_BETWEEN_FILES:
                trigger.now_us += pause_us - _MOST_BETWEEN_FILES * cycle_us
            trigger.use(setting)
            for _ in range(min(fired, _MOST_BETWEEN_FILES)):
                trigger.expose()
            trigger.finish_turn()
            return True
        trigger.now_us += pause_us * rng.uniform(0.9, 1.1)
        trigger.relaxed = True
        trigger.use(setting)
        return False

    def _expose(self, setting: Setting) -> int:
        """The exposures of an act, with changes in between; returns how many, without last ones."""
        rng, conditions, trigger = self.rng, self.conditions, self.trigger
        if conditions.theme == "tiny":
            count = int(rng.integers(1, 11))
        elif setting.exptime_us > 50e3:
            count = choose(rng, 4, 20, 60, 120)
        else:
            count = choose(rng, 2, 6, 24, 30, 60, 200, 500)
        changes: set[int] = set()
        if count > 3:
            changes = set(rng.integers(1, count, conditions.changes).tolist())
        for exposure in range(count):
            since_us = trigger.now_us - trigger.history[-1][0]
            if exposure in changes and since_us > _BETWEEN_CHANGES_US:
                trigger.finish_turn()
                assert trigger.current is not None
                trigger.use(change_setting(rng, conditions, trigger.current))
                # A change is a command on the serial line.
                longest = (100, 5e3) if rng.random() < 0.7 else (1e3, 1e6)
                trigger.now_us += draw_log_uniform(rng, *longest)
            trigger.expose()
        return count

    def _log(self, on_us: list[float], off_us: list[float], count: int) -> None:
        """The loggers were on, but for a while in between, or of one camera not at all."""
        rng = self.rng
        silent = None
        if rng.random() < (0.6 if self.conditions.theme == "alone" else 0.05):
            silent = int(rng.integers(2))
        for camera, (begin_us, end_us) in enumerate(zip(on_us, off_us, strict=True)):
            if camera == silent or end_us <= begin_us:
                continue
            if count > 40 and rng.random() < 0.15:
                first_us, second_us = sorted(rng.uniform(begin_us, end_us, 2).tolist())
                self.logging[camera].extend([(begin_us, first_us), (second_us, end_us)])
            else:
                self.logging[camera].append((begin_us, end_us))
