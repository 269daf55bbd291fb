"""The lower panels of a night's plot: offset, alternation, losses; each for all runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from vampd.cli.plotting.style import (
    BLACK,
    BLUE,
    GRAY,
    GREEN,
    LIGHT_GRAY,
    ORANGE,
    PURPLE,
    SKY,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILION,
    draw_nothing,
)
from vampd.model.accounts import (
    LABEL_THRESHOLD,
    NightFrames,
    alternation,
    in_order_of_taking,
    pair_offsets,
    split_by_run,
)
from vampd.model.sync import find_modulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from vampd.model.accounts import RunSummary

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

_OVERLAID = 6  # more histograms would hide each other
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_COLORS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, BLACK)
_FARTHEST_PERCENTILE = 99.5
_HISTOGRAM_BINS = (9, 41)  # at least, at most
_POINTS = {"A": 3_000, "B": 3_000, "D": 3_000}
_MARKS = {"A": (BLUE, "o", 6.0), "B": (ORANGE, "o", 6.0), "D": (VERMILION, "x", 22.0)}
_FARTHEST_RESPONSE = 1.8
_MOST_LINES = 80  # more of them would hide the points
_BAR = 0.38


def draw_offsets(
    figure: SubFigure, frames: NightFrames, numbers: Int64, runs: Sequence[RunSummary]
) -> None:
    """The histogram of the pairs about the cameras' offset, per run."""
    title = "Camera 2 - camera 1: pairs about the run's offset"
    residuals = {
        number: pair_offsets(frames, run).residuals_us for number, run in split_by_run(numbers)
    }
    paired = [run for run in runs if run.pairs]
    if not paired:
        draw_nothing(_titled(figure.subplots(), title), "no pairs: no offset")
        return
    edges = _edges([residuals[run.number] for run in paired])
    shares = [_shares(residuals[run.number], edges) for run in paired]
    if len(paired) <= _OVERLAID:
        _overlay(figure.subplots(), title, edges, shares, paired)
    else:
        _map_by_run(figure, title, edges, shares, paired)


def _edges(residuals: Sequence[Int64]) -> Float64:
    """Bins for the residuals of all runs, symmetric about 0."""
    distances = np.abs(np.concatenate(residuals))
    farthest = float(np.percentile(distances, _FARTHEST_PERCENTILE))
    typical = float(np.median([len(found) for found in residuals]))
    bins = np.clip(2 * np.sqrt(typical), *_HISTOGRAM_BINS)
    # Times are whole microseconds: whole-microsecond bins too, or a comb would show.
    width = max(1, int(np.ceil(2 * farthest / bins)))
    reach = width * (max(4, int(np.ceil(farthest / width))) + 0.5)
    return np.arange(-reach, reach + width / 2, width)


