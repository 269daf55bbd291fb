"""The plot of a night: four panels on 1600 x 1000 pixels."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from vampd.cli.plotting.panels import draw_alternation, draw_losses, draw_offsets
from vampd.cli.plotting.style import BLACK, BLUE, VERMILION
from vampd.cli.plotting.timeline import draw_timeline
from vampd.model.accounts import SYNC_KINDS, FrameKind, number_runs
from vampd.model.escapes import show

if TYPE_CHECKING:
    from vampd.cli.shared.observed_night import ObservedNight
    from vampd.model.accounts import Summary

_DOTS_PER_INCH = 100
WIDTH, HEIGHT = 1600, 1000  # pixels
_LINE = 165  # characters of the verdict that fit side by side
_VERDICT_LINES = 2

# The settings are matplotlib's own, not those of a matplotlibrc in the current folder or elsewhere.
matplotlib.rcdefaults()


def draw_night(title: str, observed: ObservedNight) -> Figure:
    """The figure; no global state of matplotlib is touched."""
    figure = Figure(
        figsize=(WIDTH / _DOTS_PER_INCH, HEIGHT / _DOTS_PER_INCH),
        dpi=_DOTS_PER_INCH,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08),
    )
    frames, summary = observed.frames, observed.summary
    runs = number_runs(frames, observed.gap_us)
    grid = figure.add_gridspec(2, 3, height_ratios=(1.1, 1))
    draw_timeline(figure.add_subfigure(grid[0, :]).subplots(), frames, summary)
    draw_offsets(figure.add_subfigure(grid[1, 0]), frames, runs, summary.runs)
    draw_alternation(figure.add_subfigure(grid[1, 1]), frames, runs)
    draw_losses(figure.add_subfigure(grid[1, 2]), summary.runs)
    figure.suptitle(
        f"{title}: {_headline(summary)}\n{_verdict(summary)}",
        fontsize=13,
        color=VERMILION if summary.unexpected else BLUE if summary.notable else BLACK,
        fontweight="bold" if summary.unexpected else "normal",
        # A `$` in a word from outside begins no formula.
        parse_math=False,
    )
    return figure


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


def _verdict(summary: Summary) -> str:
    return "\n".join(
        textwrap.wrap(
            f"verdict: {show(summary.verdict)}",
            _LINE,
            max_lines=_VERDICT_LINES,
            placeholder=" ...",
        )
    )
