"""What can be known about a run at all, from the physics of its trigger train.

Where the data cannot tell, a trustworthy sync says so: it pairs nothing or calls frames dubious.
Being wrong is never excused.
"""

from __future__ import annotations

import numpy as np

from vampd.simulate.handshake import AcquisitionClock
from vampd.simulate.scenario import Run, Trigger
from vampd.simulate.trigger import clock_error_us

_AMBIGUOUS_PART_OF_PERIOD = 0.5
_FEWEST_FRAMES = 25
# A matched filter over n frames tells T + J, T - J from its opposite by J / 2 x sqrt(n) in units of
# the frames' scatter. Ten of these units leave room for a method that is not the best one.
_UNITS_TO_BE_CERTAIN = 10.0
# Without a card, the alternation must stand out by itself, and be none that lost frames imitate.
_FEWEST_FRAMES_WITHOUT_CARD = 50
_CLEAR_PARTS_OF_SCATTER, _CLEAR_PART_OF_PERIOD = 2.0, 0.25


def is_pairable(run: Run) -> bool:
    """Whether the cameras' clocks stay within half a period of each other.

    Half a period or more looks like the neighbour's offset with the other sign. Acquisition times
    of another clock, or none, are no times to pair by.
    """
    if any(clock is not AcquisitionClock.HONEST for clock in run.logging.acquisition):
        return False
    times_us = run.period_us * np.arange(run.triggers, dtype=np.float64)
    error_us = clock_error_us(run, 2, times_us) - clock_error_us(run, 1, times_us)
    return bool(np.abs(error_us).max() < _AMBIGUOUS_PART_OF_PERIOD * run.period_us)


def is_clear(run: Run) -> bool:
    """Whether the intervals alternate by more than twice their scatter, of 2 J and the rows'."""
    if not run.flc_jitter_us or (run.handshake and not run.handshake.in_beam):
        return False
    if any(clock is not AcquisitionClock.HONEST for clock in run.logging.acquisition):
        return False
    # Which frames a camera took says nothing if it took those of one state only.
    together = min(run.keeps_every[camera - 1] for camera in run.cameras) == 1
    return together and run.flc_jitter_us > run.readout.row_us


def is_labellable(run: Run) -> bool:
    """Whether a run of 25 frames or more tells the FLC's states beyond doubt.

    Not if its shortest uninterrupted stretch is too short for the scatter of the arrivals, if
    no camera keeps consecutive frames, or if U_TRIGJT is not the truth and the intervals alone do
    not tell it at a glance.
    """
    if run.flc_jitter_us is None or run.trigger is Trigger.FREE_RUNNING or not run.flc_jitter_us:
        return False
    changed = {*run.absent, *run.nan, *run.undefined, *dict(run.fields)}
    fewest = _FEWEST_FRAMES
    if "U_TRIGJT" in changed:
        fewest = _FEWEST_FRAMES_WITHOUT_CARD
        least_us = _CLEAR_PARTS_OF_SCATTER * run.readout.row_us
        if not least_us <= run.flc_jitter_us <= _CLEAR_PART_OF_PERIOD * run.period_us:
            return False
    if min(run.keeps_every[camera - 1] for camera in run.cameras) > 1:
        return False
    edges = [0, *sorted(pause.before for pause in run.pauses), run.triggers]
    shortest = min(int(length) for length in np.diff(edges))
    scatter_us = run.readout.row_us / np.sqrt(12)
    needed = (2 * _UNITS_TO_BE_CERTAIN * scatter_us / run.flc_jitter_us) ** 2
    return bool(shortest >= max(fewest, needed))
