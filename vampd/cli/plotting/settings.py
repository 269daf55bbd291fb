"""What each run is: its object, filter, exposure time and angle, in as few lines as possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from vampd.model.accounts import NightFrames, format_numbers, split_by_run, tell_chances

if TYPE_CHECKING:
    from vampd.model.accounts import RunSummary

Int64 = npt.NDArray[np.int64]
AngleSpan = tuple[int, int, int]  # run, first and last time (unix us)
HEADS = ("run", "object", "filter", "exposure", "plate (°)", "error", "")
_OPEN = "Open"
_MOST_ANGLES = 4
_TYPE, _OBJECT_TYPE = "DATA-TYP", "OBJECT"


def angle_spans(frames: NightFrames, numbers: Int64) -> Mapping[float, Sequence[AngleSpan]]:
    """When the half-wave plate stood at each angle (degrees), as the products go by it."""
    angles = np.array([_degrees(origin.angle) for origin in frames.origins])
    spans: dict[float, list[AngleSpan]] = {}
    for number, run in split_by_run(numbers):
        angle = angles[frames.origin[run]]
        for each in np.unique(angle[np.isfinite(angle)]).tolist():
            time_us = frames.time_us[run[angle == each]]
            spans.setdefault(each, []).append((number, int(time_us.min()), int(time_us.max())))
    return spans


def list_settings(
    runs: Sequence[RunSummary], spans: Mapping[float, Sequence[AngleSpan]]
) -> list[tuple[str, ...]]:
    """Rows of runs with equal settings but for the angle, one after another, under HEADS."""
    stood: dict[int, list[tuple[int, float]]] = {}
    for angle, own in spans.items():
        for number, first_us, _ in own:
            stood.setdefault(number, []).append((first_us, angle))
    rows: list[tuple[str, ...]] = []
    for setting, group in groupby(runs, key=_setting_of):
        alike = list(group)
        numbers = [run.number for run in alike]
        turned = (angle for number in numbers for _, angle in sorted(stood.get(number, [])))
        shown = format_numbers(numbers).split(" ", 1)[1]
        angles = _list(list(dict.fromkeys(turned)))
        rows.append((shown, *setting[:3], angles, tell_chances(alike), setting[3]))
    return rows


def _setting_of(run: RunSummary) -> tuple[str, str, str, str]:
    """Object, filter, exposure time and what is unusual."""
    cards = dict(run.others)
    filters = [v for k in ("FILTER01", "FILTER02") for v in cards.get(k, ()) if v]
    types = [v for v in cards.get(_TYPE, ()) if v and v != _OBJECT_TYPE]
    # Short: their column is the narrowest of seven.
    alone = "" if len(run.cameras) == 2 else f"cam {run.cameras[0]}"
    remarks = (*types, (alone and f"{alone} only") if run.triggered else f"free {alone}")
    return (
        " + ".join(target or "(no OBJECT)" for target in run.targets),
        " + ".join([v for v in filters if v != _OPEN] or filters[:1]),
        _list_exposures(run.exposures_us),
        ", ".join(remark for remark in remarks if remark),
    )


def _list_exposures(exposures_us: Sequence[int]) -> str:
    """Exposure times for people, a unit that they share said once."""
    shown = [format_exposure(exposure_us).split() for exposure_us in exposures_us]
    if len({unit for _, unit in shown}) == 1:
        return f"{'+'.join(number for number, _ in shown)} {shown[0][1]}"
    return " + ".join(" ".join(each) for each in shown)


def format_exposure(exposure_us: int) -> str:
    """An exposure time for people."""
    return f"{exposure_us / 1e6:g} s" if exposure_us >= 1_000_000 else f"{exposure_us / 1e3:g} ms"


def _list(angles: Sequence[float]) -> str:
    shown = " ".join(f"{angle:g}" for angle in angles[:_MOST_ANGLES])
    return f"{shown} …" if len(angles) > _MOST_ANGLES else shown


def _degrees(text: str) -> float:
    try:
        return round(float(text), 2)
    except ValueError:
        return np.nan
