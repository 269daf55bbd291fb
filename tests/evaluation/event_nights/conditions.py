"""What an event night is like: its trigger, cameras, loggers and cards, and its settings.

Every value is drawn in a fixed order, so that a seed gives one night.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from vampd.simulate.scenario import Readout

Option = TypeVar("Option")

ROW_US: Mapping[Readout, float] = MappingProxyType({Readout.FAST: 7.2, Readout.SLOW: 172.8})
_THEMES = ("plain", "rough", "fast", "tiny", "changes", "alone", "slow", "steps")
_LATENESS = ("exponential", "uniform", "pareto", "correlated", "none")
_BURSTS = ("held", "uniform", "rising", "exponential")
_HALF_WIDTHS_US = (0, 10, 20, 50, 100, 200, 500, 500, 500, 700, 1_000)
_CHANGED_HALF_WIDTHS_US = (20, 100, 200, 500, 700, 1_000)
_LEAST_CYCLE_US = 1_000  # a camera exposes and reads out no faster
_LONGEST_EXPOSURE_US = 950_000


@dataclass(frozen=True)
class Setting:
    """What is set while an exposure is taken; ``half_width_us`` None is an FLC at rest."""

    exptime_us: int
    half_width_us: int | None
    wait_us: float
    angle_deg: float
    filter_name: str
    target: str

    @property
    def switching(self) -> bool:
        """Whether the FLC switches."""
        return self.half_width_us is not None


@dataclass(frozen=True)
class Conditions:
    """What holds all night. Pairs are of cameras 1 and 2; chances are from 0 to 1.

    *Trigger.* Camera 2 reads out ``second_readout_us`` longer; ``row_lags`` is how the wait for a
    row begins goes on. ``commands`` and ``stops`` are chances per turn that it is delayed or stands
    still, ``wait_rise_us`` what the wait grows by per turn. In each of the ``acts`` the loggers are
    told to log, while settings change up to ``changes`` times; ``goes_on`` is the chance that the
    trigger fires in the pause before it.

    *Stamps.* ``offset_us`` and its ``wander`` are of camera 2; ``lateness`` is the shape of what
    each camera's stamps are late by, ``late_us`` on average. ``bursts`` is the chance per exposure
    that late ones begin, of up to ``longest_burst_us``; ``bursts_of_both`` that both cameras have
    it. Frames that wait together arrive ``back_to_back_us`` apart.

    *Losses.* Of a camera: frames ``dropped`` that were counted, and triggers ``unseen`` that were
    not; ``burst_loss`` and ``switch_loss`` are chances of a frame in a burst and at a new cube.
    ``no_time`` is the chance that a frame has no acquisition time.

    *Files.* A cube ends with ``frames_per_cube``, or after ``silence_us``; loggers of the two
    cameras begin and end up to ``logging_gap_us`` apart. ``resets`` is the chance that a counter
    begins anew with an act, ``clock_steps`` that the night's clock steps. Logged times are TAI with
    ``tai``; the cubes come in no order where they are ``shuffled``.

    *Cards.* They tell what was set ``card_lag_us`` before a cube was closed; a ``shown_`` value
    stands for the true one, and ``shown_exptime`` is a factor. The FLC may be ``out_of_beam``.
    """

    theme: str
    readout: Readout
    readout_us: float
    second_readout_us: float
    row_lags: str
    offset_us: float
    wander: str
    lateness: tuple[str, str]
    late_us: float
    bursts: float
    burst_shape: str
    longest_burst_us: float
    bursts_of_both: float
    back_to_back_us: float
    burst_loss: float
    dropped: tuple[float, float]
    unseen: tuple[float, float]
    commands: float
    stops: float
    wait_rise_us: float
    frames_per_cube: int
    silence_us: float
    switch_loss: float
    card_lag_us: float
    shown_half_width_us: int | None
    shown_switching: bool | None
    shown_exptime: float | None
    resets: float
    clock_steps: float
    tai: bool
    logging_gap_us: float
    shuffled: bool
    changes: int
    acts: int
    goes_on: float
    no_time: float
    out_of_beam: bool


def choose(rng: np.random.Generator, *options: Option) -> Option:
    """One of the options; one that stands twice is as likely as two."""
    return options[int(rng.integers(len(options)))]


def draw_log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_conditions(rng: np.random.Generator) -> Conditions:
    """The conditions of a night; its theme makes some of them the rule, or excludes them."""
    drawn = Conditions(
        theme=str(rng.choice(_THEMES)),
        readout=Readout.SLOW if rng.random() < 0.15 else Readout.FAST,
        readout_us=draw_log_uniform(rng, 100, 4_000),
        second_readout_us=choose(rng, 0.0, 0.0, 20.0, 200.0),
        row_lags=choose(rng, "uniform", "uniform", "beat", "walk"),
        offset_us=float(rng.uniform(-500, 500) if rng.random() < 0.8 else rng.uniform(-2e3, 2e3)),
        wander=choose(rng, "none", "none", "linear", "walk"),
        lateness=(choose(rng, *_LATENESS), choose(rng, *_LATENESS)),
        late_us=choose(rng, 2.0, 5.0, 5.0, 20.0, 60.0),
        bursts=choose(rng, 0.0, 0.0, 0.001, 0.005, 0.02),
        burst_shape=choose(rng, *_BURSTS),
        longest_burst_us=choose(rng, 3e3, 10e3, 50e3),
        bursts_of_both=choose(rng, 0.0, 0.3, 1.0),
        back_to_back_us=choose(rng, 1.0, 5.0, 12.0, 30.0),
        burst_loss=choose(rng, 0.0, 0.0, 0.2),
        dropped=(_draw_dropped(rng), _draw_dropped(rng)),
        unseen=(_draw_unseen(rng), _draw_unseen(rng)),
        commands=choose(rng, 0.0, 0.005, 0.03, 0.1),
        stops=choose(rng, 0.0, 0.0, 0.002),
        wait_rise_us=choose(rng, 0.0, 0.0, 0.0, 1.0),
        frames_per_cube=choose(rng, 5, 20, 60, 200, 500),
        silence_us=choose(rng, 0.5e6, 2e6, 10e6),
        switch_loss=choose(rng, 0.0, 0.0, 0.0, 0.3),
        card_lag_us=choose(rng, 0.0, 0.0, 1.5e6, -0.5e6),
        shown_half_width_us=choose(rng, *(None,) * 5, 100, 500, 1_000, 0),
        shown_switching=choose(rng, *(None,) * 8, True, False),
        shown_exptime=choose(rng, *(None,) * 9, 2.0),
        resets=choose(rng, 0.0, 0.0, 0.3),
        clock_steps=choose(rng, 0.0, 0.0, 0.3),
        tai=bool(rng.random() < 0.2),
        logging_gap_us=choose(rng, 0.0, 0.1e6, 0.4e6, 3e6),
        shuffled=bool(rng.random() < 0.3),
        changes=choose(rng, 0, 0, 1, 3),
        acts=int(rng.integers(1, 7)),
        goes_on=choose(rng, 0.0, 0.5, 1.0),
        no_time=choose(rng, 0.0, 0.0, 0.0, 0.0, 0.002),
        out_of_beam=bool(rng.random() < 0.05),
    )
    match drawn.theme:
        case "plain":
            drawn = replace(
                drawn,
                bursts=0.0,
                unseen=(0.0, 0.0),
                card_lag_us=0.0,
                shown_half_width_us=None,
                shown_switching=None,
                shown_exptime=None,
            )
        case "rough":
            drawn = replace(drawn, bursts=0.01, burst_shape=choose(rng, *_BURSTS))
        case "tiny":
            drawn = replace(drawn, acts=int(rng.integers(10, 60)), changes=0)
        case "changes":
            drawn = replace(drawn, changes=4)
        case "steps":
            drawn = replace(drawn, clock_steps=0.8, resets=0.3)
    return drawn


def draw_setting(
    rng: np.random.Generator, conditions: Conditions, before: Setting | None
) -> Setting:
    """What an act begins with; exposure time and half-width may be those ``before``."""
    match conditions.theme:
        case "fast":
            exposure_us = draw_log_uniform(rng, 100, 3e3)
        case "slow":
            exposure_us = draw_log_uniform(rng, 20e3, 950e3)
        case _:
            exposure_us = draw_log_uniform(rng, 200, 100e3)
    if before is not None and rng.random() < 0.5:
        exposure_us = float(before.exptime_us)
    exptime_us = round(max(exposure_us, _LEAST_CYCLE_US - conditions.readout_us))
    half_width_us = choose(rng, *_HALF_WIDTHS_US) if rng.random() < 0.7 else None
    if half_width_us is not None and rng.random() < 0.15:
        # The relaxed state then lasts about twice as long as the other one.
        half_width_us = int(min(1_000, (exptime_us + conditions.readout_us) / 2))
    if before is not None and rng.random() < 0.5:
        half_width_us = before.half_width_us
    return Setting(
        exptime_us,
        half_width_us,
        wait_us=choose(rng, 20.0, 20.0, 20.0, 0.0, 300.0, 1_000.0),
        angle_deg=choose(rng, 0.0, 22.5, 45.0, 67.5),
        filter_name=choose(rng, "Open", "750-50"),
        target=choose(rng, "HD1", "HD2"),
    )


def change_setting(rng: np.random.Generator, conditions: Conditions, setting: Setting) -> Setting:
    """The setting with one value changed, perhaps to the same one."""
    what = choose(rng, "half-width", "flc", "exposure", "wait", "angle")
    if what == "half-width" and setting.switching:
        return replace(setting, half_width_us=choose(rng, *_CHANGED_HALF_WIDTHS_US))
    if what == "flc":
        return replace(setting, half_width_us=None if setting.switching else 500)
    if what == "exposure":
        exptime_us = setting.exptime_us * choose(rng, 0.5, 0.9, 1.02, 1.5, 3.0)
        shortest_us = max(100, _LEAST_CYCLE_US - conditions.readout_us)
        return replace(
            setting, exptime_us=int(max(shortest_us, min(_LONGEST_EXPOSURE_US, exptime_us)))
        )
    if what == "wait":
        return replace(setting, wait_us=choose(rng, 0.0, 20.0, 100.0, 1_000.0))
    return replace(setting, angle_deg=choose(rng, 0.0, 22.5, 45.0, 67.5))


def _draw_dropped(rng: np.random.Generator) -> float:
    return choose(rng, 0.0, 0.0, 0.002, 0.02, 0.1)


def _draw_unseen(rng: np.random.Generator) -> float:
    return choose(rng, 0.0, 0.0, 0.0, 0.001, 0.005, 0.02)
