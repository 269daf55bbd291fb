"""FLC states: the values of U_FLC, and why frames have no certain one."""

from __future__ import annotations

from collections import Counter
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint8]


class FlcState(StrEnum):
    """The value of U_FLC of a deinterleaved product."""

    A = "A"
    B = "B"
    D = "D"


CODE_NONE, CODE_A, CODE_B, CODE_D = 0, 1, 2, 3
CERTAIN = (CODE_A, CODE_B)
STATE_OF_CODE: dict[int, FlcState | None] = {
    CODE_NONE: None,
    CODE_A: FlcState.A,
    CODE_B: FlcState.B,
    CODE_D: FlcState.D,
}


class Doubt(IntEnum):
    """Why frames carry no certain state."""

    NO_JITTER_CARD = 1  # U_TRIGJT is missing or not a number, and the intervals do not show J
    TOO_FEW_FRAMES = 2  # in the run
    NO_ALTERNATION = 3  # the run's intervals do not alternate
    UNCLEAR = 4  # gaps or late stamps around these frames


def count_doubts(labels: Labels, doubts: npt.NDArray[np.uint8]) -> Counter[str]:
    """How many frames are dubious for which reason."""
    numbers = np.bincount(doubts[labels == CODE_D], minlength=len(Doubt) + 1)
    return Counter({doubt.name.lower(): int(numbers[doubt]) for doubt in Doubt if numbers[doubt]})
