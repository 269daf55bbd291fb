"""Clocks of the host and of the framegrabber, and counters that begin anew."""

from __future__ import annotations

from tests.evaluation.scenarios.handshake.runs import session, shoot, switch
from vampd.simulate.handshake import AcquisitionClock, CounterReset, HostStep, Logging
from vampd.simulate.scenario import STANDARD, Defect, Scenario, Spoiled

_HONEST, _ABSENT, _TAI = AcquisitionClock
_BAD = Spoiled(1, 2, Defect.TIMING_MISSING)


def _steps(*steps: tuple[int, int]) -> Logging:
    return Logging(host_steps=tuple(HostStep(*step) for step in steps))


HANDSHAKE_CLOCK_SCENARIOS = (
    Scenario(
        "host_clock_back_by_a_second",
        STANDARD,
        (
            switch(600, logging=_steps((400, -1_000_000))),
            shoot(600, logging=_steps((200, -1_000_000))),
        ),
        description="NTP sets the clock back by 1 s between two cubes.",
    ),
    Scenario(
        "host_clock_back_within_a_cube",
        STANDARD,
        (switch(600, logging=_steps((301, -10_000))), shoot(600, logging=_steps((300, -25_000)))),
        description="The clock is set back by 10 and 25 ms within a cube.",
    ),
    Scenario(
        "host_clock_back_in_a_bad_cube",
        STANDARD,
        (
            switch(900, logging=_steps((450, -300_000)), spoiled=(_BAD,)),
            shoot(600),
        ),
        description="The clock is set back by 0.3 s within a cube that camera 1 sets aside.",
    ),
    Scenario(
        "host_clock_forward",
        STANDARD,
        (
            switch(600, logging=_steps((301, 1_000_000))),
            switch(600, logging=_steps((302, 1_700))),
            shoot(600, logging=_steps((300, 40_000))),
        ),
        description="The clock is set forward by 1.7 ms to 1 s within a cube.",
    ),
    Scenario(
        "host_clock_steps_often",
        STANDARD,
        (
            switch(
                900,
                logging=_steps((150, 700), (303, -900), (450, 5_000), (601, -20_000), (750, 300)),
            ),
        ),
        description="The clock is set five times, by 0.3 to 20 ms.",
    ),
    Scenario(
        "host_clock_back_between_runs",
        STANDARD,
        (
            switch(300, logging=_steps((299, -6_000_000)), pause_s=2.0),
            switch(300, pause_s=2.0),
            shoot(300),
        ),
        description="The clock is set back so far that two runs have the same times.",
    ),
    Scenario(
        "counters_begin_anew",
        STANDARD,
        (
            switch(600, logging=Logging(counter_resets=(CounterReset(1, 300),))),
            switch(
                600, logging=Logging(counter_resets=(CounterReset(1, 300), CounterReset(2, 300)))
            ),
            shoot(600, logging=Logging(counter_resets=(CounterReset(2, 250),)), logger_loss=0.01),
        ),
        description="cnt0 begins at 0 in the middle of a run, on one camera or on both.",
    ),
    Scenario(
        "counters_begin_anew_at_a_change",
        STANDARD,
        session(
            switch(300, 3_000),
            switch(300, 4_000, logging=Logging(counter_resets=(CounterReset(2, 0),))),
            still_s=1.0,
        ),
        description="cnt0 begins anew where the exposure changes.",
    ),
    Scenario(
        "acquisition_times_absent",
        STANDARD,
        tuple(
            shoot(1, 10_000, pause_s=1.0, logging=Logging(acquisition=(_ABSENT, _ABSENT)))
            for _ in range(12)
        ),
        description="Cubes of one frame with 0.0 in column 5: set aside, no product of 1970.",
    ),
    Scenario(
        "acquisition_times_absent_on_one_camera",
        STANDARD,
        (switch(300, logging=Logging(acquisition=(_HONEST, _ABSENT))), switch(300)),
        description="0.0 in column 5 of camera 2 in one of two runs: that run's camera 1 is solo.",
    ),
    Scenario(
        "acquisition_clock_of_tai",
        STANDARD,
        (shoot(4_300, 25_000, logging=Logging(acquisition=(_HONEST, _TAI))),),
        description="Camera 2's column 5 is 37 s ahead, at a period of 25 ms: no pair is right.",
    ),
)
