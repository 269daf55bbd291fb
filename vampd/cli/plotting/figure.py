"""The plot of a night on 1600 x 1000 pixels: only panels that have something to show."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure

from vampd.cli.plotting import missing, settings
from vampd.cli.plotting.alternation import draw_alternation
from vampd.cli.plotting.canvas import DOTS_PER_INCH, HEIGHT, ROW, WIDTH, Box, Canvas
from vampd.cli.plotting.losses import draw_losses
from vampd.cli.plotting.offsets import draw_intervals, draw_offsets
from vampd.cli.plotting.style import HEAD_SIZE, THEMES, TITLE_SIZE, Ground, Meaning
from vampd.cli.plotting.tables import Tables
from vampd.cli.plotting.timeline import draw_timeline
from vampd.model.accounts import SYNC_KINDS, FrameKind, number_runs
from vampd.model.escapes import show

if TYPE_CHECKING:
    from vampd.cli.shared.observed_night import ObservedNight
    from vampd.model.accounts import Summary

_MARGIN, _GAP = 24, 30  # pixels
_VERDICT_LETTERS, _VERDICT_LINES, _VERDICT_LINE = 140, 2, 21  # pixels per line
_LOWER = 330  # pixels for the lower panels, at least
_TABLES = {1: 760, 2: 600, 3: 564}  # pixels, by how many panels are beside them
_FEW_ROWS = 3  # of which tables lie above the panels
_ABOVE, _BELOW, _BESIDE = 66, 44, 70  # pixels around a panel: title and legend, its axes' names
_TALLEST_PANEL = 460
_ON_ALARM = "#000000"  # read on both colors of the bar, on light and on dark ground

# The settings are matplotlib's own, not those of a matplotlibrc in the current folder or elsewhere.
matplotlib.rcdefaults()


def draw_night(title: str, observed: ObservedNight, ground: Ground = Ground.LIGHT) -> Figure:
    """The figure; matplotlib's settings are afterwards what they were."""
    theme = THEMES[ground]
    with matplotlib.rc_context(
        {
            "figure.facecolor": theme.ground,
            "axes.facecolor": theme.ground,
            "axes.edgecolor": theme.ink,
            "axes.labelcolor": theme.ink,
            "text.color": theme.ink,
        }
    ):
        figure = Figure(figsize=(WIDTH / DOTS_PER_INCH, HEIGHT / DOTS_PER_INCH), dpi=DOTS_PER_INCH)
        canvas = Canvas(figure, theme)
        left = Box(_MARGIN, 0, WIDTH - 2 * _MARGIN, HEIGHT)
        bottom = _draw_head(canvas, title, observed.summary, left)
        _draw_panels(canvas, observed, Box(_MARGIN, _MARGIN, left.width, bottom - _MARGIN))
    return figure


def _draw_head(canvas: Canvas, title: str, summary: Summary, box: Box) -> float:
    """The title, and the verdict in a bar of its color; returns where they end (pixels)."""
    canvas.write(title, box.left, box.top - 28, HEAD_SIZE, weight="bold")
    canvas.write(
        _headline(summary),
        box.left + box.width,
        box.top - 28,
        TITLE_SIZE + 1,
        horizontalalignment="right",
    )
    if summary.unexpected is not None:
        meaning, mark = Meaning.UNEXPECTED, "✖ "
    elif summary.notable:
        meaning, mark = Meaning.TO_CHECK, "? "
    else:
        meaning, mark = None, "✔ "
    lines = textwrap.wrap(
        mark + show(summary.verdict),
        _VERDICT_LETTERS,
        max_lines=_VERDICT_LINES,
        placeholder=" ...",
    )
    tall = _VERDICT_LINE * len(lines) + 12
    bar = Box(box.left, box.top - 54 - tall, box.width, tall)
    color = canvas.theme.color(meaning) if meaning else canvas.theme.ground
    canvas.fill(bar, color, canvas.theme.ink)
    for number, line in enumerate(lines):
        middle = bar.top - 6 - _VERDICT_LINE * (number + 0.5)
        ink = _ON_ALARM if meaning else canvas.theme.ink
        weight = "bold" if meaning else "normal"
        canvas.write(line, bar.left + 12, middle, TITLE_SIZE + 1, color=ink, weight=weight)
    return bar.bottom


def _draw_panels(canvas: Canvas, observed: ObservedNight, box: Box) -> None:
    frames, summary = observed.frames, observed.summary
    numbers = number_runs(frames, observed.gap_us)
    spans = settings.angle_spans(frames, numbers)
    if not len(frames) and not frames.counted:
        middle = box.left + box.width / 2
        text = "There is no frame in this night: nothing to draw"
        canvas.write(text, middle, HEIGHT / 2, HEAD_SIZE, horizontalalignment="center")
        return
    tables = Tables(settings.list_settings(summary.runs, spans), missing.list_missing(frames))
    upper = Box(box.left, box.bottom + _LOWER, box.width, box.height - _LOWER)
    end = draw_timeline(canvas, upper, frames, summary, spans) - _GAP
    panels: list[tuple[str, Callable[[Box], None]]] = []
    if any(run.pairs for run in summary.runs):
        panels.append(
            (
                "Camera 2 - camera 1, run by run",
                lambda own: draw_offsets(canvas, own, frames, numbers, summary.runs),
            )
        )
    elif any(run.all_frames > 2 for run in summary.runs):
        panels.append(
            (
                "Intervals between frames, run by run",
                lambda own: draw_intervals(canvas, own, frames, numbers),
            )
        )
    if any(origin.flc_state for origin in frames.origins):
        panels.append(
            (
                "FLC: do the intervals alternate?",
                lambda own: draw_alternation(canvas, own, frames, numbers),
            )
        )
    if any(run.lost for run in summary.runs):
        panels.append(("Lost frames", lambda own: draw_losses(canvas, own, summary.runs)))
    lower = Box(box.left, box.bottom, box.width, end - box.bottom)
    if not panels or tables.most_rows <= _FEW_ROWS:
        lower = tables.write_side_by_side(canvas, lower)
    else:
        lower = tables.write_in_column(canvas, lower, _TABLES[len(panels)])
    tall = min(lower.height - _ABOVE - _BELOW, _TALLEST_PANEL)
    for place, (name, draw) in enumerate(panels):
        each = lower.width / len(panels)
        left = lower.left + place * each + _BESIDE
        canvas.write(name, left, lower.top - ROW / 2, TITLE_SIZE)
        draw(Box(left, lower.top - _ABOVE - tall, each - _BESIDE, tall))


def _headline(summary: Summary) -> str:
    parts = [
        f"{summary.frames(*SYNC_KINDS):,} frames synchronized",
        f"{summary.frames(FrameKind.SOLO):,} solo",
        f"{summary.frames(FrameKind.SET_ASIDE):,} set aside",
    ]
    late = summary.frames(FrameKind.LATE)
    if late:
        parts.append(f"{late:,} late")
    return ", ".join(parts)
