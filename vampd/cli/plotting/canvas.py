"""The plot's surface: panels and texts placed by pixels, so that nothing is laid out by trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from vampd.cli.plotting.style import TEXT_SIZE, TITLE_SIZE, Theme
from vampd.model.escapes import show

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 100
WIDTH, HEIGHT = 1600, 1000  # pixels
ROW = 19  # of a table
_POINTS_PER_INCH = 72
_SLACK = 1.04  # letters lie on whole pixels
_CELL_GAP = 14
_BOLD = 1.15  # times as wide
_MOST_LETTERS = 400  # of a text that is measured


class Box(NamedTuple):
    """A part of the picture (pixels), from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.bottom + self.height


@dataclass(frozen=True, eq=False)
class Canvas:
    """A figure and what it is drawn with."""

    figure: Figure
    theme: Theme

    def add_axes(self, box: Box, **how: Any) -> Axes:
        """A panel whose frame is this box."""
        axes = self.figure.add_axes(_parts(box), **how)
        # Ticks are made when they are drawn.
        axes.tick_params(colors=self.theme.ink, labelsize=TEXT_SIZE)
        return axes

    def write(self, text: str, left: float, middle: float, size: float, **how: Any) -> None:
        """One line of text; a `$` in a word from outside begins no formula."""
        how.setdefault("verticalalignment", "center")
        self.figure.text(
            left / WIDTH, middle / HEIGHT, show(text), size=size, parse_math=False, **how
        )

    def fill(self, box: Box, color: str, edge: str) -> None:
        """A filled box."""
        left, bottom, width, height = _parts(box)
        self.figure.add_artist(
            Rectangle(
                (left, bottom),
                width,
                height,
                transform=self.figure.transFigure,
                facecolor=color,
                edgecolor=edge,
            )
        )

    def write_table(
        self, box: Box, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]
    ) -> None:
        """A titled table from the top of a box; texts for which there is no room are cut."""
        self.write(title, box.left, box.top - ROW / 2, TITLE_SIZE)
        table = [heads, *rows]
        left = box.left
        for cells, width in zip(zip(*table, strict=True), _widths(table, box.width), strict=True):
            for number, cell in enumerate(cells):
                shown = fit_text(cell, width)
                if shown:
                    middle = box.top - (number + 1.6) * ROW
                    weight = "normal" if number else "bold"
                    self.write(shown, left, middle, TEXT_SIZE, weight=weight)
            left += width + _CELL_GAP


def _widths(table: Sequence[Sequence[str]], room: float) -> list[float]:
    """The widths of a table's columns (pixels); the widest give way where all have no room."""
    heads = [_BOLD * text_width(head) for head in table[0]]
    widths = [
        max(head, *(text_width(cell) for cell in cells))
        for head, *cells in zip(heads, *table[1:], strict=True)
    ]
    return share_room(widths, room - _CELL_GAP * len(widths))


def share_room(wanted: Sequence[float], room: float) -> list[float]:
    """What each gets of a room: as much as it wants, or where there is too little as the widest."""
    most = math.inf
    for count, width in zip(range(len(wanted), 0, -1), sorted(wanted), strict=True):
        if width > room / count:
            most = max(0.0, room / count)
            break
        room -= width
    return [min(width, most) for width in wanted]


def _parts(box: Box) -> tuple[float, float, float, float]:
    """The box in parts of the picture."""
    return box.left / WIDTH, box.bottom / HEIGHT, box.width / WIDTH, box.height / HEIGHT


def rows_in(box: Box) -> int:
    """How many rows of a table there is room for, below its title and heads."""
    return int(box.height // ROW) - 2


def text_width(text: str, size: float = TEXT_SIZE) -> float:
    """The width of a text (pixels)."""
    shown = show(text)[:_MOST_LETTERS]
    font = FontProperties(size=size)
    points, _, _ = text_to_path.get_text_width_height_descent(shown, font, ismath=False)
    return float(points) * _SLACK * DOTS_PER_INCH / _POINTS_PER_INCH


def fit_text(text: str, width: float, size: float = TEXT_SIZE) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; '' if hardly any does."""
    if text_width(text, size) <= width:
        return text
    low, high = 0, min(len(text), _MOST_LETTERS)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(f"{text[:middle].rstrip()}…", size) <= width:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low].rstrip()}…" if low else ""


def label(axes: Axes, x: str, y: str) -> None:
    """Name a panel's axes."""
    axes.set_xlabel(x, size=TEXT_SIZE)
    axes.set_ylabel(y, size=TEXT_SIZE)


def put_legend(axes: Axes, columns: int, handles: Sequence[Artist] | None = None) -> None:
    """Above the panel it hides nothing, however the points lie."""
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=columns,
        fontsize=TEXT_SIZE - 0.5,
        frameon=False,
        borderaxespad=0.2,
        borderpad=0.1,
        labelspacing=0.2,
        columnspacing=1.2,
        handlelength=1.4,
        handletextpad=0.5,
        markerscale=1.6,
    )
