"""Which places were low on space, as the stages that looked found it.

A place is low until there is space for what was needed when it began. That is on the disk beside
the database, by a marker that takes no space; the alarm tells of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vampd.disk.durable import marker_value, markers_in, place_marker, remove_marker
from vampd.errors import VampdError
from vampd.log import get_log
from vampd.model.alarm import LowPlace, parse_low_place, write_low_place
from vampd.model.nights import NightId

_log = get_log()


@dataclass(frozen=True)
class LowSpaceMarks:
    """The markers in ``folder``; what cannot be marked costs no stage."""

    folder: Path

    def look(self, place: str, room_bytes: int) -> None:
        """Note that a place is not low; ``room_bytes`` are free beyond what should be."""
        try:
            text = marker_value(self.folder, place)
            low = None if text is None else parse_low_place(place, text)
            if text is not None and (low is None or room_bytes >= low.needed_bytes):
                remove_marker(self.folder, place)
        except OSError as error:
            _log.warning("disk.unwatched", place=place, error=str(error))

    def mark(self, place: str, needed_bytes: int, night: NightId) -> None:
        """Note that a place is low for what a night needs, unless it is noted."""
        try:
            place_marker(self.folder, place, write_low_place(needed_bytes, night))
        except (VampdError, OSError) as error:
            _log.warning("disk.unwatched", place=place, error=str(error))

    def places(self) -> tuple[LowPlace, ...]:
        """All places that are low, by name. OSError."""
        found = (
            parse_low_place(place, text) for place, text in sorted(markers_in(self.folder).items())
        )
        return tuple(low for low in found if low is not None)
