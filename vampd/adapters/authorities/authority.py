"""Authorities that grant frame IDs on their own, or never: ports.FrameIdAuthority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.errors import FrameIdsUnavailable
from vampd.model.frame_ids import FrameId, NumberRange


@dataclass(frozen=True)
class LocalAuthority:
    """A sequence of this machine, from ``first`` up: for engineering, tests and demonstrations.

    The observatory does not know of these IDs: where ``first.looks_raw`` it will give them to other
    frames, and the frameids stage warns.
    """

    first: FrameId

    @property
    def numbers(self) -> NumberRange:
        """The range of its first number."""
        return self.first.numbers

    def strays(self) -> Sequence[str]:
        """None: asked again, it gives the same answer."""
        return ()

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        """The numbers that follow the highest; FrameIdsUnavailable at the end of the range."""
        start = self.first.number
        if highest_used is not None:
            start = max(start, highest_used.number + 1)
        last = self.numbers.last
        if start + count - 1 > last:
            raise FrameIdsUnavailable(
                "frame_ids_exhausted",
                f"expected {count} numbers from {start} on, found that the {self.numbers} ones end"
                f" at {last}; set another frameids.first, or another authority",
            )
        return tuple(str(FrameId(number)) for number in range(start, start + count))


@dataclass(frozen=True)
class NoAuthority:
    """No authority: nights wait before frameids."""

    numbers: NumberRange = NumberRange.RAW

    def strays(self) -> Sequence[str]:
        """None: no one was ever asked."""
        return ()

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        """FrameIdsUnavailable ``no_authority``."""
        raise FrameIdsUnavailable(
            "no_authority",
            f'{count} frame IDs are needed and frameids.authority is "none"; configure one, or let'
            " the night wait",
        )
