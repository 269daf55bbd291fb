"""The settings of the trigger within a run: T and J as measured, and where they changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger import Measured

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
_LASTING = 16  # frames; fewer, at the edge of a change, may show neither setting
_PERIOD_PART = 0.02  # of T: a drift moves it by less
_HALF_WIDTH_PART = 0.2  # of J


@dataclass(frozen=True)
class TriggerSetting:
    """T and J (us) from the ``begin``-th frame of a camera on; J is 0 if nothing alternates."""

    begin: int
    period_us: int
    half_width_us: int


def find_settings(measured: Measured, scatter_us: float) -> tuple[TriggerSetting, ...]:
    """The settings of one camera's frames in order of taking, none if no interval shows T.

    A change lasts for 16 frames, and is clearer than the documented ``scatter_us`` of arrivals.
    """
    known = np.flatnonzero(measured.period_us > 0)
    values_us = np.stack([measured.period_us, measured.half_width_us], axis=1)[known]
    if not len(known):
        return ()
    begins = [0, *_find_changes(values_us, scatter_us)]
    return tuple(
        TriggerSetting(
            int(known[begin]), *np.median(values_us[begin:end], axis=0).astype(int).tolist()
        )
        for begin, end in zip(begins, [*begins[1:], len(known)], strict=True)
    )


def tempo_between(
    settings: tuple[TriggerSetting, ...], changed_us: Sequence[int], times_us: Int64
) -> tuple[Float64, Float64]:
    """T and J between these frames of either camera, in order; at a change, the longer T."""
    period_us, half_width_us = (
        np.array([getattr(setting, name) for setting in settings], dtype=np.float64)
        for name in ("period_us", "half_width_us")
    )
    edge_us = _LASTING * int(period_us.max())
    before, after = (
        np.searchsorted(changed_us, ends_us, side="right")
        for ends_us in (times_us[:-1] - edge_us, times_us[1:] + edge_us)
    )
    chosen = np.where(period_us[before] > period_us[after], before, after)
    return period_us[chosen], half_width_us[chosen]


def _find_changes(values_us: Int64, scatter_us: float) -> list[int]:
    """Where (T, J) leave what they were before, for as long as a change lasts."""

    def near(reference_us: Int64) -> tuple[list[float], list[float]]:
        slack_us = scatter_us + reference_us * (_PERIOD_PART, _HALF_WIDTH_PART)
        return (reference_us - slack_us).tolist(), (reference_us + slack_us).tolist()

    low, high = near(np.median(values_us, axis=0))
    if ((low <= values_us) & (values_us <= high)).all():
        return []
    low, high = near(np.median(values_us[:_LASTING], axis=0))
    begins, away = [], 0
    for place, (period_us, half_width_us) in enumerate(values_us.tolist()):
        is_near = low[0] <= period_us <= high[0] and low[1] <= half_width_us <= high[1]
        away = 0 if is_near else away + 1
        if away == _LASTING:
            begins.append(place + 1 - _LASTING)
            low, high = near(values_us[place])
            away = 0
    return begins
