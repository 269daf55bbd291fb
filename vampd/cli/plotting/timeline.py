"""The upper panel of a night's plot: its frames over time, a lane for each camera and kind.

Above the lanes are the runs, pauses of the trigger and steps of the clock, below them the angle of
the half-wave plate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator

from vampd.cli.plotting.canvas import Box, Canvas, text_width
from vampd.cli.plotting.style import TEXT_SIZE, meaning_of, name_of
from vampd.model.accounts import FrameKind, NightFrames, find_clock_steps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vampd.cli.plotting.settings import AngleSpan
    from vampd.model.accounts import RunSummary, Summary

Float64 = npt.NDArray[np.float64]
Lane = tuple[int, FrameKind]
Span = tuple[float, float]

_UT, _HST = timezone(timedelta(0), "UT"), timezone(timedelta(hours=-10), "HST")
_BINS = (100, 500)  # at least, at most
_EXPOSURES_PER_BIN = 4  # fewer would look like a comb
_TALLEST, _LEAST = 0.84, 0.12  # of the distance between two lanes
_SHORTEST_SPAN_S = 5.0
_RUN_BOX, _RUN_LABEL = 0.12, 0.62  # above the lanes; a box is as tall as its base is high
_STRIP = 1.0  # of a lane: the runs, and the steps of the clock
_PLATE, _PLATE_GAP, _FEWEST_ANGLES, _MOST_ANGLES = 62, 8, 2, 4
_TALLEST_LANE = 42  # pixels
_TICKS = 50  # pixels below and above, for times
_LEFT, _RIGHT = 200, 90  # pixels for the lanes' names and sums
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_STEPS_S = (
    *(1, 2, 5, 10, 20, 30),
    *(minutes * _MINUTE_S for minutes in (1, 2, 5, 10, 20, 30)),
    *(hours * _HOUR_S for hours in (1, 2, 4, 12)),
    *(days * _DAY_S for days in (1, 2, 7, 30, 365)),
)
_MOST_TICKS = 12


def draw_timeline(
    canvas: Canvas,
    box: Box,
    frames: NightFrames,
    summary: Summary,
    spans: Mapping[float, Sequence[AngleSpan]],
) -> float:
    """Draw the frames over time from the top of a box; returns where the drawing ends (pixels).

    Nothing is drawn if no frame has a known time. ``spans`` are the half-wave plate's.
    """
    times = _lane_times(frames)
    if not times:
        return box.top
    lanes = [
        (camera, kind)
        for camera in (1, 2)
        for kind in FrameKind
        if summary.frames(kind, camera=camera)
    ]
    span = begin_s, end_s = _span(times)
    steps = [(s.after_us / 1e6, (s.before_us - s.after_us) / 1e6) for s in find_clock_steps(frames)]
    strips = _STRIP * (1 + bool(steps))
    turning = len(spans) >= _FEWEST_ANGLES
    below = _TICKS + (_PLATE + _PLATE_GAP if turning else 0)
    tall = min(box.height - _TICKS - below, _TALLEST_LANE * (len(lanes) + strips))
    inner = Box(box.left + _LEFT, box.top - _TICKS - tall, box.width - _LEFT - _RIGHT, tall)
    axes = canvas.add_axes(inner)
    edges = np.linspace(begin_s, end_s, _bins(frames, end_s - begin_s) + 1)
    bottoms = {lane: len(lanes) - 1 - place for place, lane in enumerate(lanes)}
    for (camera, kind), bottom in bottoms.items():
        times_s, weights = times.get((camera, kind), (np.empty(0), np.empty(0)))
        _draw_lane(
            canvas, axes, np.histogram(times_s, edges, weights=weights)[0], edges, bottom, kind
        )
        axes.text(
            1.005,
            bottom + _TALLEST / 2,
            f"{summary.frames(kind, camera=camera):,}",
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            size=TEXT_SIZE,
        )
    names = [f"camera {camera}: {name_of(kind)}" for camera, kind in lanes]
    places = [bottom + _TALLEST / 2 for bottom in bottoms.values()]
    if summary.runs:
        paused = any(run.pauses for run in summary.runs)
        names.append("run (▾ trigger paused)" if paused else "run")
        places.append(len(lanes) + _RUN_LABEL)
    if steps:
        names.append("clock set back")
        places.append(len(lanes) + _STRIP + _RUN_LABEL)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.1, len(lanes) + strips)
    axes.set_xlim(begin_s, end_s)
    seconds = [bottom for (camera, _), bottom in bottoms.items() if camera == 2]
    if seconds and len(seconds) < len(lanes):
        axes.axhline(max(seconds) + 0.92, color=canvas.theme.ink, linewidth=0.8)
    second_px = inner.width / (end_s - begin_s)
    _draw_runs(canvas, axes, summary.runs, len(lanes), second_px)
    _draw_steps(canvas, axes, steps, len(lanes) + _STRIP, second_px)
    ticks = [axes]
    if turning:
        axes.set_xticks([])
        plate = inner._replace(bottom=inner.bottom - _PLATE_GAP - _PLATE, height=_PLATE)
        ticks = [_draw_plate(canvas, plate, spans, span)]
    above = canvas.add_axes(inner, frameon=False)
    above.set_yticks([])
    above.xaxis.tick_top()
    above.xaxis.set_label_position("top")
    above.set_xlim(begin_s, end_s)
    _label_times(ticks[0], _UT, span)
    _label_times(above, _HST, span)
    return inner.bottom - below


def _draw_lane(
    canvas: Canvas, axes: Axes, counts: Float64, edges: Float64, bottom: float, kind: FrameKind
) -> None:
    # The root lets a single frame show beside thousands.
    tall = np.sqrt(counts / max(1.0, float(counts.max(initial=0.0)))) * _TALLEST
    tall = np.where(counts > 0, np.maximum(tall, _LEAST), 0.0)
    color = canvas.theme.color(meaning_of(kind))
    axes.stairs(bottom + tall, edges, baseline=bottom, fill=True, color=color)


def _lane_times(frames: NightFrames) -> Mapping[Lane, tuple[Float64, Float64]]:
    """For each lane unix times (s), and how many frames each of them represents."""
    by_lane: dict[Lane, list[tuple[Float64, Float64]]] = defaultdict(list)
    kinds = list(FrameKind)
    kind = np.array([kinds.index(origin.kind) for origin in frames.origins], np.int64)
    if len(frames):
        codes = 2 * kind[frames.origin] + frames.camera - 1
        for code in np.unique(codes).tolist():
            times_s = frames.time_us[codes == code] / 1e6
            by_lane[code % 2 + 1, kinds[code // 2]].append((times_s, np.ones(len(times_s))))
    for counted in frames.counted:
        if counted.time_us is not None:
            by_lane[counted.camera, counted.kind].append(
                (np.array([counted.time_us / 1e6]), np.array([float(counted.frames)]))
            )
    return {
        lane: (np.concatenate([t for t, _ in parts]), np.concatenate([w for _, w in parts]))
        for lane, parts in by_lane.items()
    }


def _span(times: Mapping[Lane, tuple[Float64, Float64]]) -> Span:
    """The span of the panel (unix s)."""
    times_s = np.concatenate([own_s for own_s, _ in times.values()])
    first, last = float(times_s.min()), float(times_s.max())
    margin = max(0.01 * (last - first), (_SHORTEST_SPAN_S - (last - first)) / 2)
    return first - margin, last + margin


def _bins(frames: NightFrames, span_s: float) -> int:
    exposures_us = [c.exposure_us for c in frames.configurations] or [0]
    shortest_s = _EXPOSURES_PER_BIN * float(np.median(exposures_us)) / 1e6
    return int(np.clip(span_s / max(shortest_s, 1e-6), *_BINS))


def _draw_runs(
    canvas: Canvas, axes: Axes, runs: Sequence[RunSummary], bottom: float, second_px: float
) -> None:
    """Boxes with the runs' numbers, where there is room for them, and marks of trigger pauses."""
    ink = canvas.theme.ink
    labels = []
    for group in _overlapping(runs):
        first_s = group[0].first_us / 1e6
        width_s = max(max(run.last_us for run in group) / 1e6 - first_s, 2 / second_px)
        axes.broken_barh([(first_s, width_s)], (bottom + _RUN_BOX, _RUN_BOX), color=ink)
        numbers = sorted(run.number for run in group)
        text = str(numbers[0])
        if len(group) > 1:
            text += f"{',' if len(group) == 2 else '-'}{numbers[-1]}"
        labels.append((first_s + width_s / 2, text))
    _write_apart(axes, labels, bottom + _RUN_LABEL, second_px)
    paused_s = np.array([time_us / 1e6 for run in runs for time_us in run.paused_us])
    if len(paused_s):
        heights = np.full(len(paused_s), bottom + 1.5 * _RUN_BOX)
        axes.scatter(paused_s, heights, s=26, marker="v", color=canvas.theme.ground, edgecolors=ink)


