"""Pairing: which frame of one camera belongs to which frame of the other.

Both cameras are triggered together; their acquisition times differ by a static offset and by
jitter. The offset is estimated per run from the frames themselves, followed where it wanders, and
removed; a pair is then two frames that are each other's nearest within a tolerance. Mutual nearest
neighbors on a line never cross and never share a frame, so pairing is a partial matching that
keeps time order by construction, without a search.

Source of the tolerance: rows x 0.868 us (the readout of one row), x 2.5 in SLOW mode; of the
jitter: 7.2 us FAST, 172.8 us SLOW.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vampd.model.sync.partners.alignment import (
    CLEAR_STEP_PART_OF_PERIOD,
    end_shift,
    gap_positions,
    trusted_segments,
)
from vampd.model.sync.partners.local_offset import find_steps, running_median
from vampd.model.sync.partners.matching import (
    ENOUGH_PAIRS,
    Match,
    explained_matches,
    match_under_offset,
    mutual_nearest,
    odd_median,
    period_of_us,
    shortest_interval_us,
    spread_of_us,
)

Int64 = npt.NDArray[np.int64]
Both = tuple[Int64, Int64]  # one array per camera

_ROW_US = 0.868
_SLOW_FACTOR = 2.5
_SCATTER_US, _SLOW_SCATTER_US = 7.2, 172.8
# Under half the shortest frame interval: whatever is nearer belongs to no neighbor.
_LARGEST_PART_OF_INTERVAL = 0.45
# An offset so near half a period could be the neighbor's offset with the other sign.
_AMBIGUOUS_PART_OF_PERIOD = 0.4
# Offsets are tens to hundreds of us; one beyond this is no plausible explanation.
_LARGEST_OFFSET_US = 2000.0
_SPREADS = 8.0
_CLOSE_SLACK_US = 10.0
_PAUSE_PERIODS = 20.0
_ENDS = 2  # the frames that pairing off by one leaves unpaired in a run without losses
_FEW_STEPS = 6  # so few may all be longer than the period if frames are missing
_HALF_PERIOD = "the offset is too close to half a period"


@dataclass(frozen=True)
class Pairs:
    """Paired positions: ``first[i]`` in camera 1's frames belongs to ``second[i]`` in camera 2's.

    Both rise strictly. ``offsets_us`` is camera 2 minus camera 1 as it was around each pair,
    without its jitter. ``doubt`` says why frames that have a neighbor were not paired.
    """

    first: Int64
    second: Int64
    offsets_us: Int64
    tolerance_us: int = 0
    doubt: str | None = None

    @property
    def offset_us(self) -> int:
        """The run's offset: the median of its pairs', 0 without any."""
        return odd_median(self.offsets_us) if len(self.offsets_us) else 0

    def is_close(self, first_us: Int64, second_us: Int64) -> npt.NDArray[np.bool_]:
        """Per pair, whether it is as near to the offset as nearly all pairs of its run are."""
        residuals_us = np.abs(second_us[self.second] - first_us[self.first] - self.offsets_us)
        if not len(residuals_us):
            return np.zeros(0, dtype=bool)
        spread_us = spread_of_us(residuals_us)
        return np.asarray(residuals_us <= _SPREADS * spread_us + _CLOSE_SLACK_US)

    def without(self, refused: npt.NDArray[np.bool_], doubt: str | None = None) -> Pairs:
        """The pairs that are not refused; ``doubt`` says why others were."""
        kept = ~refused
        return replace(
            self,
            doubt=doubt or self.doubt,
            first=self.first[kept],
            second=self.second[kept],
            offsets_us=self.offsets_us[kept],
        )


_NONE = np.empty(0, dtype=np.int64)


def is_slow(detector_mode: str | None) -> bool:
    """Whether U_DETMOD says SLOW readout."""
    return detector_mode is not None and detector_mode.strip().lower() == "slow"


def arrival_scatter_us(detector_mode: str | None) -> float:
    """The documented width (us) of the arrivals' jitter."""
    return _SLOW_SCATTER_US if is_slow(detector_mode) else _SCATTER_US


def rows_tolerance_us(rows: int, detector_mode: str | None) -> float:
    """The documented tolerance for a window of this many rows; ``Slow`` widens it.

    Never less than two arrivals scatter, however small the window.
    """
    rows_us = rows * _ROW_US * (_SLOW_FACTOR if is_slow(detector_mode) else 1.0)
    return max(rows_us, 2 * arrival_scatter_us(detector_mode))


