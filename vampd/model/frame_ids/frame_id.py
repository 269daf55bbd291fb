"""Frame IDs of the observatory: ``VMPA00012345`` names a raw frame, ``VMPE00012345`` its exposure.

Instrument code VMP, one letter for the frame type, eight digits that are unique per instrument
whatever the letter. The first digit means raw (0-6), simulated (7-8) and engineering (9).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_FRAME_ID = re.compile(r"VMPA([0-9]{8})")
LARGEST_NUMBER = 10**8 - 1
_FIRST_SIMULATED = 70_000_000
_FIRST_ENGINEERING = 90_000_000


class NumberRange(StrEnum):
    """What a number is for, given by its first digit; each range is a sequence of its own."""

    RAW = "raw"
    SIMULATED = "simulated"
    ENGINEERING = "engineering"

    @property
    def first(self) -> int:
        """The lowest number."""
        match self:
            case NumberRange.RAW:
                return 0
            case NumberRange.SIMULATED:
                return _FIRST_SIMULATED
            case NumberRange.ENGINEERING:
                return _FIRST_ENGINEERING

    @property
    def last(self) -> int:
        """The highest number."""
        match self:
            case NumberRange.RAW:
                return _FIRST_SIMULATED - 1
            case NumberRange.SIMULATED:
                return _FIRST_ENGINEERING - 1
            case NumberRange.ENGINEERING:
                return LARGEST_NUMBER


@dataclass(frozen=True, order=True, slots=True)
class FrameId:
    """One frame ID, ordered by its number."""

    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number <= LARGEST_NUMBER:
            raise ValueError(f"a frame ID has a number of eight digits, not {self.number}")

    @classmethod
    def parse(cls, text: str) -> FrameId:
        """The ID that this text exactly is; ValueError for anything else."""
        match = _FRAME_ID.fullmatch(text)
        if match is None:
            raise ValueError(f"expected a frame ID such as VMPA00012345, found {text!r}")
        return cls(int(match[1]))

    @property
    def exposure_id(self) -> str:
        """The value of EXP-ID: the same number under the exposure's letter."""
        return f"VMPE{self.number:08d}"

    @property
    def numbers(self) -> NumberRange:
        """The range that the number is in."""
        return next(numbers for numbers in NumberRange if self.number <= numbers.last)

    @property
    def looks_raw(self) -> bool:
        """Whether the number is in the range of real raw frames."""
        return self.numbers is NumberRange.RAW

    def __str__(self) -> str:
        return f"VMPA{self.number:08d}"


def is_frame_id(text: str) -> bool:
    """Whether this text is an ID, exactly."""
    return _FRAME_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class BoundId:
    """A frame ID that the ledger has bound to a product."""

    identity: str
    frame_id: FrameId
    applied: bool