def _shares(values: Int64, edges: Float64) -> Float64:
    """Percent of the values in each bin; values beyond count in the outermost ones."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return np.asarray(100 * counts / len(values), np.float64)


def _overlay(
    axes: Axes,
    title: str,
    edges: Float64,
    shares: Sequence[Float64],
    runs: Sequence[RunSummary],
) -> None:
    for place, (share, run) in enumerate(zip(shares, runs, strict=True)):
        axes.stairs(
            share,
            edges,
            color=_COLORS[place],
            linestyle=_LINES[place],
            linewidth=1.8,
            label=f"run {run.number}: {run.offset_text} ± {run.jitter_us:.1f} us",
        )
    _label(axes, title, "difference - offset (us)", "pairs of the run (%)")
    axes.set_ylim(0, 1.12 * max(float(share.max()) for share in shares))
    _put_legend_below(axes, 2)


def _map_by_run(
    figure: SubFigure,
    title: str,
    edges: Float64,
    shares: Sequence[Float64],
    runs: Sequence[RunSummary],
) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(1, 2.2))
    numbers = np.array([run.number for run in runs])
    low_us, high_us = zip(*(run.offset_range_us or (0, 0) for run in runs), strict=True)
    upper.vlines(numbers, low_us, high_us, color=SKY, linewidth=1.5)
    upper.plot(numbers, [run.offset_us or 0 for run in runs], "o", color=BLUE, markersize=4)
    _label(upper, title, "", "offset (us)")
    # A column for every run from the first to the last, blank for those without pairs.
    columns = np.full((len(edges) - 1, numbers[-1] - numbers[0] + 1), np.nan)
    columns[:, numbers - numbers[0]] = np.stack(shares, axis=1)
    limits = np.arange(numbers[0], numbers[-1] + 2) - 0.5
    # A run of few pairs has them all in one bin and would leave no shades for the others.
    darkest = 1.5 * float(np.median([share.max() for share in shares]))
    lower.set_facecolor(LIGHT_GRAY)
    mesh = lower.pcolormesh(limits, edges, columns, cmap="Blues", vmin=0, vmax=darkest)
    bar = figure.colorbar(mesh, ax=[upper, lower], extend="max")
    bar.set_label("pairs of the run (%)", size=TEXT_SIZE)
    _label(lower, "", "run", "difference - offset (us)")
    lower.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))


def draw_alternation(figure: SubFigure, frames: NightFrames, runs: Int64) -> None:
    """How clearly the intervals alternate around each frame, with the label it was given."""
    title = "FLC: do the intervals alternate (± J about their mean)?"
    axes = figure.subplots()
    labels = np.array([origin.flc_state for origin in frames.origins], "U1")
    begins, responses, states = _responses(frames, runs, labels)
    if not len(responses):
        draw_nothing(_titled(axes, title), "the FLC was not switching")
        return
    places = np.arange(len(responses))
    axes.axhspan(
        -LABEL_THRESHOLD,
        LABEL_THRESHOLD,
        color=LIGHT_GRAY,
        zorder=0,
        label=f"dubious: ± {LABEL_THRESHOLD}",
    )
    for begin in begins[1:] if len(begins) <= _MOST_LINES else ():
        axes.axvline(begin, color=GRAY, linewidth=0.6, zorder=0.5)
    for state, (color, marker, size) in _MARKS.items():
        own = np.flatnonzero(states == state)
        shown = own[:: max(1, -(-len(own) // _POINTS[state]))]
        shown = shown[np.isfinite(responses[shown])]
        axes.scatter(
            places[shown],
            responses[shown].clip(-_FARTHEST_RESPONSE, _FARTHEST_RESPONSE),
            s=size,
            c=color,
            marker=marker,
            linewidths=1.2 if marker == "x" else 0,
            label=f"{state}: {len(own):,}",
        )
    axes.set_xlim(-0.01 * len(places), 1.01 * len(places))
    axes.set_ylim(-_FARTHEST_RESPONSE - 0.1, _FARTHEST_RESPONSE + 0.1)
    _label(
        axes,
        title,
        "frames of switching runs, one after the other",
        "alternation around a frame (units of J)",
    )
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _put_legend_below(axes, 4)


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
            shared = frames.configurations[frames.configuration[own[0]]]
            modulation = find_modulation(acquired_us, shared.jitter_us, shared.scatter_us)
            begins.append(found)
            responses.append(alternation(acquired_us, modulation.jitter_us if modulation else None))
            states.append(labels[frames.origin[own]])
            found += len(own)
    none: Float64 = np.empty(0)
    return begins, np.concatenate([none, *responses]), np.concatenate([np.empty(0, "U1"), *states])


def draw_losses(figure: SubFigure, runs: Sequence[RunSummary]) -> None:
    """What fraction of each run's frames is missing, by camera and by who lost them."""
    title = "Lost frames"
    axes = figure.subplots()
    if not any(run.lost for run in runs):
        draw_nothing(_titled(axes, title), "no frame was lost" if runs else "no run")
        return
    numbers = np.array([run.number for run in runs])
    for camera, shift, colors in ((0, -_BAR / 2, (BLUE, SKY)), (1, _BAR / 2, (VERMILION, ORANGE))):
        by_camera = np.array([run.lost_by_camera[camera] for run in runs])
        by_logger = np.array([run.lost_by_logger[camera] for run in runs])
        exposed = np.array([run.frames[camera] for run in runs]) + by_camera + by_logger
        share = 100 / np.maximum(exposed, 1)
        axes.bar(
            numbers + shift,
            share * by_camera,
            _BAR,
            color=colors[0],
            label=f"camera {camera + 1}, by the camera: {by_camera.sum():,}",
        )
        axes.bar(
            numbers + shift,
            share * by_logger,
            _BAR,
            share * by_camera,
            color=colors[1],
            hatch="///",
            edgecolor=BLACK,
            linewidth=0,
            label=f"camera {camera + 1}, by the logger: {by_logger.sum():,}",
        )
    axes.set_xlim(numbers[0] - 0.8, numbers[-1] + 0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _label(axes, title, "run", "lost (% of the camera's frames in the run)")
    _put_legend_below(axes, 2)


def _titled(axes: Axes, title: str) -> Axes:
    axes.set_title(title, size=TITLE_SIZE)
    return axes


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    _titled(axes, title)
    axes.set_xlabel(x, size=TEXT_SIZE)
    axes.set_ylabel(y, size=TEXT_SIZE)
    axes.tick_params(labelsize=TEXT_SIZE)


def _put_legend_below(axes: Axes, columns: int) -> None:
    # Below the panel it hides nothing, however the points lie.
    axes.figure.legend(
        loc="outside lower center",
        ncols=columns,
        fontsize=TEXT_SIZE - 1,
        frameon=False,
        markerscale=1.6,
        columnspacing=1.2,
        handletextpad=0.5,
    )
