"""Steady settings: the turn itself, its half width, its rates, offsets and one camera alone."""

from __future__ import annotations

from tests.evaluation.scenarios.handshake.runs import shoot, switch, turned
from tests.evaluation.scenarios.runs import SLOW
from vampd.simulate.handshake import Latency
from vampd.simulate.scenario import CROP_64, MBI, STANDARD, Scenario

STEADY_SCENARIOS = (
    Scenario(
        "handshake_imaging",
        STANDARD,
        (shoot(), shoot(600, 2_000), shoot(300, 50_000, **SLOW)),
        description="One exposure a turn: intervals scatter with the slower camera's answer.",
    ),
    Scenario(
        "handshake_default",
        STANDARD,
        (switch(), switch(600, 10_000), switch(400, 50_000, 500)),
        description="J = 500 us at periods of 3, 10 and 50 ms.",
    ),
    Scenario(
        "handshake_small_half_width",
        STANDARD,
        (switch(1_000, 2_500, 20), switch(1_000, 10_000, 20)),
        description="J = 20 us FAST: a few times the scatter of intervals.",
    ),
    Scenario(
        "handshake_no_half_width",
        STANDARD,
        (switch(300, 3_000, 0), switch(40, 10_000, 0)),
        description="J = 0: nothing alternates, all frames are dubious.",
    ),
    Scenario(
        "handshake_slow",
        STANDARD,
        (switch(400, 50_000, 500, **SLOW), switch(400, 50_000, 1_000, **SLOW)),
        description="SLOW readout: answers scatter by 172.8 us.",
    ),
    Scenario(
        "handshake_slow_small_half_width",
        STANDARD,
        (switch(800, 50_000, 100, **SLOW), switch(800, 50_000, 60, **SLOW)),
        description="SLOW readout and J below its scatter: many frames together tell, or none is"
        " labeled.",
    ),
    Scenario(
        "half_width_of_half_the_period",
        CROP_64,
        (switch(1_000, 1_000, 500), switch(600, 2_000, 1_000)),
        description="J = T / 2: the long interval is three times the short one.",
    ),
    Scenario(
        "half_width_beyond_half_the_period",
        CROP_64,
        (switch(1_000, 1_500, 1_000), switch(600, 1_250, 900), switch(600, 1_000, 700)),
        description="J up to 0.72 T: the clearest alternation there is.",
    ),
    Scenario(
        "half_width_and_losses",
        CROP_64,
        (
            switch(1_000, 1_500, 1_000, logger_loss=0.01),
            switch(1_000, 1_000, 500, camera_loss=0.01),
        ),
        description="J of half the period and more, and frames get lost.",
    ),
    Scenario(
        "exposures_of_a_second",
        STANDARD,
        (switch(60, 1_000_000, 500), switch(40, 900_000, 500, **SLOW)),
        description="Exposures of nearly 1 s with J = 500 us.",
    ),
    Scenario(
        "handshake_offsets",
        STANDARD,
        tuple(switch(200, offset_us=offset) for offset in (-700.0, -90.0, 0.0, 460.0, 900.0)),
        description="Camera 2 is earlier or later by up to 0.9 ms, run by run.",
    ),
    Scenario(
        "handshake_offset_third_of_period",
        MBI,
        (
            shoot(200, 20_000, offset_us=7_000.0, frames_per_cube=(90, 70)),
            switch(200, 20_000, 500, offset_us=-7_000.0, frames_per_cube=(90, 70)),
        ),
        description="An offset of 7 ms at 50 Hz, over long stretches without another reading.",
    ),
    Scenario(
        "handshake_offset_wanders",
        STANDARD,
        (
            switch(4_000, 3_000, drift_us_per_s=10.0),
            shoot(2_000, 10_000, drift_us_per_s=-20.0, logger_loss=0.002),
        ),
        description="The cameras' clocks drift apart by 10 and 20 us per second.",
    ),
    Scenario(
        "readout_and_half_width_drift",
        STANDARD,
        tuple(
            switch(1_500, 5_000, handshake=turned(readout_drift=part, jitter_drift=10 * part))
            for part in (0.01, -0.02)
        ),
        description="Readout and J drift by 2 % and by 20 % within a run.",
    ),
    Scenario(
        "sweep_mode",
        STANDARD,
        (
            switch(1_000, 3_000, handshake=turned(sweep_us=1.0)),
            shoot(800, 3_000, handshake=turned(sweep_us=1.0)),
            switch(600, 3_000, 20, handshake=turned(sweep_us=1.0)),
        ),
        description="The offset rises by 1 us a turn.",
    ),
    Scenario(
        "handshake_mbi",
        MBI,
        (switch(250, 20_000, 500, frames_per_cube=(50, 45), logger_loss=0.01),),
        description="Multiband polarimetry, cubes of few frames.",
    ),
    Scenario(
        "uniform_latency",
        STANDARD,
        (
            switch(600, handshake=turned(latency=Latency.UNIFORM, latency_us=40.0)),
            shoot(600, 2_000, handshake=turned(latency=Latency.UNIFORM, latency_us=40.0)),
        ),
        description="Stamps are late by up to 80 us, evenly.",
    ),
    Scenario(
        "pareto_latency",
        STANDARD,
        (
            switch(600, handshake=turned(latency=Latency.PARETO, latency_us=20.0)),
            switch(600, 10_000, 200, handshake=turned(latency=Latency.PARETO, latency_us=20.0)),
        ),
        description="Stamps are late with a tail that falls by the power 2.5.",
    ),
    Scenario(
        "one_camera_alone",
        STANDARD,
        (switch(400, cameras=(1,)), switch(400, 10_000, cameras=(2,), logger_loss=0.005)),
        description="One camera logs: solo, labeled as by both.",
    ),
)
