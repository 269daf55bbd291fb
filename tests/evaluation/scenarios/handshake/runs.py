"""The runs of the handshake scenarios, at the rates and with the half widths of the instrument."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vampd.simulate.handshake import Handshake, Logging
from vampd.simulate.scenario import Run

_READOUT_US = 100
TURNS = Handshake()
STALE = Logging(card_lag=10**9)  # no card changes
EARLY = Logging(card_lag=-(10**9))  # all cards are those of the session's end


def shoot(triggers: int = 600, period_us: int = 10_000, **changes: Any) -> Run:
    """Imaging by the handshake trigger, both cameras, FAST, cubes of 200 frames."""
    settings: dict[str, Any] = {
        "exptime_us": period_us - _READOUT_US,
        "frames_per_cube": (200, 200),
        "handshake": TURNS,
    }
    return Run(triggers=triggers, period_us=period_us, **(settings | changes))


def switch(
    triggers: int = 600, period_us: int = 3_000, jitter_us: int = 500, **changes: Any
) -> Run:
    """The same with the FLC switching; ``period_us`` is T, the mean interval."""
    settings: dict[str, Any] = {
        "exptime_us": period_us - jitter_us - _READOUT_US,
        "flc_jitter_us": jitter_us,
    }
    return shoot(triggers, period_us, **(settings | changes))


def session(*runs: Run, still_s: float = 0.002, **changes: Any) -> tuple[Run, ...]:
    """These runs in the same cubes, the trigger standing still for ``still_s`` at each change."""
    first, *others = (replace(run, pause_s=still_s, **changes) for run in runs)
    joined = [first, *(replace(run, joins=True) for run in others)]
    joined[-1] = replace(joined[-1], pause_s=4.0)
    return tuple(joined)


def turned(**changes: Any) -> Handshake:
    """The usual handshake with other settings."""
    return replace(TURNS, **changes)
