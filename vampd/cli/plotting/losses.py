"""The panel of lost frames: camera 1 upward, camera 2 downward, and who lost them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from vampd.cli.plotting.canvas import Box, Canvas, label, put_legend
from vampd.cli.plotting.style import TEXT_SIZE, Meaning

if TYPE_CHECKING:
    from vampd.model.accounts import RunSummary

_BAR = 0.76
_HATCHES = {Meaning.LOST_BY_CAMERA: "", Meaning.LOST_BY_LOGGER: "////"}
_ROOM = 1.35  # above the tallest bar, for the camera's name


def draw_losses(canvas: Canvas, box: Box, runs: Sequence[RunSummary]) -> None:
    """What part of each run's frames is missing, by camera and by who lost them."""
    axes = canvas.add_axes(box)
    theme = canvas.theme
    numbers = np.array([run.number for run in runs])
    by_camera = np.array([run.lost_by_camera for run in runs])
    by_logger = np.array([run.lost_by_logger for run in runs])
    lost = {Meaning.LOST_BY_CAMERA: by_camera, Meaning.LOST_BY_LOGGER: by_logger}
    lost = {meaning: own for meaning, own in lost.items() if own.any()}
    exposed = np.array([run.frames for run in runs]) + sum(lost.values())
    sides = np.array([1.0, -1.0])
    share = {m: sides * 100 * own / np.maximum(exposed, 1) for m, own in lost.items()}
    for camera in (0, 1):
        below = np.zeros(len(runs))
        for meaning, own in share.items():
            axes.bar(
                numbers,
                own[:, camera],
                _BAR,
                below,
                color=theme.color(meaning),
                hatch=_HATCHES[meaning],
                edgecolor=theme.ground,
                linewidth=0,
                label=f"{meaning}: {lost[meaning].sum():,}" if camera == 0 else "",
            )
            below = below + own[:, camera]
    axes.axhline(0, color=theme.ink, linewidth=0.8)
    reach = _ROOM * float(np.abs(sum(share.values())).max())
    axes.set_ylim(-reach, reach)
    for camera, place, side in ((1, 0.97, "top"), (2, 0.03, "bottom")):
        axes.text(
            0.02,
            place,
            f"camera {camera}",
            transform=axes.transAxes,
            verticalalignment=side,
            size=TEXT_SIZE,
        )
    axes.set_xlim(numbers[0] - 0.8, numbers[-1] + 0.8)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda part, _: f"{abs(part):g}"))
    label(axes, "run", "lost (% of the camera's)")
    put_legend(axes, 1)
