"""Intervals: what the time from one frame of a camera to its next says about the hidden states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted, settings_change
from vampd.model.trigger.tempo import Tempo
from vampd.model.trigger.unlate import is_whole
from vampd.model.trigger.weights import (
    CARD_CHANGES_COST,
    EARLY_COST,
    FLIP_AFTER_US,
    FLIP_COST,
    INTERVAL_LIMIT,
    MISS_ALONE_COST,
    MISS_AS_TIMED_COST,
    MISS_COST,
    MISSED,
    NEVER,
    ON_TIME_COST,
    OPTIONS,
    READINGS_COST,
    RECOUNT_COST,
    RELAXED_COST,
    SWITCH_COST,
    UNSEEN_FLIP_COST,
    UNSEEN_RECOUNT_COST,
    UNSEEN_SWITCH_COST,
    WHOLE_PERIODS_COST,
    WITHIN_TRIGGER_COST,
    either,
    misfit,
)

Int64 = npt.NDArray[np.int64]

_EXACT_TRIGGERS = 16  # over so many, the error of the mean interval is as large as the scatter
_MOST_TRIGGERS = 1 << 20
_STILL_SCATTERS = 3
_SHOWN_SCATTERS = 2
_WITHIN_TRIGGER = 4  # frames nearer than this part of T are of one trigger
_BESIDE, _MANY_STOOD = 4, 4  # intervals, before and after one; of so many, as many at least


@dataclass(frozen=True)
class IntervalEvidence:
    """Of one camera, per frame: see ``lattice.sweep``."""

    missed: Int64
    alternating: Int64
    steady: Int64
    flip: Int64
    switch: Int64
    recount: Int64


def weigh_intervals(
    arrivals: Arrivals,
    counted: Counted,
    tempo: Tempo,
    by_count: Int64,
    alone: Int64,
    since_us: Int64,
    late_us: Int64,
    may_be_us: Int64,
    saved: Int64,
    leaving: npt.NDArray[np.bool_],
    command: Int64,
    unshown: npt.NDArray[np.bool_],
) -> IntervalEvidence:
    """What the interval before each frame says; the first frame's says nothing of the trigger.

    ``by_count`` is how many triggers the other camera counted more in each interval, ``alone`` how
    many because only that one took part, ``saved`` how much less a miss costs there. ``leaving`` is
    whether turns are left unfinished around it where nobody looks, ``command`` what a switch of the
    FLC costs by a command in it, ``unshown`` whether many do not alternate by J there. Of frames,
    ``since_us`` is the time since any (the trigger stood still no longer), ``late_us`` how late
    each is by those after it, ``may_be_us`` may be by those before.
    """
    frames = len(arrivals)
    missed = np.zeros((frames, OPTIONS), dtype=np.int64)
    alternating = np.full((frames, 2, OPTIONS), NEVER, dtype=np.int64)
    steady = np.full((frames, OPTIONS), NEVER, dtype=np.int64)
    flip, switch = _of_standing_still(since_us)
    recount = np.full(frames, UNSEEN_RECOUNT_COST, dtype=np.int64)
    alternating[:1, :, 0] = 0
    steady[:1, 0] = 0
    steps_us, rises = np.diff(counted.times_us), np.diff(counted.count)
    period_us = tempo.period_us
    choice = np.where(tempo.half_width_us > 0, READINGS_COST, 0)
    options = _options(steps_us, rises, period_us, by_count, alone, saved)
    as_before = _is_as_before(steps_us, rises, tempo, arrivals.scatter_us[1:])
    # What lasted some whole triggers longer hardly stood still by chance for just as long.
    whole = is_whole(steps_us, rises, tempo)
    for option, (gone, cost) in enumerate(options):
        triggers = rises + gone
        allowed = (triggers >= 1) & ((option < len(MISSED)) | (gone != 0))
        residuals_us = steps_us - triggers * period_us
        # The mean interval is not exact: its error grows with the triggers.
        growth = _EXACT_TRIGGERS + np.minimum(triggers, _MOST_TRIGGERS)
        width_us = tempo.scatter_us * growth // _EXACT_TRIGGERS
        odd = triggers % 2 == 1
        half_us = tempo.half_width_us
        informs = period_us > 0
        least_us = np.maximum(4 * width_us, period_us // 4)
        early_us = np.where(informs, -residuals_us - half_us, 0)
        costs = cost + np.where(early_us > least_us, EARLY_COST, 0)
        # The frame before was not late by as much either, and no exposure became shorter.
        on_time = (early_us - may_be_us[:-1] > least_us) & (np.diff(arrivals.exposure_us) == 0)
        costs = costs + np.where(on_time, ON_TIME_COST, 0)
        missed[1:, option] = gone
        fits = [
            misfit(
                residuals_us - np.where(odd, half_us if relaxed else -half_us, 0),
                width_us,
                INTERVAL_LIMIT,
            )
            for relaxed in (0, 1)
        ]
        better = np.minimum(*fits)
        for relaxed in (0, 1):
            expected_us = np.where(odd, half_us if relaxed else -half_us, 0)
            # A half width that no card confirms tells the two states apart with less weight.
            fit = np.minimum(fits[relaxed], better + tempo.limit)
            fit = np.where(half_us > 0, fit, tempo.limit)
            # A trigger that stood still does not make up for it.
            still_us = residuals_us - expected_us - np.maximum(late_us[1:] - half_us, 0)
            still = (still_us > _STILL_SCATTERS * width_us) & (triggers == 1)
            fit = fit + np.where(still & bool(relaxed) & (tempo.limit > 0), RELAXED_COST, 0)
            fit = fit + np.where(still & whole, WHOLE_PERIODS_COST, 0)
            alternating[1:, relaxed, option] = np.where(
                allowed, -costs - np.where(informs, fit, 0), NEVER
            )
        readings = [
            misfit(residuals_us + turn * triggers * half_us, width_us, INTERVAL_LIMIT)
            for turn in (0, 1)
        ]
        # One reading holds for long: what is as long as the interval before has no other. If it
        # is neither, T and J are of other settings.
        flat = np.minimum(*readings)
        again = as_before & (gone == 0)
        flat = np.where(again, np.minimum(flat, READINGS_COST), flat + choice)
        # What is outside the model tells nothing of the state.
        flat = np.where(better == INTERVAL_LIMIT, np.minimum(flat, INTERVAL_LIMIT), flat)
        flat = np.where(unshown & ~again, either(*readings), flat)
        flat = np.where(unshown & (tempo.limit == 0), better, flat)
        still_us = residuals_us - half_us - np.maximum(late_us[1:] - half_us, 0)
        still = (still_us > _STILL_SCATTERS * width_us) & (triggers == 1)
        flat = flat + np.where(still & whole, WHOLE_PERIODS_COST, 0)
        steady[1:, option] = np.where(allowed, -costs - np.where(informs, flat, 0), NEVER)
    half_us, counts = tempo.half_width_us, rises + by_count
    stood_us = _still_us(steps_us, counts, period_us) - half_us
    flip[1:], _ = _of_standing_still(np.minimum(stood_us, since_us[1:]))
    # Commands are served between turns: a short one leaves none unfinished, and switches the FLC.
    stood_us = _still_us(steps_us - half_us, counts, period_us)
    _, switch[1:] = _of_standing_still(np.minimum(stood_us, since_us[1:]))
    # A single interval is no gap in the log, however long the exposure.
    gaps_us = np.minimum(steps_us, since_us[1:])
    gaps_us = gaps_us - 2 * np.maximum(period_us, arrivals.exposure_us[1:])
    paused = (UNSEEN_FLIP_COST, UNSEEN_SWITCH_COST) if counted.honest else (FLIP_COST, SWITCH_COST)
    unlogged = np.searchsorted(FLIP_AFTER_US[1:], gaps_us, side="right")
    within = np.where(_WITHIN_TRIGGER * since_us[1:] < period_us, WITHIN_TRIGGER_COST, 0)
    unseen = np.where(leaving, READINGS_COST, np.array(paused[0])[unlogged])
    flip[1:] = np.minimum(flip[1:], unseen) + within
    # Other settings after a pause are another start of the trigger.
    restarts = settings_change(arrivals) & (since_us[1:] > FLIP_AFTER_US[2])
    flip[1:] = np.where(restarts, np.minimum(flip[1:], FLIP_COST[-1]), flip[1:])
    switch[1:] = np.minimum(switch[1:], np.array(paused[1])[unlogged]) + within
    changes = np.diff(arrivals.switching)
    switch[1:] = np.where(changes, np.minimum(switch[1:], CARD_CHANGES_COST), switch[1:])
    # Between turns, where the next frame is relaxed, a short command may have done it.
    between = switch.copy()
    between[1:] = np.minimum(switch[1:], command + within)
    # If a frame was lost, it may have been the first one.
    switch[1:] = np.where(rises > 1, between[1:], switch[1:])
    switch = np.stack([between, switch], axis=1)
    recount[counted.recounted] = RECOUNT_COST
    return IntervalEvidence(missed, alternating, steady, flip, switch, recount)


def _of_standing_still(still_us: Int64) -> tuple[Int64, Int64]:
    """What an unfinished turn costs, and a switch of the FLC, after the trigger stood still."""
    stood = np.searchsorted(FLIP_AFTER_US[1:], still_us, side="right")
    return np.array(FLIP_COST)[stood], np.array(SWITCH_COST)[stood]


def _is_as_before(
    steps_us: Int64, rises: Int64, tempo: Tempo, documented_us: Int64
) -> npt.NDArray[np.bool_]:
    """Whether each interval is one trigger's, as the one before it, and as long.

    Where J is so large that intervals of two states are not.
    """
    least_us = _SHOWN_SCATTERS * np.minimum(tempo.scatter_us, documented_us)
    single = (rises == 1) & (tempo.half_width_us > least_us)
    # Those that waited for each other are of no trigger.
    single &= 5 * steps_us > 3 * (tempo.period_us - tempo.half_width_us)
    alike = np.abs(np.diff(steps_us)) <= least_us[1:]
    return np.concatenate([[False], alike & single[1:] & single[:-1]])[: len(steps_us)]


def doubt_settings(
    counted: Counted, tempo: Tempo, late_us: Int64, rows: npt.NDArray[np.bool_]
) -> Tempo:
    """The tempo, where it may be that of other settings: no interval tells states apart there.

    There, the trigger would have stood still in many intervals beside each other, for other times
    than missed triggers take, and neither stamp was late (``late_us``, of the frames). Or two
    intervals together are less than 2 T by more than J, many beside each other by as much.
    """
    steps_us, rises = np.diff(counted.times_us), np.diff(counted.count)
    longest_us = tempo.period_us + tempo.half_width_us + _STILL_SCATTERS * tempo.scatter_us
    stood = (rises == 1) & (
        steps_us - np.maximum(late_us[1:] - tempo.half_width_us, 0) > longest_us
    )
    stood &= (tempo.half_width_us > 0) & ~is_whole(steps_us, rises, tempo)
    at = np.arange(len(stood))
    begin, end = (at - _BESIDE).clip(0), (at + _BESIDE + 1).clip(0, len(stood))
    many = np.zeros(len(stood), dtype=np.bool_)
    for told in (stood, _is_short(steps_us, rises, tempo)):
        before = np.concatenate([[0], np.cumsum(told)])
        many |= (before[end] - before[begin] >= _MANY_STOOD) & (tempo.half_width_us > 0)
    return replace(tempo, limit=np.where(many | rows, 0, tempo.limit))


def _is_short(steps_us: Int64, rises: Int64, tempo: Tempo) -> npt.NDArray[np.bool_]:
    """Whether each interval and the one before it are less than 2 T by more than J.

    As those before, and they alternate; frames that waited come sooner than triggers do.
    """
    short = np.zeros(len(steps_us), dtype=np.bool_)
    sums_us = steps_us[1:] + steps_us[:-1]
    single = (rises == 1) & (2 * steps_us > tempo.period_us)
    least_us = np.maximum(tempo.half_width_us, _STILL_SCATTERS * tempo.scatter_us)
    off = single[1:] & single[:-1] & (sums_us < (2 * tempo.period_us - least_us)[1:])
    same = np.abs(np.diff(sums_us)) <= _STILL_SCATTERS * tempo.scatter_us[2:]
    short[2:] = off[1:] & off[:-1] & same
    return short & ~_is_as_before(steps_us, rises, tempo, tempo.scatter_us)


def _options(
    steps_us: Int64,
    rises: Int64,
    period_us: Int64,
    by_count: Int64,
    alone: Int64,
    saved: Int64,
) -> list[tuple[Int64, Int64]]:
    """How many triggers the camera may have missed before each frame, with what that costs."""
    options = [
        (np.full_like(rises, gone), cost - saved * (gone > 0))
        for gone, cost in zip(MISSED, MISS_COST, strict=True)
    ]
    by_time = (steps_us + period_us // 2) // np.maximum(period_us, 1) - rises
    # No counter counts too much where a camera missed triggers.
    counted = by_count > max(MISSED)
    gone, cost = options[-1]
    options[-1] = (
        np.where(counted, by_count, gone),
        np.where(counted, MISS_AS_TIMED_COST - saved, cost),
    )
    timed = (period_us > 0) & (by_time + rises > 0)
    timed &= (by_time > max(MISSED)) | (by_time < min(MISSED))
    timed_gone = np.where(timed, by_time, 0)
    last = np.where(alone > 0, alone, timed_gone)
    as_timed = MISS_AS_TIMED_COST - np.where(last > 0, saved, 0)
    return [*options, (last, np.where(alone > 0, MISS_ALONE_COST, as_timed))]


def _still_us(steps_us: Int64, rises: Int64, period_us: Int64) -> Int64:
    """For how long the trigger stood still within each interval."""
    taken_us = rises * period_us
    # Where it went on for most of the time, the mean interval is not exact enough to tell.
    counted = (period_us > 0) & (2 * taken_us > steps_us)
    still_us = steps_us - taken_us
    return np.where(counted, np.minimum(still_us, steps_us // 8), still_us)
