"""Settings that change while the cameras log, with cards that are late, early or wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.evaluation.scenarios.handshake.runs import (
    EARLY,
    STALE,
    session,
    shoot,
    switch,
    turned,
)
from tests.evaluation.scenarios.runs import SLOW
from vampd.simulate.handshake import Logging
from vampd.simulate.scenario import STANDARD, Run, Scenario

_BASE_US = 2_500  # what an interval is without J


def _of(jitter_us: int, triggers: int = 400, **changes: Any) -> Run:
    """A run whose exposure stays the same when J changes, as the trigger does it."""
    settings: dict[str, Any] = {"exptime_us": _BASE_US - 100}
    return switch(triggers, _BASE_US + jitter_us, jitter_us, **(settings | changes))


def _plain(triggers: int = 300) -> Run:
    """The same exposures with the FLC in the beam and off."""
    return shoot(triggers, _BASE_US, exptime_us=_BASE_US - 100, fields=(("U_FLCST", "'IN      '"),))


def _card(jitter_us: float) -> dict[str, Any]:
    return {"fields": (("U_TRIGJT", f"{jitter_us:g}"),)}


CHANGE_SCENARIOS = (
    Scenario(
        "half_width_changes",
        STANDARD,
        session(_of(500), _of(700)),
        description="J changes from 500 to 700 us within a cube, whose card tells its end.",
    ),
    Scenario(
        "half_width_changes_unsaid",
        STANDARD,
        (*session(_of(500, 800), _of(700, 800), logging=STALE), *session(_of(300), _of(900))),
        description="The same where all cards say the old value.",
    ),
    Scenario(
        "half_width_changes_said_early",
        STANDARD,
        session(_of(500), _of(200), logging=EARLY),
        description="The same where all cards say the new value.",
    ),
    Scenario(
        "half_width_other_than_the_card",
        STANDARD,
        tuple(
            replace(_of(jitter_us, 300, **_card(500)), pause_s=1.0)
            for jitter_us in (500, 500, 1_000)
        ),
        description="Two runs of J = 500 us and one of 1000 a second later; all cards say 500.",
    ),
    Scenario(
        "half_width_cards_that_lie",
        STANDARD,
        (
            *(_of(500, 300, **_card(card)) for card in (20, 250, 1_000, 100_000)),
            _of(20, 400, **_card(500)),
            _of(300, 300, absent=("U_TRIGJT",)),
        ),
        description="U_TRIGJT is absent, or anything but what the trigger does.",
    ),
    Scenario(
        "half_width_to_nothing_and_back",
        STANDARD,
        session(_of(500, 300), _of(0, 300), _of(500, 300)),
        description="J is 0 for a while: dubious there, labeled before and after.",
    ),
    Scenario(
        "half_width_changes_often",
        STANDARD,
        session(*(_of(jitter_us, 60) for jitter_us in (500, 200, 900, 100, 700, 400, 1_000))),
        description="J changes every 60 frames.",
    ),
    Scenario(
        "half_width_changes_for_one_camera",
        STANDARD,
        session(_of(500), _of(800), cameras=(1,), logging=STALE),
        description="J changes where one camera logs.",
    ),
    Scenario(
        "half_width_changes_slow",
        STANDARD,
        session(switch(300, 50_000, 500, **SLOW), switch(300, 50_300, 800, **SLOW), logging=STALE),
        description="J changes in SLOW mode.",
    ),
    Scenario(
        "exposure_changes",
        STANDARD,
        session(switch(300, 3_000), switch(300, 5_000), logging=Logging(card_lag=100)),
        description="The exposure changes within a cube; cards are late by 100 triggers.",
    ),
    Scenario(
        "exposure_changes_early_cards",
        STANDARD,
        session(switch(300, 5_000), switch(300, 2_200), logging=EARLY),
        description="The exposure becomes shorter; all cards say so already.",
    ),
    Scenario(
        "exposure_header_a_cube_late",
        STANDARD,
        (
            replace(switch(400, 3_000), pause_s=0.2),
            replace(switch(400, 8_000, stale_cubes=(1, 1)), pause_s=0.2),
            replace(switch(400, 2_200, stale_cubes=(0, 1)), pause_s=0.2),
        ),
        description="The exposure changes between cubes, and headers are a cube late.",
    ),
    Scenario(
        "exposure_changes_imaging",
        STANDARD,
        session(shoot(300, 3_000), shoot(300, 10_000), shoot(300, 2_000)),
        description="The exposure changes twice within cubes, without the FLC.",
    ),
    Scenario(
        "flc_on_in_mid_cube",
        STANDARD,
        session(_plain(), _of(500, 300)),
        description="The FLC is switched on while the cameras log; the cube's card says on.",
    ),
    Scenario(
        "flc_off_in_mid_cube",
        STANDARD,
        session(_of(500, 300), _plain()),
        description="The FLC is switched off while the cameras log; the cube's card says off.",
    ),
    Scenario(
        "flc_off_and_on",
        STANDARD,
        session(_of(500, 300), _plain(150), _of(500, 300)),
        description="The FLC is off for a while, within a cube.",
    ),
    Scenario(
        "flc_changes_unsaid",
        STANDARD,
        (
            *session(_plain(), _of(500, 300), logging=STALE),
            *session(_of(500, 300), _plain(), logging=STALE),
        ),
        description="The FLC is switched on and off, and no card says so.",
    ),
    Scenario(
        "trigger_offset_changes",
        STANDARD,
        session(_of(500), switch(400, 3_500, 500, exptime_us=2_400), logging=STALE),
        description="U_TRIGOF grows by 500 us: T changes, exposure and J do not.",
    ),
    Scenario(
        "sweep_begins",
        STANDARD,
        session(_of(500), _of(500, handshake=turned(sweep_us=1.0)), _of(500)),
        description="The offset is swept for a while.",
    ),
    Scenario(
        "wave_plate_turns_without_a_pause",
        STANDARD,
        session(*(_of(500, 150, hwp_angle_deg=angle) for angle in (0.0, 45.0, 22.5)), still_s=0.0),
        description="The half-wave plate turns between two frames, without a pause.",
    ),
    Scenario(
        "flc_out_of_the_beam",
        STANDARD,
        (switch(400, handshake=turned(in_beam=False)),),
        description="U_FLCST says OUT: never labeled, however the intervals alternate.",
    ),
    Scenario(
        "modes_written_differently",
        STANDARD,
        (
            switch(400, logging=Logging(camera_fields=((1, "U_DETMOD", "'FAST    '"),))),
            shoot(300, logging=Logging(camera_fields=((2, "U_DETMOD", "'FAST    '"),))),
        ),
        description="U_DETMOD is FAST on one camera and Fast on the other: the same value.",
    ),
)
