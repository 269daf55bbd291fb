"""Stamps that are late: one by one, and in bursts after which frames arrive back to back."""

from __future__ import annotations

from tests.evaluation.scenarios.handshake.runs import shoot, switch, turned
from tests.evaluation.scenarios.runs import SLOW
from vampd.simulate.handshake import LateBurst, Logging, Unlogged
from vampd.simulate.scenario import CROP_64, STANDARD, Scenario

_ODD = 301  # a burst's first trigger


def _burst(camera: int, trigger: int, span_us: float, *late_us: float) -> LateBurst:
    return LateBurst(camera, trigger, span_us, *late_us)


LATENESS_SCENARIOS = (
    Scenario(
        "late_one_by_one",
        STANDARD,
        (
            switch(800, handshake=turned(tail=0.02, tail_us=300.0)),
            shoot(800, 2_000, handshake=turned(tail=0.02, tail_us=300.0)),
        ),
        description="One stamp in fifty is late by some hundred us.",
    ),
    Scenario(
        "late_by_periods",
        STANDARD,
        (
            switch(1_500, handshake=turned(tail=0.005, tail_us=2_000.0)),
            shoot(1_500, 2_000, handshake=turned(tail=0.005, tail_us=2_000.0)),
        ),
        description="One stamp in two hundred is late by a period or two: frames behind it wait.",
    ),
    Scenario(
        "late_burst_of_one_camera",
        STANDARD,
        tuple(
            switch(
                600,
                handshake=turned(bursts=(_burst(camera, trigger, 50_000.0, 1_000.0, 5_000.0),)),
            )
            for camera in (1, 2)
            for trigger in (300, _ODD)
        ),
        description="For 50 ms, one camera's stamps are 1 to 5 ms late, at a period of 3 ms.",
    ),
    Scenario(
        "late_burst_of_an_alone_camera",
        STANDARD,
        (
            switch(
                600,
                cameras=(1,),
                handshake=turned(bursts=(_burst(1, 300, 50_000.0, 1_000.0, 5_000.0),)),
            ),
        ),
        description="The same where only that camera logs.",
    ),
    Scenario(
        "late_burst_back_to_back",
        STANDARD,
        tuple(
            switch(600, handshake=turned(bursts=(_burst(2, trigger, span_us),)))
            for trigger in (300, _ODD)
            for span_us in (7_000.0, 25_000.0)
        ),
        description="The host stands still for 7 and 25 ms, then stamps all it has at once.",
    ),
    Scenario(
        "late_burst_of_both_cameras",
        STANDARD,
        (
            switch(
                600, handshake=turned(bursts=(_burst(1, 300, 20_000.0), _burst(2, 302, 14_000.0)))
            ),
            shoot(
                600,
                2_000,
                handshake=turned(bursts=(_burst(1, 300, 9_000.0), _burst(2, 300, 9_000.0))),
            ),
        ),
        description="Both cameras' stamps wait for the same host.",
    ),
    Scenario(
        "late_bursts",
        STANDARD,
        (
            switch(2_000, handshake=turned(burst_rate=0.002)),
            switch(2_000, 10_000, 200, handshake=turned(burst_rate=0.002)),
        ),
        description="A burst of up to 8 ms every few hundred frames.",
    ),
    Scenario(
        "late_bursts_fast",
        CROP_64,
        (
            switch(3_000, 1_000, 300, handshake=turned(burst_rate=0.001)),
            shoot(3_000, 1_000, handshake=turned(burst_rate=0.001)),
        ),
        description="The same at a period of 1 ms: up to eight frames a burst.",
    ),
    Scenario(
        "late_bursts_imaging",
        STANDARD,
        (shoot(2_000, 3_000, handshake=turned(burst_rate=0.003)),),
        description="Bursts without the FLC.",
    ),
    Scenario(
        "late_bursts_slow",
        STANDARD,
        (
            switch(
                600,
                20_000,
                500,
                handshake=turned(burst_rate=0.005, longest_burst_us=60_000.0),
                **SLOW,
            ),
        ),
        description="Bursts of up to 60 ms in SLOW mode.",
    ),
    Scenario(
        "late_burst_at_the_ends",
        STANDARD,
        (
            switch(300, handshake=turned(bursts=(_burst(1, 0, 10_000.0),))),
            switch(300, handshake=turned(bursts=(_burst(2, 296, 30_000.0),))),
            switch(300, skipped=(0, 1), handshake=turned(bursts=(_burst(1, 0, 10_000.0),))),
        ),
        description="A burst at the first or the last frames of a run.",
    ),
    Scenario(
        "late_burst_with_losses",
        STANDARD,
        (
            switch(
                600,
                handshake=turned(bursts=(_burst(1, 300, 30_000.0),)),
                logging=Logging(unlogged=(Unlogged(1, 303, 304),)),
            ),
            switch(
                600,
                handshake=turned(bursts=(_burst(2, 300, 30_000.0),)),
                logging=Logging(unlogged=(Unlogged(2, 305, 308),)),
            ),
        ),
        description="Frames are lost within a burst; cnt0 tells which.",
    ),
)
