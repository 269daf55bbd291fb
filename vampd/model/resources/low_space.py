"""The warning when a disk runs low."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from vampd.model.nights import NightId
from vampd.model.resources.need import Need, Space
from vampd.model.size import format_size

_WIDTH = 76


@dataclass(frozen=True)
class LowSpace:
    """A place that is low on space for what a night's next stage needs.

    ``spare_bytes`` should be left; ``shortage`` says what is missing, None if the stage may begin
    anyway.
    """

    place: str
    night: NightId
    space: Space
    need: Need
    spare_bytes: int
    shortage: str | None

    @property
    def subject(self) -> str:
        """The mail's subject."""
        return f"vampd: little space at {self.place}"

    @property
    def body(self) -> str:
        """The mail's text."""
        left = format_size(max(0, self.space.free_bytes - self.need.bytes))
        follows = (
            f"It is too little: {self.shortage}. The night waits, and goes on by itself once there"
            " is room."
            if self.shortage
            else "Nothing has failed. A stage that finds too little room does not begin: its night"
            " waits, and goes on by itself once there is room."
        )
        return (
            f"There is little space at {self.place}.\n\n"
            f"Free:    {format_size(self.space.free_bytes)}"
            f" of {format_size(self.space.all_bytes)}\n"
            f"Needed:  {format_size(self.need.bytes)} by the next stage of"
            f" {self.night.date} ({self.night.kind})\n"
            f"Left:    {left}; less than {format_size(self.spare_bytes)} is little\n\n"
            f"{textwrap.fill(follows, _WIDTH)}\n\n"
            "This is reported once, until there has been room again. `vampctl status`\n"
            "shows where the nights stand, `vampctl doctor` how much is free.\n"
        )