def pair_frames(
    first_us: Int64,
    second_us: Int64,
    tolerance_us: float,
    exposure_us: float = 0.0,
) -> Pairs:
    """Pair two cameras' strictly rising acquisition times (us) of one run.

    ``tolerance_us`` is the documented one; it is widened to the scatter that the run itself shows
    and never exceeds what keeps neighbors apart. ``exposure_us`` bounds the period from below
    if frames are too few to show it. After a pause of both cameras the offset may be
    another one: each stretch between pauses is paired by itself.
    """
    found = [
        (stretch, _pair_stretch(times, tolerance_us, exposure_us))
        for stretch, times in _split_at_pauses((first_us, second_us))
    ]
    doubts = dict.fromkeys(pairs.doubt for _, pairs in found if pairs.doubt)
    return Pairs(
        np.concatenate([_NONE, *(pairs.first + begin[0] for begin, pairs in found)]),
        np.concatenate([_NONE, *(pairs.second + begin[1] for begin, pairs in found)]),
        np.concatenate([_NONE, *(pairs.offsets_us for _, pairs in found)]),
        max((pairs.tolerance_us for _, pairs in found), default=0),
        "; ".join(doubts) or None,
    )


def _split_at_pauses(times_us: Both) -> Iterator[tuple[tuple[int, int], Both]]:
    """Stretches without a common pause: where each begins in both cameras, and its times."""
    starts_us = _ends_of_pauses_us(times_us)
    cuts = [np.searchsorted(t, starts_us).tolist() for t in times_us]
    for bounds in zip(
        zip([0, *cuts[0]], [*cuts[0], len(times_us[0])], strict=True),
        zip([0, *cuts[1]], [*cuts[1], len(times_us[1])], strict=True),
        strict=True,
    ):
        (begin_one, end_one), (begin_two, end_two) = bounds
        one, two = slice(begin_one, end_one), slice(begin_two, end_two)
        yield (begin_one, begin_two), (times_us[0][one], times_us[1][two])


def _ends_of_pauses_us(times_us: Both) -> Int64:
    """When both cameras resume after a common pause: many times the steps on either side of it."""
    far = np.array([np.inf])
    before_us = np.concatenate([x for t in times_us for x in (far[: len(t)], np.diff(t))])
    after_us = np.concatenate([x for t in times_us for x in (np.diff(t), far[: len(t)])])
    # Frames of the same microsecond count once, from either camera.
    merged_us, where = np.unique(np.concatenate(times_us), return_inverse=True)
    before = np.full(len(merged_us), np.inf)
    after = np.full(len(merged_us), np.inf)
    np.minimum.at(before, where, before_us)
    np.minimum.at(after, where, after_us)
    usual_us = np.minimum(before[:-1], after[1:])
    paused = np.diff(merged_us) > _PAUSE_PERIODS * usual_us
    return np.asarray(merged_us[1:][paused], dtype=np.int64)


def _pair_stretch(times_us: Both, tolerance_us: float, exposure_us: float) -> Pairs:
    first_us, second_us = times_us
    if not len(first_us) or not len(second_us):
        return _no_pairs()
    interval_us = shortest_interval_us(first_us, second_us)
    if len(first_us) + len(second_us) - 2 < _FEW_STEPS:
        # No period is shorter than the exposure; and the documented tolerance is safe as an offset.
        least_us = max(exposure_us, tolerance_us / _AMBIGUOUS_PART_OF_PERIOD)
        interval_us = min(interval_us, least_us)
    limit_us = _LARGEST_PART_OF_INTERVAL * interval_us
    nearest, there = mutual_nearest(first_us, second_us, 0)
    differences = second_us[there] - first_us[nearest]
    near = np.abs(differences) < interval_us / 2
    if not near.any():
        # Frames further apart than a period were taken one after the other.
        together = (np.abs(differences) < interval_us).any()
        return _no_pairs(_HALF_PERIOD if together else None)
    guess_us = odd_median(differences[near])
    explained = explained_matches(
        [
            match_under_offset(first_us, second_us, guess_us + round(shift_us), limit_us)
            for shift_us in (0.0, -interval_us, interval_us)
        ]
    )
    match = min(explained, key=lambda match: abs(match.offset_us))
    if not len(match.first):
        return _no_pairs(_HALF_PERIOD)
    # With the FLC, intervals alternate: only many pairs distinguish a long one from a short one.
    many = len(match.first) >= ENOUGH_PAIRS
    period_us = period_of_us(first_us, second_us) if many else interval_us
    if abs(match.offset_us) > _AMBIGUOUS_PART_OF_PERIOD * period_us:
        return _no_pairs(f"{_HALF_PERIOD} ({match.offset_us} us)")
    allowed_us = min(max(tolerance_us, _SPREADS * match.spread_us), limit_us)
    pairs = _follow_offset(match, tolerance_us, allowed_us, limit_us)
    unique = len(explained) == 1
    if unique or not len(pairs.first):
        return pairs
    return _refuse_shifted(pairs, (first_us, second_us), period_us)


