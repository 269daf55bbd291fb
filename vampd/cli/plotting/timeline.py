"""The upper panel of a night's plot: its frames over time, a lane for each camera and kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vampd.cli.plotting.style import GRAY, TEXT_SIZE, TITLE_SIZE, draw_nothing, style_of
from vampd.model.accounts import FrameKind, NightFrames

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vampd.model.accounts import RunSummary, Summary

Float64 = npt.NDArray[np.float64]
Lane = tuple[int, FrameKind]

_UT, _HST = timezone(timedelta(0), "UT"), timezone(timedelta(hours=-10), "HST")
_BINS = (100, 500)  # at least, at most
_EXPOSURES_PER_BIN = 4  # fewer would look like a comb
_TALLEST, _LEAST = 0.84, 0.12  # of the distance between two lanes
_SHORTEST_SPAN_S = 5.0
_RUN_BOX, _RUN_LABEL, _TOP = 0.1, 0.55, 0.9  # above the lanes; a box is as tall as its base is high
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_STEPS_S = (
    *(1, 2, 5, 10, 20, 30),
    *(minutes * _MINUTE_S for minutes in (1, 2, 5, 10, 20, 30)),
    *(hours * _HOUR_S for hours in (1, 2, 4, 12)),
    *(days * _DAY_S for days in (1, 2, 7, 30, 365)),
)
_MOST_TICKS = 12
_LABEL_PART = 0.02  # of the width, which a run's number needs


def draw_timeline(axes: Axes, frames: NightFrames, summary: Summary) -> None:
    """Draw the frames over time, with the runs above them."""
    axes.set_title(
        "Frames over time: height is the root of their number, by lane; right: their sum",
        size=TITLE_SIZE,
    )
    lanes = [
        (camera, kind)
        for camera in (1, 2)
        for kind in FrameKind
        if summary.frames(kind, camera=camera)
    ]
    times = _lane_times(frames)
    if not times:
        draw_nothing(axes, "no frame has a known time")
        return
    begin_s, end_s = _span(times)
    edges = np.linspace(begin_s, end_s, _bins(frames, end_s - begin_s) + 1)
    bottoms = {lane: len(lanes) - 1 - place for place, lane in enumerate(lanes)}
    for (camera, kind), bottom in bottoms.items():
        times_s, weights = times.get((camera, kind), (np.empty(0), np.empty(0)))
        _draw_lane(axes, np.histogram(times_s, edges, weights=weights)[0], edges, bottom, kind)
        axes.text(
            1.005,
            bottom + _TALLEST / 2,
            f"{summary.frames(kind, camera=camera):,}",
            transform=axes.get_yaxis_transform(),
            verticalalignment="center",
            size=TEXT_SIZE,
        )
    names = [f"camera {camera}: {style_of(kind).name}" for camera, kind in lanes]
    places = [bottom + _TALLEST / 2 for bottom in bottoms.values()]
    strip = len(lanes) + _RUN_LABEL
    axes.set_yticks([*places, strip], [*names, "run"], size=TEXT_SIZE)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(-0.1, len(lanes) + _TOP)
    axes.set_xlim(begin_s, end_s)
    seconds = [bottom for (camera, _), bottom in bottoms.items() if camera == 2]
    if seconds and len(seconds) < len(lanes):
        axes.axhline(max(seconds) + 0.92, color=GRAY, linewidth=0.8)
    _draw_runs(axes, summary.runs, len(lanes), end_s - begin_s)
    _label_times(axes, begin_s, end_s)


def _draw_lane(axes: Axes, counts: Float64, edges: Float64, bottom: float, kind: FrameKind) -> None:
    # The root lets a single frame show beside thousands.
    tall = np.sqrt(counts / max(1.0, float(counts.max(initial=0.0)))) * _TALLEST
    tall = np.where(counts > 0, np.maximum(tall, _LEAST), 0.0)
    axes.stairs(bottom + tall, edges, baseline=bottom, fill=True, color=style_of(kind).color)


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


def _span(times: Mapping[Lane, tuple[Float64, Float64]]) -> tuple[float, float]:
    """The span of the panel (unix s)."""
    times_s = np.concatenate([own_s for own_s, _ in times.values()])
    first, last = float(times_s.min()), float(times_s.max())
    margin = max(0.01 * (last - first), (_SHORTEST_SPAN_S - (last - first)) / 2)
    return first - margin, last + margin


def _bins(frames: NightFrames, span_s: float) -> int:
    exposures_us = [c.exposure_us for c in frames.configurations] or [0]
    shortest_s = _EXPOSURES_PER_BIN * float(np.median(exposures_us)) / 1e6
    return int(np.clip(span_s / max(shortest_s, 1e-6), *_BINS))


def _draw_runs(axes: Axes, runs: Sequence[RunSummary], bottom: float, span_s: float) -> None:
    """Boxes with the runs' numbers, where there is room for them."""
    free_from_s = -np.inf
    for group in _overlapping(runs):
        first_s = group[0].first_us / 1e6
        width_s = max(max(run.last_us for run in group) / 1e6 - first_s, span_s / _BINS[1])
        axes.broken_barh([(first_s, width_s)], (bottom + _RUN_BOX, _RUN_BOX), color=GRAY)
        label = str(group[0].number)
        if len(group) > 1:
            label += f"{',' if len(group) == 2 else '-'}{group[-1].number}"
        middle_s = first_s + width_s / 2
        half_s = _LABEL_PART * span_s * max(1, len(label) / 2) / 2
        if middle_s - half_s >= free_from_s:
            free_from_s = middle_s + half_s
            axes.text(
                middle_s,
                bottom + _RUN_LABEL,
                label,
                horizontalalignment="center",
                verticalalignment="center_baseline",
                size=TEXT_SIZE,
            )


def _overlapping(runs: Sequence[RunSummary]) -> list[list[RunSummary]]:
    """Runs that share time together: free-running cameras have runs of their own."""
    groups: list[list[RunSummary]] = []
    last_us = 0
    for run in runs:
        if groups and run.first_us <= last_us:
            groups[-1].append(run)
        else:
            groups.append([run])
            last_us = 0
        last_us = max(last_us, run.last_us)
    return groups


def _label_times(axes: Axes, begin_s: float, end_s: float) -> None:
    """The same ticks below in UT and above in HST."""
    step_s = next((s for s in _STEPS_S if (end_s - begin_s) / s <= _MOST_TICKS), _STEPS_S[-1])
    ticks_s = np.arange(np.ceil(begin_s / step_s), np.floor(end_s / step_s) + 1) * step_s
    form, unit = ("%H:%M:%S", "h:min:s") if step_s < _MINUTE_S else ("%H:%M", "h:min")
    if end_s - begin_s > _DAY_S:
        form, unit = "%m-%d %H:%M", "month-day h:min"
    top = axes.secondary_xaxis("top", functions=(lambda time_s: time_s, lambda time_s: time_s))
    for axis, zone in ((axes.xaxis, _UT), (top.xaxis, _HST)):
        axis.set_ticks(
            ticks_s, [datetime.fromtimestamp(tick, zone).strftime(form) for tick in ticks_s]
        )
        date = datetime.fromtimestamp(begin_s, zone).strftime("%Y-%m-%d")
        axis.set_label_text(f"{zone.tzname(None)} ({unit}), from {date} on", size=TEXT_SIZE)
        axis.set_tick_params(labelsize=TEXT_SIZE)
