"""The trigger stands still: serial commands, stops of the loop, filter and wave-plate moves."""

from __future__ import annotations

from tests.evaluation.scenarios.handshake.runs import TURNS, session, shoot, switch, turned
from vampd.simulate.scenario import STANDARD, Pause, Scenario

PAUSE_SCENARIOS = (
    Scenario(
        "serial_commands",
        STANDARD,
        (
            switch(1_000, handshake=turned(serial=0.02)),
            shoot(1_000, 2_000, handshake=turned(serial=0.02)),
            switch(800, 10_000, 100, handshake=turned(serial=0.02)),
        ),
        description="One turn in fifty is longer by 0.1 to 5 ms; cnt0 goes on.",
    ),
    Scenario(
        "serial_commands_of_seconds",
        STANDARD,
        (
            switch(600, handshake=turned(serial=0.01, serial_us=(1e5, 2e6))),
            shoot(600, handshake=turned(serial=0.01, serial_us=(1e5, 2e6))),
        ),
        description="The same for 0.1 to 2 s.",
    ),
    Scenario(
        "serial_commands_of_a_period",
        STANDARD,
        (
            switch(800, handshake=turned(serial=0.02, serial_us=(2_700.0, 3_300.0))),
            switch(800, handshake=turned(serial=0.02, serial_us=(5_500.0, 6_500.0))),
            shoot(800, 3_000, handshake=turned(serial=0.02, serial_us=(2_900.0, 3_100.0))),
        ),
        description="A command takes about one or two periods, as a lost frame does.",
    ),
    Scenario(
        "serial_commands_of_the_half_width",
        STANDARD,
        (
            switch(800, handshake=turned(serial=0.03, serial_us=(900.0, 1_100.0))),
            switch(800, handshake=turned(serial=0.03, serial_us=(450.0, 550.0))),
        ),
        description="A command takes J or 2 J: a short interval looks like a long one.",
    ),
    Scenario(
        "serial_commands_and_losses",
        STANDARD,
        (
            switch(
                1_000, handshake=turned(serial=0.02, serial_us=(500.0, 7_000.0)), camera_loss=0.01
            ),
            switch(1_000, handshake=turned(serial=0.02), logger_loss=0.01),
        ),
        description="Commands, and frames lost with and without a trace.",
    ),
    Scenario(
        "trigger_stands_still",
        STANDARD,
        (
            shoot(600, pauses=tuple(Pause(before, 0.3) for before in range(20, 600, 29))),
            switch(600, pauses=tuple(Pause(before, 0.3) for before in range(20, 600, 29))),
        ),
        description="The trigger stands still twenty times for 0.3 s: no frame is lost.",
    ),
    Scenario(
        "trigger_stands_still_for_one_camera",
        STANDARD,
        (
            switch(
                600,
                cameras=(2,),
                pauses=tuple(Pause(before, 0.2) for before in range(50, 600, 70)),
            ),
        ),
        description="The same where one camera logs.",
    ),
    Scenario(
        "trigger_stands_still_and_loses",
        STANDARD,
        (
            switch(
                800,
                pauses=tuple(Pause(before, 0.4) for before in range(40, 800, 60)),
                logger_loss=0.01,
                camera_loss=0.01,
            ),
        ),
        description="Pauses, and frames lost with and without a trace.",
    ),
    Scenario(
        "loop_stops",
        STANDARD,
        (
            switch(400, pauses=(Pause(150, 1.5), Pause(290, 6.0))),
            shoot(400, pauses=(Pause(150, 1.5), Pause(290, 6.0))),
        ),
        description="The loop stops until somebody enables it, and begins relaxed.",
    ),
    Scenario(
        "loop_stops_in_mid_turn",
        STANDARD,
        session(switch(151), switch(233), switch(200), still_s=1.2),
        description="The loop stops after a relaxed exposure, and begins relaxed again: two B in"
        " a row.",
    ),
    Scenario(
        "short_stretches_between_pauses",
        STANDARD,
        (
            switch(300, pauses=tuple(Pause(before, 0.1) for before in range(8, 300, 9))),
            shoot(300, pauses=tuple(Pause(before, 0.1) for before in range(8, 300, 9))),
        ),
        description="A pause after every few turns.",
    ),
    Scenario(
        "filters_move",
        STANDARD,
        session(
            *(
                switch(100, filter01=name, frames_per_cube=(100, 100))
                for name in ("Halpha", "Ha-Cont", "Halpha", "Ha-Cont")
            ),
            still_s=0.8,
        ),
        description="SDI: the trigger stops and restarts at each filter move.",
    ),
    Scenario(
        "wave_plate_turns",
        STANDARD,
        session(
            *(switch(130, hwp_angle_deg=angle) for angle in (0.0, 45.0, 22.5, 67.5)),
            still_s=0.9,
            handshake=TURNS,
        ),
        description="The half-wave plate turns while the loggers go on.",
    ),
)