def _no_pairs(doubt: str | None = None) -> Pairs:
    return Pairs(_NONE, _NONE, _NONE, 0, doubt)


def _follow_offset(match: Match, tolerance_us: float, allowed_us: float, limit_us: float) -> Pairs:
    """The match's pairs within tolerance of the offset, which may wander through the run."""
    offsets_us = np.full(len(match.first), match.offset_us, dtype=np.int64)
    residuals_us = match.residuals_us
    if len(residuals_us) >= ENOUGH_PAIRS:
        wandering_us = running_median(residuals_us)
        offsets_us += wandering_us
        residuals_us = residuals_us - wandering_us
        spread_us = spread_of_us(residuals_us)
        allowed_us = min(max(tolerance_us, _SPREADS * spread_us), limit_us)
    kept = np.abs(residuals_us) <= allowed_us
    return Pairs(match.first[kept], match.second[kept], offsets_us[kept], int(allowed_us))


def _refuse_shifted(pairs: Pairs, times_us: Both, period_us: float) -> Pairs:
    """Without the pairs that could be off by one frame, judging by the run's ends and gaps."""
    offsets_us = pairs.offsets_us
    first_us, second_us = times_us
    begin = end_shift(float(second_us[0] - first_us[0]), float(offsets_us[0]), period_us)
    final = end_shift(float(second_us[-1] - first_us[-1]), float(offsets_us[-1]), period_us)
    alone = len(first_us) + len(second_us) - 2 * len(pairs.first)
    if begin is not None and begin == final and abs(begin) == 1 and alone == _ENDS:
        # If frames are missing elsewhere too, the ends prove nothing.
        other_us = round(offsets_us[0] + begin * period_us)
        if abs(other_us) <= _LARGEST_OFFSET_US:
            return _no_pairs(
                f"the offset could be {other_us} us as well as {offsets_us[0]} us: both cameras'"
                " first and last frames would fit that"
            )
    bounds = _segments(pairs, times_us, period_us)
    kept = np.zeros(len(pairs.first), dtype=bool)
    for (start, stop), trusted in zip(bounds, trusted_segments(bounds, begin, final), strict=True):
        kept[start:stop] = trusted
    kept &= np.abs(offsets_us) <= _AMBIGUOUS_PART_OF_PERIOD * period_us
    if kept.all():
        return pairs
    doubt = f"the offset jumps, and {np.count_nonzero(~kept)} pairs could be off by one frame"
    return replace(pairs.without(~kept), doubt=doubt)


def _segments(pairs: Pairs, times_us: Both, period_us: float) -> list[tuple[int, int]]:
    """Begin and end of the stretches of pairs between jumps of the offset.

    A step that is a clear part of the period is a jump; if frames are missing, so is any step
    that exceeds the jitter, because a clock may have jumped there by about a period.
    """
    residuals_us = times_us[1][pairs.second] - times_us[0][pairs.first] - pairs.offsets_us
    spread_us = spread_of_us(residuals_us)
    steps = find_steps(pairs.offsets_us, CLEAR_STEP_PART_OF_PERIOD * period_us)
    # Medians of many pairs scatter much less than pairs do.
    small = find_steps(pairs.offsets_us, _SPREADS / 2 * spread_us + _CLOSE_SLACK_US / 2)
    for paired, times in zip((pairs.first, pairs.second), times_us, strict=True):
        # The edge of a running median may be a pair or two beside the gap.
        behind = np.searchsorted(paired, gap_positions(times, period_us))
        steps = np.union1d(steps, small[np.isin(small, behind[:, None] + np.arange(-2, 3))])
    edges = [0, *steps.tolist(), len(pairs.first)]
    return list(itertools.pairwise(edges))
