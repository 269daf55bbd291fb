"""Measures: the mean interval T and half width J that a camera's frames show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, count_frames
from vampd.model.trigger.tempo import at_frames, tempo_of

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """T and J (us) at each frame, as the intervals around it show them; 0 where they show none.

    Where they do not show J, it is what the card says.
    """

    period_us: Int64
    half_width_us: Int64


def measure_intervals(arrivals: Arrivals) -> Measured:
    """T and J of one camera's frames in order of taking."""
    tempo = tempo_of(arrivals, count_frames(arrivals))
    frames = len(arrivals)
    return Measured(at_frames(tempo.period_us)[:frames], at_frames(tempo.half_width_us)[:frames])
