"""The panel of offsets between the cameras, and that of intervals where one camera was alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from vampd.cli.plotting.canvas import Box, Canvas, label, put_legend
from vampd.model.accounts import NightFrames, in_order_of_taking, pair_offsets, split_by_run

if TYPE_CHECKING:
    from vampd.model.accounts import RunSummary

Int64 = npt.NDArray[np.int64]
_GAP = 16  # pixels between the two axes
_UPPER = 0.36  # of the height
_PERCENTILES = (1, 25, 75, 99)
_MARGIN = 1.25
_SCATTERS = 3.0  # as high as the verdict bears: three times the documented width


def draw_offsets(
    canvas: Canvas, box: Box, frames: NightFrames, numbers: Int64, runs: Sequence[RunSummary]
) -> None:
    """The offset of each run with its range, and below the spread of its pairs about it."""
    theme = canvas.theme
    paired = {run.number: run for run in runs if run.pairs}
    spread = np.array(
        [
            np.percentile(pair_offsets(frames, positions).residuals_us, _PERCENTILES)
            for number, positions in split_by_run(numbers)
            if number in paired
        ]
    )
    places = np.array(list(paired))
    high = (box.height - _GAP) * _UPPER
    upper = canvas.add_axes(Box(box.left, box.top - high, box.width, high))
    lower = canvas.add_axes(Box(box.left, box.bottom, box.width, box.height - high - _GAP))
    low_us, high_us = zip(*(run.offset_range_us or (0, 0) for run in paired.values()), strict=True)
    upper.vlines(places, low_us, high_us, color=theme.ink, linewidth=1.2)
    upper.plot(
        places, [run.offset_us or 0 for run in paired.values()], "o", color=theme.ink, markersize=4
    )
    upper.set_xticks([])
    label(upper, "", "offset (us)")
    documented_us = _SCATTERS * np.array([run.usual_scatter_us for run in paired.values()])
    lower.bar(places, 2 * documented_us, 1.0, -documented_us, color=theme.faint, zorder=0)
    lower.vlines(places, spread[:, 0], spread[:, 3], color=theme.ink, linewidth=1.0)
    lower.vlines(places, spread[:, 1], spread[:, 2], color=theme.ink, linewidth=4.0)
    reach = _MARGIN * max(float(documented_us.max()), float(np.abs(spread).max()))
    lower.set_ylim(-reach, reach)
    label(lower, "run (thick: half of its pairs, thin: 98 %)", "pairs about it (us)")
    put_legend(upper, 1, [Patch(color=theme.faint, label="as documented")])
    for axes in (upper, lower):
        axes.set_xlim(places[0] - 0.8, places[-1] + 0.8)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    upper.margins(y=0.25)
    lower.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def draw_intervals(canvas: Canvas, box: Box, frames: NightFrames, numbers: Int64) -> None:
    """The intervals between the frames of each run: their usual one and how they spread."""
    axes = canvas.add_axes(box)
    ink = canvas.theme.ink
    runs, spread = [], []
    for number, positions in split_by_run(numbers):
        for camera in (1, 2):
            steps_us = np.diff(frames.acquired_us[in_order_of_taking(frames, positions, camera)])
            if len(steps_us):
                runs.append(number)
                spread.append(np.percentile(steps_us, _PERCENTILES) / 1e3)
    low, early, late, high = np.transpose(spread)
    axes.vlines(runs, low, high, color=ink, linewidth=1.0)
    axes.vlines(runs, early, late, color=ink, linewidth=4.0)
    axes.plot(runs, (early + late) / 2, "o", color=ink, markersize=4)
    label(axes, "run (thick: half of its intervals, thin: 98 %)", "interval (ms)")
    axes.set_xlim(runs[0] - 0.8, runs[-1] + 0.8)
    axes.margins(y=0.25)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.ticklabel_format(axis="y", useOffset=False)
