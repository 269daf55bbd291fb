"""Scenarios: what is observed in a simulated night, and what goes wrong in it.

A scenario is a sequence of runs; a run is an uninterrupted sequence of triggers with one
configuration. Nothing here draws random numbers or touches the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from vampd.simulate.handshake import Handshake, Logging

CAMERAS = (1, 2)
_AS_THEY_SHOULD = Logging()


@dataclass(frozen=True)
class Crop:
    """A detector window: pixels of the cameras' frames, and where the window lies.

    ``columns`` (NAXIS1) has one width per camera, as the two windows may differ by a few columns;
    ``fields`` is the number of images of the star in one frame (four in multiband imaging).
    """

    name: str
    columns: tuple[int, int]
    rows: int
    fields: int = 1

    def shape(self, camera: int) -> tuple[int, int]:
        """(NAXIS2, NAXIS1) of that camera's frames."""
        return self.rows, self.columns[camera - 1]


CROP_64 = Crop("CROP_64", (64, 64), 64)
CROP_192 = Crop("CROP_192", (192, 192), 192)
STANDARD = Crop("STANDARD", (536, 536), 536)
MBI = Crop("MBI", (2228, 2232), 1104, fields=4)


class Readout(StrEnum):
    """The detectors' readout modes, as U_DETMOD names them."""

    FAST = "Fast"
    SLOW = "Slow"

    @property
    def row_us(self) -> float:
        """The time of one row: a triggered exposure begins with the next row clock."""
        return 7.2 if self is Readout.FAST else 172.8


class Trigger(StrEnum):
    """What starts the exposures (EXTTRIG)."""

    EXTERNAL = "external"
    FREE_RUNNING = "free_running"


class Defect(StrEnum):
    """What can be wrong with one cube, so that it cannot be used."""

    TIMING_MISSING = "timing_missing"
    TIMING_EMPTY = "timing_empty"
    TIMING_CUT = "timing_cut"
    TIMING_SHORT = "timing_short"
    TIMING_LONG = "timing_long"
    TIMING_SIX_COLUMNS = "timing_six_columns"
    CUBE_CUT = "cube_cut"
    CUBE_JUNK = "cube_junk"
    EXPTIME_MISSING = "exptime_missing"
    EXPTIME_NAN = "exptime_nan"


class Counter(StrEnum):
    """How a run's cnt0 counts; all but the first are faults of the framegrabber or its driver."""

    HONEST = "honest"
    STUCK = "stuck"  # one number for all frames
    RANDOM = "random"
    BY_TWOS = "by_twos"
    OF_LOGGED = "of_logged"  # counts what the logger kept
    NEW_IN_CUBES = "new_in_cubes"  # restarts with each cube
    RESTARTS = "restarts"  # now and then, at any frame
    SKIPS = "skips"  # now and then by one or more, though no frame is missing


class HeaderCopy(StrEnum):
    """Whether the logger leaves ``<stem>.fits.header`` beside the cube."""

    LEFT = "left"
    NONE = "none"


@dataclass(frozen=True)
class Spoiled:
    """One cube of a run with a defect: the camera's ``cube``-th, from 0; negative from its last."""

    camera: int
    cube: int
    defect: Defect


@dataclass(frozen=True)
class Pause:
    """The trigger train stands still before trigger ``before`` for 0.9 to 1.1 times ``pause_s``.

    The FLC's driver restarts after it: the state of trigger ``before`` is drawn.
    """

    before: int
    pause_s: float


@dataclass(frozen=True)
class ClockJump:
    """From trigger ``trigger`` on, the camera's clock is ``step_us`` later than before."""

    camera: int
    trigger: int
    step_us: float


