"""Sequences of tiny cubes: autofocus, calibration and photon transfer."""

from __future__ import annotations

from itertools import cycle, islice

from tests.evaluation.scenarios.handshake.runs import shoot, switch
from tests.evaluation.scenarios.runs import SLOW
from vampd.simulate.scenario import CROP_64, STANDARD, Scenario

_PAUSES_S = (0.6, 1.7, 0.9, 2.0, 1.2, 0.7, 1.4)


def _pauses(count: int) -> list[float]:
    return list(islice(cycle(_PAUSES_S), count))


SEQUENCE_SCENARIOS = (
    *(
        Scenario(
            f"single_frames_{exposure_ms}_ms",
            STANDARD,
            tuple(shoot(1, exposure_ms * 1_000 + 100, pause_s=pause_s) for pause_s in _pauses(60)),
            description="Cubes of one frame, 0.6 to 2 s apart: the pause tells nothing about the"
            " offset.",
        )
        for exposure_ms in (2, 10)
    ),
    Scenario(
        "single_frames_of_other_triggers",
        STANDARD,
        tuple(
            shoot(
                3,
                (2_100, 10_100)[number // 30],
                pause_s=pause_s,
                skipped=(0, late),
                cut_short=(2, 2 - late),
            )
            for number, (late, pause_s) in enumerate(
                zip(cycle((1, 2, 1, 0, 2)), _pauses(60), strict=False)
            )
        ),
        description="Each camera's logger takes one frame, mostly of a trigger or two apart: 2 to"
        " 20 ms are no offset.",
    ),
    Scenario(
        "single_frames_of_one_camera_or_both",
        STANDARD,
        tuple(
            shoot(1, 10_000, pause_s=pause_s, cameras=((1, 2), (1,), (1, 2), (2,))[number % 4])
            for number, pause_s in enumerate(_pauses(60))
        ),
        description="Cubes of one frame, of which every other one has no partner.",
    ),
    Scenario(
        "autofocus",
        STANDARD,
        tuple(
            shoot(
                1 + number * 7 % 10,
                10_000,
                pause_s=pause_s,
                filter01=("Open", "675-60")[number % 2],
            )
            for number, pause_s in enumerate(_pauses(120))
        ),
        description="Cubes of 1 to 10 frames a second apart, with a filter that changes.",
    ),
    Scenario(
        "photon_transfer",
        STANDARD,
        tuple(
            shoot(5, period_us, pause_s=pause_s, offset_us=-130.0)
            for period_us, pause_s in zip(
                cycle((1_500, 3_000, 6_000, 12_000, 50_000, 200_000)), _pauses(60), strict=False
            )
        ),
        description="Five frames for each exposure time.",
    ),
    Scenario(
        "photon_transfer_slow",
        CROP_64,
        tuple(
            shoot(4, period_us, pause_s=pause_s, **SLOW)
            for period_us, pause_s in zip(
                cycle((20_000, 50_000, 200_000)), _pauses(40), strict=False
            )
        ),
        description="The same in SLOW mode with a small window.",
    ),
    Scenario(
        "tiny_sequences_of_the_flc",
        STANDARD,
        tuple(
            switch(2 + number % 9, 10_000, 500, pause_s=pause_s)
            for number, pause_s in enumerate(_pauses(80))
        ),
        description="Cubes of 2 to 10 frames with the FLC and the same settings throughout.",
    ),
    Scenario(
        "tiny_sequences_with_losses",
        STANDARD,
        tuple(
            shoot(6, 5_000, pause_s=pause_s, camera_loss=0.05, logger_loss=0.05)
            for pause_s in _pauses(60)
        ),
        description="Cubes of 6 frames of which a tenth is lost.",
    ),
    Scenario(
        "short_runs_of_the_flc",
        STANDARD,
        tuple(
            switch(triggers, 3_000, 500, pause_s=1.0) for triggers in (12, 16, 20, 24, 26, 30, 40)
        ),
        description="Runs of 12 to 40 frames.",
    ),
)
