"""Simulated nights: raw folders as the camera loggers leave them, with their truth.

``simulated = plan_night(PRESETS["tiny"], NightId("20251106", Kind.ARCHIVE), seed=1)`` decides
everything without touching the disk, ``write_night(simulated, root)`` writes it, and
``simulated.truth`` holds the truth about each frame. The same seed gives the same bytes.
"""

from vampd.simulate.handshake import (
    AcquisitionClock,
    CounterReset,
    Handshake,
    HostStep,
    LateBurst,
    Latency,
    Logging,
    Unlogged,
)
from vampd.simulate.night import SimulatedCube, SimulatedNight, plan_night
from vampd.simulate.presets import PRESETS
from vampd.simulate.scenario import (
    CROP_64,
    CROP_192,
    MBI,
    STANDARD,
    ClockJump,
    Counter,
    Crop,
    Defect,
    HeaderCopy,
    Pause,
    Readout,
    Run,
    Scenario,
    Spoiled,
    Trigger,
)
from vampd.simulate.truth import CubeTruth, Family, FrameTruth, Truth, format_truth, write_truth
from vampd.simulate.writer import Writer, write_night

__all__ = [
    "CROP_64",
    "CROP_192",
    "MBI",
    "PRESETS",
    "STANDARD",
    "AcquisitionClock",
    "ClockJump",
    "Counter",
    "CounterReset",
    "Crop",
    "CubeTruth",
    "Defect",
    "Family",
    "FrameTruth",
    "Handshake",
    "HeaderCopy",
    "HostStep",
    "LateBurst",
    "Latency",
    "Logging",
    "Pause",
    "Readout",
    "Run",
    "Scenario",
    "SimulatedCube",
    "SimulatedNight",
    "Spoiled",
    "Trigger",
    "Truth",
    "Unlogged",
    "Writer",
    "format_truth",
    "plan_night",
    "write_night",
    "write_truth",
]
