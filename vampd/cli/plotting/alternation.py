"""The panel of the FLC: how clearly the intervals alternate around each frame, and its label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from vampd.cli.plotting.canvas import Box, Canvas, label, put_legend
from vampd.cli.plotting.style import Meaning
from vampd.model.accounts import (
    LABEL_THRESHOLD,
    NightFrames,
    alternation,
    in_order_of_taking,
    measure_run,
    split_by_run,
)

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_MOST_POINTS = 3_000  # of a state
_MARKS = {Meaning.A: ("o", 6.0), Meaning.B: ("^", 9.0), Meaning.D: ("x", 22.0)}
_FARTHEST = 1.8
_MOST_LINES = 24  # more of them would hide the points


def draw_alternation(canvas: Canvas, box: Box, frames: NightFrames, runs: Int64) -> None:
    """A point for each frame of switching runs; frames within the band are dubious."""
    theme = canvas.theme
    axes = canvas.add_axes(box)
    labels = np.array([origin.flc_state for origin in frames.origins], "U1")
    begins, responses, states = _responses(frames, runs, labels)
    places = np.arange(len(responses))
    axes.axhspan(
        -LABEL_THRESHOLD, LABEL_THRESHOLD, color=theme.faint, zorder=0, linewidth=0, label="dubious"
    )
    for begin in begins[1:] if len(begins) <= _MOST_LINES else ():
        axes.axvline(begin, color=theme.ink, linewidth=0.4, zorder=0.5)
    for state, (marker, size) in _MARKS.items():
        own = np.flatnonzero(states == str(state))
        if not len(own):
            continue
        shown = own[:: -(-len(own) // _MOST_POINTS)]
        shown = shown[np.isfinite(responses[shown])]
        axes.scatter(
            places[shown],
            responses[shown].clip(-_FARTHEST, _FARTHEST),
            s=size,
            c=theme.color(state),
            marker=marker,
            linewidths=1.2 if marker == "x" else 0,
            label=f"{state} {len(own):,}",
        )
    axes.set_xlim(-0.01 * len(places), 1.01 * len(places))
    axes.set_ylim(-_FARTHEST - 0.1, _FARTHEST + 0.1)
    label(axes, "switching frames, run by run", "alternation (units of J)")
    axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    put_legend(axes, 2)


def _responses(
    frames: NightFrames, runs: Int64, labels: npt.NDArray[np.str_]
) -> tuple[list[int], Float64, npt.NDArray[np.str_]]:
    """Where each run and camera begins, the response of each frame and its label."""
    begins: list[int] = []
    responses: list[Float64] = []
    states: list[npt.NDArray[np.str_]] = []
    found = 0
    for _, run in split_by_run(runs):
        for camera in (1, 2):
            own = in_order_of_taking(frames, run, camera)
            own = own[labels[frames.origin[own]] != ""]
            if not len(own):
                continue
            acquired_us = frames.acquired_us[own]
            half_width_us = float(np.median(measure_run(frames, own).half_width_us))
            begins.append(found)
            responses.append(alternation(acquired_us, half_width_us or None))
            states.append(labels[frames.origin[own]])
            found += len(own)
    none: Float64 = np.empty(0)
    return begins, np.concatenate([none, *responses]), np.concatenate([np.empty(0, "U1"), *states])
