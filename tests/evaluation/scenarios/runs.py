"""The runs that the scenarios are made of, at the rates at which the instrument takes them."""

from __future__ import annotations

from typing import Any

from vampd.simulate.scenario import Readout, Run

# Readout and idle time: what a period is longer than its exposure.
_OVERHEAD_US = 100


def image(triggers: int = 600, period_us: int = 10_000, **changes: Any) -> Run:
    """Triggered imaging, both cameras, FAST, the FLC out of the beam, cubes of 200 frames."""
    settings: dict[str, Any] = {
        "exptime_us": period_us - _OVERHEAD_US,
        "frames_per_cube": (200, 200),
    }
    return Run(triggers=triggers, period_us=period_us, **(settings | changes))


def polarise(
    triggers: int = 600, period_us: int = 10_000, jitter_us: int = 20, **changes: Any
) -> Run:
    """Polarimetry with the FLC switching, both cameras, FAST, cubes of 200 frames."""
    settings: dict[str, Any] = {
        "exptime_us": period_us - jitter_us - _OVERHEAD_US,
        "frames_per_cube": (200, 200),
        "flc_jitter_us": jitter_us,
    }
    return Run(triggers=triggers, period_us=period_us, **(settings | changes))


SLOW: dict[str, Any] = {"readout": Readout.SLOW}
