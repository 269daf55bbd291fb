"""What the pages beside those of nights are made of, and the cells that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.config import Settings
from vampd.model.life_sign import Life
from vampd.model.nights import NightRecord
from vampd.store.database.measures import Measures
from vampd.web.pages.night_line import NightLine, night_line
from vampd.web.pages.sheet import Cell
from vampd.web.sight import Sight

# The classes of how an attempt or a mailing ended.
OUTCOME_STYLES = {
    "advanced": "good",
    "failed": "waiting",
    "interrupted": "waiting",
    "held": "bad",
    "sent": "good",
    "pending": "waiting",
    "uncertain": "bad",
}


@dataclass(frozen=True)
class Seen:
    """What a page is made of."""

    settings: Settings
    sight: Sight
    life: Life
    now: float

    @property
    def measures(self) -> Measures:
        """What was measured."""
        return self.sight.measures


def lines_of(seen: Seen, records: Sequence[NightRecord]) -> list[NightLine]:
    """The lines of nights."""
    return [night_line(one, seen.now, seen.sight.of(one.night)) for one in records]


def status_cell(line: NightLine) -> Cell:
    """How a night stands."""
    return Cell(line.status, style=line.style)


def named_cells(seen: Seen, date: str, kind: str) -> tuple[Cell, Cell]:
    """Date and kind; the date leads to the night if it has a page."""
    name = f"{date}-{kind}"
    return Cell(date, name if name in seen.sight.names else ""), Cell(kind)
