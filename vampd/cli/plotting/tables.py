"""The tables of the plot: what each run is, and which frames are in no product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.cli.plotting import missing, settings
from vampd.cli.plotting.canvas import ROW, Box, Canvas, rows_in
from vampd.cli.plotting.style import TEXT_SIZE

Rows = Sequence[tuple[str, ...]]
_RUNS_PART = 0.6  # of the width, where they are side by side
_ABOVE = 3  # rows for title, heads and the gap before the next table


@dataclass(frozen=True)
class Tables:
    """The rows of both; a table without rows is not written."""

    runs: Rows
    missing: Rows

    @property
    def most_rows(self) -> int:
        """The rows of the longer one."""
        return max(len(self.runs), len(self.missing))

    def write_side_by_side(self, canvas: Canvas, box: Box) -> Box:
        """Write them at the top of a box; returns what they leave of it."""
        if not self.most_rows:
            return box
        wide = box.width * (_RUNS_PART if self.missing else 1.0) if self.runs else 0.0
        left = box._replace(width=wide)
        right = box._replace(left=box.left + wide, width=box.width - wide)
        most = min(self.most_rows, rows_in(box))
        _write_runs(canvas, left, self.runs, most)
        _write_missing(canvas, right, self.missing, most)
        return box._replace(height=box.height - (most + _ABOVE) * ROW)

    def write_in_column(self, canvas: Canvas, box: Box, width: float) -> Box:
        """Write them one below the other at the left; returns the box beside them."""
        column = box._replace(width=width)
        room = rows_in(box) - (_ABOVE if self.runs and self.missing else 0)
        for_missing = min(len(self.missing), max(room // 2, room - len(self.runs)))
        for_runs = min(len(self.runs), room - for_missing)
        _write_runs(canvas, column, self.runs, for_runs)
        if self.runs:
            column = column._replace(height=box.height - (for_runs + _ABOVE) * ROW)
        _write_missing(canvas, column, self.missing, for_missing)
        return box._replace(left=box.left + width, width=box.width - width)


def _write_runs(canvas: Canvas, box: Box, rows: Rows, most: int) -> None:
    _write(canvas, box, "Runs", settings.HEADS, rows, most)


def _write_missing(canvas: Canvas, box: Box, rows: Rows, most: int) -> None:
    _write(canvas, box, "In no product", missing.HEADS, rows, most)


def _write(
    canvas: Canvas, box: Box, title: str, heads: Sequence[str], rows: Rows, most: int
) -> None:
    """A table of so many lines; the last one says how many rows have no line."""
    if not rows:
        return
    shown = rows if len(rows) <= most else rows[: most - 1]
    canvas.write_table(box, title, heads, shown)
    if len(shown) < len(rows):
        middle = box.top - (len(shown) + 2.6) * ROW
        canvas.write(
            f"… and {len(rows) - len(shown):,} more: vampctl summary",
            box.left,
            middle,
            TEXT_SIZE,
        )
