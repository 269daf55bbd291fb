"""Polarimetry whose headers do not tell the truth about the FLC's jitter.

Sync takes it from the intervals where they tell it beyond doubt, or calls the frames dubious; it
never labels wrongly.
"""

from __future__ import annotations

from typing import Any

from tests.evaluation.scenarios.runs import SLOW, polarise
from vampd.simulate.scenario import CROP_64, STANDARD, ClockJump, Pause, Scenario

_ABSENT: dict[str, Any] = {"absent": ("U_TRIGJT",)}


def _told(field: str) -> dict[str, Any]:
    return {"fields": (("U_TRIGJT", field),)}


def _scenario(name: str, what: str, shown: dict[str, Any]) -> Scenario:
    """Four runs under one wrong header: FAST, with losses, SLOW, and J of a quarter period."""
    losses = {"camera_loss": 0.01, "logger_loss": 0.01}
    return Scenario(
        name,
        STANDARD,
        (
            polarise(400, 10_000, 20, **shown),
            polarise(400, 10_000, 200, **losses, **shown),
            polarise(200, 50_000, 400, **SLOW, **shown),
            polarise(300, 4_000, 1_000, **losses, **shown),
            polarise(26, 10_000, 20, **shown),
            polarise(3, 10_000, 20, **shown),
        ),
        description=f"U_TRIGJT {what}: the intervals tell it, or the frames are dubious.",
    )


FLC_CARD_SCENARIOS = (
    _scenario("trigjt_missing", "is missing", {"absent": ("U_TRIGJT",)}),
    _scenario("trigjt_undefined", "has no value", {"undefined": ("U_TRIGJT",)}),
    _scenario("trigjt_nan", "is NaN", {"nan": ("U_TRIGJT",)}),
    _scenario("trigjt_zero", "is 0", _told("0")),
    _scenario("trigjt_negative", "is negative", _told("-20")),
    _scenario("trigjt_string", "is a string", _told("'unknown '")),
    _scenario("trigjt_tiny", "is a thousandth of what it should be", _told("0.02")),
    _scenario("trigjt_huge", "is larger than the period", _told("1000000")),
    Scenario(
        "trigjt_missing_and_other_trouble",
        STANDARD,
        (
            polarise(1_000, 5_000, 20, camera_loss=0.025, logger_loss=0.025, **_ABSENT),
            polarise(1_500, 5_000, 60, common_loss=0.004, longest_loss=150, **_ABSENT),
            polarise(1_500, 10_000, 100, late_stamps=0.004, latest_stamp_us=400.0, **_ABSENT),
            polarise(600, pauses=(Pause(251, 0.7), Pause(430, 2.0)), **_ABSENT),
            polarise(600, clock_steps=(ClockJump(2, 290, 40.0),), **_ABSENT),
            polarise(160, frames_per_cube=(3, 2), **_ABSENT),
            polarise(600, 5_000, keeps_every=(1, 2), **_ABSENT),
            polarise(600, 2_500, drift_us_per_s=10.0, trigger_ppm=40.0, **_ABSENT),
        ),
        description="U_TRIGJT is missing where frames get lost, are stamped late, or stand still:"
        " the intervals tell it all the same.",
    ),
    Scenario(
        "trigjt_missing_and_untold",
        STANDARD,
        (
            polarise(1_000, 50_000, 100, **SLOW, **_ABSENT),
            polarise(400, 50_000, 20, **SLOW, **_ABSENT),
            polarise(400, 2_000, 0, **_ABSENT),
            polarise(400, 2_000, 0, logger_loss=0.05, camera_loss=0.05, **_ABSENT),
            polarise(400, 50_000, 0, logger_loss=0.05, **SLOW, **_ABSENT),
            *(polarise(few, 10_000, 20, **_ABSENT) for few in (1, 2, 3, 4, 8, 12, 16)),
            *(
                polarise(30, 2_000, jitter, camera_loss=0.2, longest_loss=1, **_ABSENT)
                for jitter in (200, 400, 700, 900)
            ),
        ),
        description="U_TRIGJT is missing, and J is smaller than the arrivals scatter, nothing"
        " alternates, or the frames are too few: dubious, not guessed.",
    ),
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