def _draw_steps(
    canvas: Canvas, axes: Axes, steps: Sequence[Span], bottom: float, second_px: float
) -> None:
    """A line at each step of the clock, and by how much it went back at least."""
    times_s = [time_s for time_s, _ in steps]
    end = bottom + _RUN_BOX
    axes.vlines(times_s, -0.1, end, color=canvas.theme.ink, linewidth=1.0, linestyles="--")
    labels = [(time_s, f"at least {back_s:.3g} s") for time_s, back_s in sorted(steps)]
    _write_apart(axes, labels, bottom + _RUN_LABEL, second_px)


def _write_apart(
    axes: Axes, labels: Sequence[tuple[float, str]], middle: float, second_px: float
) -> None:
    """Centered texts from left to right, without those for which there is no room."""
    low_s, high_s = axes.get_xlim()
    free_from_s = low_s
    for time_s, text in labels:
        half_s = text_width(f"{text} ") / second_px / 2
        centered_s = min(max(time_s, low_s + half_s), high_s - half_s)
        if centered_s - half_s < free_from_s:
            continue
        free_from_s = centered_s + half_s
        axes.text(
            centered_s,
            middle,
            text,
            horizontalalignment="center",
            verticalalignment="center_baseline",
            size=TEXT_SIZE,
        )


