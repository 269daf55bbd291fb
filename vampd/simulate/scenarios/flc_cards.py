"""Polarimetry whose headers do not tell the truth about the FLC's jitter.

Sync estimates it from the data or calls the frames dubious; it never labels wrongly.
"""

from __future__ import annotations

from typing import Any

from vampd.simulate.scenario import CROP_64, STANDARD, Scenario
from vampd.simulate.scenarios.runs import SLOW, polarise


def _told(field: str) -> dict[str, Any]:
    return {"fields": (("U_TRIGJT", field),)}


def _scenario(name: str, what: str, told: dict[str, Any]) -> Scenario:
    """Four runs under one wrong header: FAST, with losses, SLOW, and J of a quarter period."""
    losses = {"camera_loss": 0.01, "logger_loss": 0.01}
    return Scenario(
        name,
        STANDARD,
        (
            polarise(400, 10_000, 20, **told),
            polarise(400, 10_000, 200, **losses, **told),
            polarise(200, 50_000, 400, **SLOW, **told),
            polarise(300, 4_000, 1_000, **losses, **told),
            polarise(26, 10_000, 20, **told),
            polarise(3, 10_000, 20, **told),
        ),
        description=f"U_TRIGJT {what}: the states are estimated from the data, or dubious.",
    )


FLC_CARD_SCENARIOS = (
    _scenario("trigjt_missing", "is missing", {"absent": ("U_TRIGJT",)}),
    _scenario("trigjt_undefined", "has no value", {"undefined": ("U_TRIGJT",)}),
    _scenario("trigjt_nan", "is NaN", {"nan": ("U_TRIGJT",)}),
    _scenario("trigjt_zero", "is 0", _told("0")),
    _scenario("trigjt_negative", "is negative", _told("-20")),
    _scenario("trigjt_string", "is a string", _told("'unknown '")),
    _scenario("trigjt_huge", "is larger than the period", _told("1000000")),
    *(
        Scenario(
            f"trigjt_{name}",
            STANDARD,
            tuple(
                polarise(
                    triggers, 10_000, jitter, logger_loss=loss, **_told(f"{jitter * factor:g}")
                )
                for jitter in (20, 200)
                for triggers, loss in ((400, 0.0), (400, 0.02), (30, 0.0))
            ),
            description=f"U_TRIGJT is {factor:g} times what the trigger does.",
        )
        for name, factor in (("ten_times", 10), ("a_tenth", 0.1), ("twice", 2), ("half", 0.5))
    ),
    Scenario(
        "trigjt_though_nothing_alternates",
        CROP_64,
        (
            polarise(400, 2_000, 0, **_told("20")),
            polarise(400, 2_000, 0, **_told("200"), logger_loss=0.01),
            polarise(40, 2_000, 0, **_told("20")),
        ),
        description="The header promises 20 and 200 us, and the trigger does not alternate: nothing"
        " tells the states, so all are dubious.",
    ),
)
