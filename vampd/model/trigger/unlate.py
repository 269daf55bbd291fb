"""Lateness taken out: a stamp is never early, so that what follows tells the latest it can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Counted
from vampd.model.trigger.stretches import begins_of
from vampd.model.trigger.tempo import Tempo, at_frames
from vampd.model.trigger.weights import MISS_SAVED, TELLING_SCATTERS, WHOLE_PERIODS

Int64 = npt.NDArray[np.int64]

_EXACT_TRIGGERS = 16
_APART_US = 10**10
_UNLIKE_EIGHTHS = 9  # of a T that is another one
_STILL_SCATTERS = 3
_SINGLE_SCATTERS = 4
_AROUND = 16  # intervals, before and after one, that tell how many triggers are missed there
_DOUBLINGS = 6  # 64 frames: more than wait in any burst


def late_by(counted: Counted, tempo: Tempo, exposure_us: Int64) -> tuple[Int64, Int64]:
    """How much later each frame was stamped than the next 64 of its stretch and T allow; (frames,).

    Also, than the 64 before it allow: it may have been late by as much. Of intervals that
    alternate, up to J of it is no lateness.
    """
    times_us = counted.times_us
    if len(times_us) < 2:
        return np.zeros_like(times_us), np.zeros_like(times_us)
    steps_us = np.diff(times_us)
    timed = (steps_us + tempo.period_us // 2) // np.maximum(tempo.period_us, 1)
    # A counter may count too much, and over many triggers T is not exact enough. Of frames that
    # waited for each other, the time tells nothing.
    due = np.diff(counted.count)
    due = np.where(has_waited(counted, tempo), due, np.minimum(due, np.maximum(timed, 1)))
    own = _is_own(tempo.period_us)
    exact = (tempo.period_us > 0) & (due <= _EXACT_TRIGGERS) & own
    due_us = np.where(exact, tempo.period_us * due, steps_us)
    behind_us = np.concatenate([[0], np.cumsum(steps_us - due_us)])
    # No frame of another stretch is earlier.
    begins = begins_of(times_us, exposure_us)[1:]
    since_us, until_us = (
        behind_us + _APART_US * np.concatenate([[0], np.cumsum(parted)])
        for parted in (begins, begins | ~own)
    )
    ahead_us = np.asarray(_least_of_next(since_us[::-1])[::-1])
    return until_us - _least_of_next(until_us), since_us - ahead_us


def has_waited(counted: Counted, tempo: Tempo) -> npt.NDArray[np.bool_]:
    """Whether each interval is shorter than any between triggers: its frame waited."""
    # Of one trigger, however many were counted: a counter may count too much.
    shortest_us = np.maximum(tempo.period_us - tempo.half_width_us, 0)
    return np.asarray(5 * np.diff(counted.times_us) < 3 * shortest_us)


def _is_own(period_us: Int64) -> npt.NDArray[np.bool_]:
    """Whether T is the same before, in and after each interval: across a change it is neither."""
    longest, shortest = period_us.copy(), period_us.copy()
    for own, beside in ((slice(1, None), slice(-1)), (slice(-1), slice(1, None))):
        longest[own] = np.maximum(longest[own], period_us[beside])
        shortest[own] = np.minimum(shortest[own], period_us[beside])
    return np.asarray(8 * longest <= _UNLIKE_EIGHTHS * shortest)


def _least_of_next(values: Int64) -> Int64:
    least = values.copy()
    for doubling in range(_DOUBLINGS):
        ahead = 1 << doubling
        least[:-ahead] = np.minimum(least[:-ahead], least[ahead:])
    return least


def unlate(times_us: Int64, late_us: Int64, tempo: Tempo) -> Int64:
    """When each frame came at the latest, where it was late for longer than half of T."""
    period_us = at_frames(tempo.period_us)[: len(times_us)]
    half_us = at_frames(tempo.half_width_us)[: len(times_us)]
    late = (late_us > half_us + period_us // 2) & (period_us > 0)
    came_us = np.where(late, times_us - late_us, times_us)
    # Nor did any frame before it come later.
    return np.asarray(np.minimum.accumulate(came_us[::-1])[::-1])


def missed_by_count(
    own: Counted, own_us: Int64, other: Counted, other_us: Int64, tempo: Tempo
) -> tuple[Int64, Int64]:
    """How many triggers the camera missed without a trace in each of its intervals.

    As many as the other camera counted more, where the interval is as much longer: a trigger that
    stood still stood for both. Also, how many more by time there: the other camera may have missed
    some too. ``own_us`` and ``other_us`` are the times without lateness.
    """
    rises = np.diff(own.count)
    if not len(other_us) or not len(rises):
        return np.zeros_like(rises), np.zeros_like(rises)
    period_us = np.maximum(tempo.period_us, 1)
    # Between two triggers, however short the interval after a driven exposure is.
    shortest_us = np.maximum(tempo.period_us - tempo.half_width_us, tempo.period_us // 4)
    ends_us = own_us + np.concatenate([shortest_us[:1], shortest_us]) // 2
    last = np.searchsorted(other_us, ends_us, side="right") - 1
    # While the other camera had no frame, its count is not known: it is as far ahead as before.
    told = np.maximum.accumulate(np.where(np.diff(last, prepend=-1) > 0, np.arange(len(last)), -1))
    ahead = other.count[last.clip(0)][told.clip(0)] - own.count[told.clip(0)]
    more = np.where(told[:-1] < 0, 0, np.diff(ahead))
    least_us = np.diff(own_us) - np.minimum(tempo.half_width_us, period_us)
    timed = (least_us + period_us // 2) // period_us - rises
    missed = (tempo.period_us > 0) & (more > 0) & (timed > 0)
    return np.where(missed, np.minimum(more, timed), 0), np.where(missed, timed, 0)


def missed_alone(own: Int64, own_stretch: Int64, other: Int64, other_stretch: Int64) -> Int64:
    """How many triggers the camera missed in each interval because only the other one took part.

    ``own`` and ``other`` are counts: it is what the other one counted more over stretches in which
    the camera has no frame, if it counted as many in these.
    """
    if not len(other) or len(own) < 2:
        return np.zeros(max(len(own) - 1, 0), dtype=np.int64)
    before = np.searchsorted(other_stretch, own_stretch[:-1], side="right") - 1
    after = np.searchsorted(other_stretch, own_stretch[1:])
    between = (before >= 0) & (after < len(other)) & (after - before > 1)
    before, after = before.clip(0, len(other) - 2), after.clip(1, len(other) - 1)
    more = other[after] - other[before] - np.diff(own)
    alone = other[after - 1] - other[before + 1] + 1
    return np.where(between & (more > 0) & (more <= alone), more, 0)


def is_untold(
    counted: Counted, came_us: Int64, tempo: Tempo, scatter_us: Int64
) -> npt.NDArray[np.bool_]:
    """Whether a frame may as well be late, and the next trigger missed, as the one before it.

    It came (``came_us``) some triggers later than counted, and T is so short beside the documented
    scatter (frames,) that any lateness fits; or it waited with such a frame.
    """
    frames = np.arange(len(came_us))
    untold = np.zeros(len(frames), dtype=np.bool_)
    period_us = tempo.period_us
    later_us = np.diff(came_us) - np.diff(counted.count) * period_us
    half_us, width_us = tempo.half_width_us, _STILL_SCATTERS * tempo.scatter_us
    # More than any interval is longer by.
    least_us = np.maximum(period_us - half_us - width_us, half_us + width_us)
    untold[1:] = (later_us > least_us) & (later_us < WHOLE_PERIODS * period_us)
    untold[1:] &= period_us < TELLING_SCATTERS * scatter_us[1:]
    first = np.concatenate([[True], ~has_waited(counted, tempo)])[: len(frames)]
    of_wait = np.maximum.accumulate(np.where(first, frames, 0))
    return np.asarray(np.maximum.accumulate(np.where(untold, frames, -1)) >= of_wait)


def is_queued(counted: Counted, tempo: Tempo) -> Int64:
    """Whether a frame, or the next, was stamped sooner than any trigger comes: it waited."""
    waited = has_waited(counted, tempo)
    either = np.zeros(len(counted.times_us), dtype=np.bool_)
    either[1:] |= waited
    either[:-1] |= waited
    return either.astype(np.int64)


def number_by_time(counted: Counted, tempo: Tempo, chosen: npt.NDArray[np.bool_]) -> Counted:
    """The frames with counts that rise by as many triggers as the chosen intervals last."""
    steps_us, period_us = np.diff(counted.times_us), np.maximum(tempo.period_us, 1)
    slack_us = tempo.half_width_us + _SINGLE_SCATTERS * tempo.scatter_us
    single = np.abs(steps_us - period_us) <= slack_us
    timed = np.where(single, 1, np.maximum((steps_us + period_us // 2) // period_us, 1))
    rises = np.where(chosen & (tempo.period_us > 0), timed, np.diff(counted.count))
    count = counted.count[:1].sum() + np.concatenate([[0], np.cumsum(rises)])
    return replace(counted, count=count[: len(counted.count)].astype(np.int64))


def miss_whole_triggers(
    counted: Counted, tempo: Tempo, slower: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Which of the slower intervals are among such that are mostly whole triggers long.

    Others are no camera's that misses some: its frames came later and later.
    """
    steps_us, period_us = np.diff(counted.times_us), np.maximum(tempo.period_us, 1)
    triggers = (steps_us + period_us // 2) // period_us
    rest_us = np.abs(steps_us - triggers * period_us)
    rest_us = np.where(triggers % 2 == 1, np.abs(rest_us - tempo.half_width_us), rest_us)
    # Over more triggers, T is not exact enough to tell.
    told = slower & (triggers <= WHOLE_PERIODS)
    other = told & (rest_us > _SINGLE_SCATTERS * tempo.scatter_us)
    at = np.arange(len(slower))
    begin, end = (at - _AROUND).clip(0), (at + _AROUND + 1).clip(0, len(slower))
    among, others = (np.concatenate([[0], np.cumsum(part)]) for part in (told, other))
    return np.asarray(slower & (2 * (others[end] - others[begin]) <= among[end] - among[begin]))


def is_whole(steps_us: Int64, rises: Int64, tempo: Tempo) -> npt.NDArray[np.bool_]:
    """Whether each interval is longer than counted, by a few whole periods."""
    period_us = tempo.period_us
    by_time = (steps_us + period_us // 2) // np.maximum(period_us, 1)
    remainder_us = np.abs(steps_us - by_time * period_us)
    apart_us = np.where(by_time % 2 == 1, np.abs(remainder_us - tempo.half_width_us), remainder_us)
    growth = _EXACT_TRIGGERS + by_time.clip(0, _EXACT_TRIGGERS)
    fits = apart_us <= _STILL_SCATTERS * tempo.scatter_us * growth // _EXACT_TRIGGERS
    return np.asarray((by_time > rises) & (by_time <= WHOLE_PERIODS) & fits)


def saved_on_misses(counted: Counted, tempo: Tempo) -> Int64:
    """How much less a miss costs in each interval, by how many the intervals around it show."""
    whole = is_whole(np.diff(counted.times_us), np.diff(counted.count), tempo)
    at = np.arange(len(whole))
    begin, end = (at - _AROUND).clip(0), (at + _AROUND + 1).clip(0, len(whole))
    before = np.concatenate([[0], np.cumsum(whole & (tempo.period_us > 0))])
    # At the ends, as many of those that there are.
    missed = (before[end] - before[begin]) * (2 * _AROUND + 1) // np.maximum(end - begin, 1)
    return np.asarray(np.array(MISS_SAVED)[missed.clip(0, len(MISS_SAVED) - 1)])