def _overlapping(runs: Sequence[RunSummary]) -> list[list[RunSummary]]:
    """Runs that share times together: free-running cameras have runs of their own."""
    groups: list[list[RunSummary]] = []
    last_us = 0
    for run in sorted(runs, key=lambda run: run.first_us):
        if groups and run.first_us <= last_us:
            groups[-1].append(run)
        else:
            groups.append([run])
            last_us = 0
        last_us = max(last_us, run.last_us)
    return groups


def _draw_plate(
    canvas: Canvas, box: Box, spans: Mapping[float, Sequence[AngleSpan]], span: Span
) -> Axes:
    """When the half-wave plate stood at which angle."""
    axes = canvas.add_axes(box)
    angles = sorted(spans)
    # A few positions are lines of their own, however near their angles are.
    places = {
        angle: float(n) if len(angles) <= _MOST_ANGLES else angle for n, angle in enumerate(angles)
    }
    shortest_s = (span[1] - span[0]) / _BINS[1]
    begins, ends, heights = [], [], []
    for angle, own in spans.items():
        for _, first_us, last_us in own:
            begins.append(first_us / 1e6)
            ends.append(max(last_us / 1e6, first_us / 1e6 + shortest_s))
            heights.append(places[angle])
    axes.hlines(heights, begins, ends, color=canvas.theme.ink, linewidth=3)
    if len(angles) <= _MOST_ANGLES:
        axes.set_yticks(list(places.values()), [f"{angle:g}°" for angle in angles])
        axes.set_ylim(-0.6, len(angles) - 0.4)
    else:
        axes.margins(y=0.15)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_formatter(lambda angle, _: f"{angle:g}°")
    axes.set_ylabel(
        "half-wave plate",
        size=TEXT_SIZE,
        rotation=0,
        horizontalalignment="right",
        verticalalignment="center",
    )
    axes.set_xlim(*span)
    return axes


def _label_times(axes: Axes, zone: timezone, span: Span) -> None:
    """The same ticks in every zone."""
    begin_s, end_s = span
    step_s = next((s for s in _STEPS_S if (end_s - begin_s) / s <= _MOST_TICKS), _STEPS_S[-1])
    ticks_s = np.arange(np.ceil(begin_s / step_s), np.floor(end_s / step_s) + 1) * step_s
    form, unit = ("%H:%M:%S", "h:min:s") if step_s < _MINUTE_S else ("%H:%M", "h:min")
    if end_s - begin_s > _DAY_S:
        form, unit = "%m-%d %H:%M", "month-day h:min"
    axes.set_xticks(
        ticks_s, [datetime.fromtimestamp(tick, zone).strftime(form) for tick in ticks_s]
    )
    date = datetime.fromtimestamp(begin_s, zone).strftime("%Y-%m-%d")
    axes.set_xlabel(f"{zone.tzname(None)} ({unit}), from {date} on", size=TEXT_SIZE)