@dataclass(frozen=True)
class Run:
    """An uninterrupted sequence of exposures with one configuration.

    *Trigger and FLC.* ``triggers`` exposures every ``period_us`` on average; the trigger's clock is
    slower than the computers' by ``trigger_ppm``. ``flc_jitter_us`` is U_TRIGJT: with the FLC
    switching, intervals are period + and - that value, alternately; None when it does not switch.
    ``pause_s`` is the time from the last trigger to the next run; negative, the next run begins
    before this one ends, which the same camera cannot do.

    *Clocks.* ``offset_us`` is by how much camera 2's times are later than camera 1's; camera 2's
    clock drifts by ``drift_us_per_s`` against camera 1's. ``late_stamps`` is the fraction of frames
    that the framegrabber stamps late, by up to ``latest_stamp_us``.

    *What each camera logs* (one value per camera). ``frames_per_cube``; ``skipped`` and
    ``cut_short``, triggers at the beginning and at the end for which the logger was off; a camera
    that is too slow keeps only one of ``keeps_every`` triggers.

    *Losses.* ``camera_loss`` and ``logger_loss`` are the probabilities per frame that a loss
    begins, for the cameras in ``losing``; ``common_loss`` that both loggers begin to lose at once.
    A loss takes one to ``longest_loss`` frames. ``counter`` is how the framegrabbers' cnt0 counts.

    *Headers.* ``flux_e`` is the star's electrons per frame and camera; 0 for darks. ``undefined``
    and ``nan`` are the keywords of cards without a value and with NAN, as an unmeasured one may
    have; ``absent`` those of missing cards; ``fields`` gives cards other value fields. The first
    ``stale_cubes`` cubes of each camera carry the header of the run before: it recorded a change
    too late.

    *Handshake.* ``handshake`` None is a trigger that ticks; else it waits for both cameras, begins
    with the relaxed state, and stands still between turns only: ``pauses`` are put there, and end
    in that state too. ``logging`` is what else happens to the files. A run that ``joins`` goes on
    in the cubes of the run before: a setting changed while the cameras logged.
    """

    triggers: int
    period_us: int
    exptime_us: int
    frames_per_cube: tuple[int, int]
    trigger: Trigger = Trigger.EXTERNAL
    cameras: tuple[int, ...] = CAMERAS
    flc_jitter_us: int | None = None
    offset_us: float = 140.0
    readout: Readout = Readout.FAST
    skipped: tuple[int, int] = (0, 0)
    cut_short: tuple[int, int] = (0, 0)
    keeps_every: tuple[int, int] = (1, 1)
    pauses: tuple[Pause, ...] = ()
    trigger_ppm: float = 0.0
    drift_us_per_s: float = 0.0
    clock_steps: tuple[ClockJump, ...] = ()
    late_stamps: float = 0.0
    latest_stamp_us: float = 0.0
    camera_loss: float = 0.0
    logger_loss: float = 0.0
    common_loss: float = 0.0
    longest_loss: int = 2
    losing: tuple[int, ...] = CAMERAS
    counter: Counter = Counter.HONEST
    target: str = "HD 34700"
    data_type: str = "OBJECT"
    filter01: str = "Open"
    filter02: str = "Open"
    hwp_angle_deg: float = 0.0
    flux_e: float = 2e5
    pause_s: float = 4.0
    spoiled: tuple[Spoiled, ...] = ()
    undefined: tuple[str, ...] = ()
    nan: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    stale_cubes: tuple[int, int] = (0, 0)
    header_copy: HeaderCopy = HeaderCopy.NONE
    handshake: Handshake | None = None
    logging: Logging = _AS_THEY_SHOULD
    joins: bool = False

    def __post_init__(self) -> None:
        shortest_us = self.period_us - (self.flc_jitter_us or 0)
        if self.triggers < 1 or min(self.frames_per_cube) < 1:
            raise ValueError("a run has at least one trigger, and a cube at least one frame")
        if not 0 < self.exptime_us <= shortest_us:
            raise ValueError(
                f"an exposure of {self.exptime_us} us does not fit between triggers that are"
                f" {shortest_us} us apart"
            )
        if not self.cameras or not set(self.cameras) <= set(CAMERAS):
            raise ValueError(f"the cameras are {CAMERAS}, not {self.cameras}")
        if self.flc_jitter_us is not None and self.trigger is Trigger.FREE_RUNNING:
            raise ValueError("the FLC switches with the external trigger only")
        if self.latest_stamp_us + self.readout.row_us >= shortest_us:
            raise ValueError("a late time-stamp still comes before the next frame's")
        if self.handshake and self.trigger is Trigger.FREE_RUNNING:
            raise ValueError("the trigger waits for cameras that it triggers")
        if any(not 0 < pause.before < self.triggers for pause in self.pauses):
            raise ValueError(f"a run of {self.triggers} triggers pauses between two of them")


@dataclass(frozen=True)
class Scenario:
    """A night: its runs in order, from ``start_ut`` on the night's date.

    ``description`` says what happens and what a trustworthy sync makes of it.
    """

    name: str
    crop: Crop
    runs: tuple[Run, ...]
    start_ut: time = time(5)
    description: str = ""

    def __post_init__(self) -> None:
        if self.runs and self.runs[0].joins:
            raise ValueError("no run is before the first: it joins none")
        if self.runs and any(self.runs[0].stale_cubes):
            raise ValueError("no run is before the first: its headers cannot be stale")
