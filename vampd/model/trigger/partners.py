"""Partners: what the other camera's frame of the same trigger says about the hidden states."""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.tempo import running_median
from vampd.model.trigger.weights import SHIFTS, SPOKEN_TWICE, TOLD_LATE, WHOLE_PERIODS

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

ALONE = -1  # in the place of a partner's position
_FARTHEST = 64  # frames
_WHOLE_WIDTHS = 4
_BESIDE = 4  # pairs, before and after one


def is_off_by_triggers(
    offsets_us: Int64, usual_us: Int64, period_us: Int64, half_us: Int64, width_us: Int64
) -> npt.NDArray[np.bool_]:
    """Whether each pair is as far from the usual offset as triggers are from each other."""
    excess_us = np.abs(offsets_us - usual_us)
    whole = (excess_us + period_us // 2) // np.maximum(period_us, 1)
    rest_us = np.abs(excess_us - whole * period_us)
    rest_us = np.minimum(rest_us, np.abs(rest_us - half_us))
    few = (whole >= 1) & (whole <= WHOLE_PERIODS)
    return np.asarray((period_us > 0) & few & (rest_us <= _WHOLE_WIDTHS * width_us))


def is_later_than_told(
    offset_us: Int64, offsets_us: Int64, slack_us: Int64, late_us: tuple[Int64, Int64]
) -> npt.NDArray[np.bool_]:
    """Whether each pair's later frame is late, but those after it tell not even half of that.

    ``offsets_us`` (pairs, classes) are the offsets that there may be; a pair is late by what it is
    off from the nearest one, but for ``slack_us``. ``late_us`` is what the frames after it tell of
    each camera's frame.
    """
    off_us = offset_us[:, None] - offsets_us
    least_us = off_us[np.arange(len(off_us)), np.abs(off_us).argmin(axis=1)]
    told_us = np.where(least_us > 0, late_us[1], late_us[0])
    return np.asarray(np.abs(least_us) > slack_us + 2 * told_us)


def is_odd(
    offset_us: Int64, stretch: Int64, period_us: Int64, late_us: tuple[Int64, Int64]
) -> npt.NDArray[np.bool_]:
    """Whether the offset of a pair is unlike those before it and unlike those after it.

    Of the four nearest pairs of its stretch on each side, most are then off by more than half of T,
    and by more than what its later frame is late by, as the frames after it tell. All arrays have
    the shape (pairs,), in the order of the night.
    """
    alike = np.zeros((2, len(offset_us)), dtype=np.int64)
    beside = np.zeros_like(alike)
    for ahead in range(1, 1 + min(_BESIDE, len(offset_us) - 1)):
        for side, own, other in (
            (0, slice(ahead, None), slice(-ahead)),
            (1, slice(-ahead), slice(ahead, None)),
        ):
            off_us = offset_us[own] - offset_us[other]
            told_us = np.where(off_us > 0, late_us[1][own], late_us[0][own])
            same = stretch[own] == stretch[other]
            beside[side, own] += same
            alike[side, own] += same & (np.abs(off_us) <= period_us[own] // 2 + 2 * told_us)
    unlike = (2 * alike < beside) | (beside == 0)
    return np.asarray(unlike.all(axis=0) & (beside.sum(axis=0) >= _BESIDE) & (period_us > 0))


def is_told_by_ends(offset_us: Int64, stretch: Int64, period_us: Int64) -> npt.NDArray[np.bool_]:
    """Whether the pairs around each one are more than half of T apart.

    The nearer frames may as well be the partners then, but for those of the ends of the stretch.
    Where intervals alternate, these tell more. All arrays have the shape (pairs,).
    """
    usual_us = running_median(offset_us, stretch)
    return np.asarray((period_us > 0) & (2 * np.abs(usual_us) > period_us))


def doubt_at_misses(
    camera: Int64,
    row: Int64,
    count: Int64,
    begins: Int64,
    queued: Int64,
    pairs: Int64,
    partners: Int64,
    shift: Int64,
) -> Int64:
    """By how much each frame's margins say too much: of late pairs beside a missed trigger.

    ``shift`` is the likeliest of each frame, ``count`` what its middle one is counted from,
    ``begins`` where a stretch does, whose offset that pair pays for, and ``queued`` is 1 for what
    waited; ``pairs`` (frames, classes, shifts) and ``partners`` (frames, shifts) are the evidence.
    A trigger was missed before or after a frame if that one has another shift. A late frame there,
    or one that waited with it, may be of the trigger on the other side: then one lateness speaks
    twice, by intervals and by pairs.
    """
    here = np.arange(len(shift))
    moved = np.diff(count + shift) != 0
    beside = np.concatenate([[False], moved]) | np.concatenate([moved, [False]])
    for own in (0, 1):
        mine = np.flatnonzero(camera == own)
        # Frames that waited have a number, others 0.
        wait = (1 + np.cumsum(queued[mine] == 0)) * queued[mine]
        beside[mine] |= np.isin(wait, wait[beside[mine]]) & (wait > 0)
    partner = _positions(camera, row, partners[here, shift])
    least = TOLD_LATE - np.maximum(queued, queued[partner])  # of what waited, pairs tell no more
    late = (pairs.max(axis=1)[here, shift] < -least) & (begins == 0)
    doubted = (beside | beside[partner]) & (late | late[partner])
    return np.where(doubted, SPOKEN_TWICE, 0)


def _positions(camera: Int64, row: Int64, partner: Int64) -> Int64:
    """Where each frame's partner is among these frames, or the frame itself."""
    found = np.arange(len(camera))
    for own in (0, 1):
        mine, others = (np.flatnonzero(camera == number) for number in (own, 1 - own))
        at = partner[mine] - (row[others[0]] if len(others) else 0)
        known = (partner[mine] != ALONE) & (at >= 0) & (at < len(others))
        found[mine[known]] = others[at[known]]
    return found


@overload
def is_at_edge(shift: int) -> bool: ...
@overload
def is_at_edge(shift: Int64) -> npt.NDArray[np.bool_]: ...
def is_at_edge(shift: int | Int64) -> bool | npt.NDArray[np.bool_]:
    """Whether a shift is at the edge of the states: the truth may be beyond it."""
    return (shift == 0) | (shift == SHIFTS - 1)


def choose_pairs(claims: list[tuple[Int64, Int64]], sizes: tuple[int, int]) -> tuple[Int64, Int64]:
    """The pairs without those of a frame that two others claim: each frame's partner, or ALONE."""
    nothing = np.empty(0, dtype=np.int64)
    one, two = (np.concatenate([nothing, *(c[number] for c in claims)]) for number in (0, 1))
    single = (np.bincount(one, minlength=sizes[0])[one] == 1) & (
        np.bincount(two, minlength=sizes[1])[two] == 1
    )
    partners = np.full(sizes[0], ALONE, np.int64), np.full(sizes[1], ALONE, np.int64)
    partners[0][one[single]] = two[single]
    partners[1][two[single]] = one[single]
    return partners


def agree(
    states: tuple[Int64, Int64], margins: tuple[Int32, Int32], partners: Int64, unknown: int
) -> None:
    """Give both frames of a pair one state; none where the cameras are sure of different ones.

    Its margin is that of the surer frame. ``partners`` are of camera 1; ``margins`` are 0 where
    the state is unknown.
    """
    first = np.flatnonzero(partners != ALONE)
    second = partners[first]
    mine, theirs = states[0][first], states[1][second]
    unlike = (mine != theirs) & (mine != unknown) & (theirs != unknown)
    common = np.where(mine == unknown, theirs, mine)
    surer = np.maximum(margins[0][first], margins[1][second])
    states[0][first] = states[1][second] = np.where(unlike, unknown, common)
    margins[0][first] = margins[1][second] = np.where(unlike, 0, surer)


def weigh_partners(
    own_us: Int64,
    own_stamped_us: Int64,
    own_counts: Int64,
    first: int,
    queued: Int64,
    other_us: Int64,
    other_stamped_us: Int64,
    other_counts: Int64,
    other_queued: Int64,
    offsets_us: Int64,
    width_us: Int64,
    period_us: Int64,
    half_us: Int64,
    shortest_us: Int64,
    calm: Int64,
    sign: int,
    shifts: int,
    costs: Int64,
    weights: Int64,
    partners: Int64,
) -> None:
    """Fill in the weights (frames, classes, shifts) and the partners' positions (frames, shifts).

    Of one camera's frames from ``first`` on: ``own_counts`` are the other camera's that belong to
    all of its frames in the middle shift, ``offsets_us`` (frames, classes) what camera 2 is later
    by, ``width_us`` its scatter; ``period_us`` and ``half_us`` are T and J, ``shortest_us`` what
    triggers are apart at least, ``calm`` is whether intervals scatter as documented. ``sign`` is 1
    for camera 1 and -1 for camera 2. A pair's weight belongs to the later of its two frames; no
    partner is -1. ``costs`` are the limits of ``weights.PAIR_COSTS``. Plain loops, so that a
    compiler can take this as it is.
    """
    half = shifts // 2
    classes = offsets_us.shape[1]
    others = len(other_us)
    nat, limit_of_pair, limit_if_queued = costs[0], costs[1], costs[2]
    apart_us, cost_apart, near_us, cost_lost = costs[3], costs[4], costs[5], costs[6]
    close_us, cost_close, cost_closer = costs[7], costs[8], costs[9]
    most_whole, cost_whole, nat_per_doubling = costs[10], costs[11], costs[12]
    after = 0
    for frame in range(len(queued)):
        here = first + frame
        now_us = own_us[here]
        # The first of the other camera's that came at this time or later.
        while after < others and other_us[after] < now_us:
            after += 1
        since = until = near_us + 1
        if after < others:
            until = other_us[after] - now_us
        before = after - 1
        if sign < 0 and until == 0:
            before = after  # in the order of inference, camera 2 is the later one
        if before >= 0:
            since = now_us - other_us[before]
        apart = min(since, until)
        lost, close = 0, 0
        if apart <= near_us:
            lost = cost_lost
            # What waited is as close as it happens to be: it came with a frame of another trigger.
            waited = queued[frame] + other_queued[before if since == apart else after]
            if waited == 0 and apart <= close_us and 4 * apart <= shortest_us[frame]:
                close = cost_close
                if 8 * apart <= shortest_us[frame]:
                    close = cost_closer
                # Of two frames so close, the later one pays for both: then both counts are known.
                lost = close if since == apart else 0
        lowest = own_counts[here] - half
        place = np.searchsorted(other_counts, lowest)
        for turn in range(shifts):
            while place < others and other_counts[place] < lowest + turn:
                place += 1
            shift = turn if sign > 0 else shifts - 1 - turn
            alone = 0
            if close > 0 and since == apart and other_counts[before] != lowest + turn:
                # Whether the other camera's frame has another partner, as far as frames wait.
                wanted = other_counts[before] - turn + half
                beside = here
                last, least = min(len(own_us) - 1, here + _FARTHEST), max(0, here - _FARTHEST)
                while beside < last and own_counts[beside] < wanted:
                    beside += 1
                while beside > least and own_counts[beside] > wanted:
                    beside -= 1
                apart_from_it_us = abs(own_us[beside] - other_us[before])
                if own_counts[beside] != wanted or apart_from_it_us > apart_us:
                    alone = close
            if place == others or other_counts[place] != lowest + turn:
                partners[frame, shift] = -1
                for number in range(classes):
                    weights[frame, number, shift] = -lost - alone
                continue
            partners[frame, shift] = place
            later = other_us[place] < now_us or (sign < 0 and other_us[place] == now_us)
            difference_us = sign * (other_stamped_us[place] - own_stamped_us[here])
            if abs(difference_us) > apart_us and (lost == 0 or not later):
                # Two triggers' frames: neither waits for one that comes so much later, and where no
                # frame is near, the counts only happen to be alike.
                for number in range(classes):
                    weights[frame, number, shift] = -lost - alone
                continue
            limit = limit_of_pair
            if queued[frame] == 1 or other_queued[place] == 1:
                limit = limit_if_queued
            width = width_us[frame]
            for number in range(classes):
                cost = 0
                if later:
                    # How pairs scatter tells nothing: the trigger waits for the very lag that a
                    # stamp has.
                    excess_us = abs(difference_us - offsets_us[frame, number]) - 2 * width
                    if excess_us > 0:
                        cost = limit
                        if excess_us < 64 * width:
                            square = excess_us * excess_us * (nat // 2) // (width * width)
                            cost = min(square, limit)
                        if excess_us > apart_us:
                            cost += cost_apart
                        whole = 0
                        if calm[frame] == 1 and limit == limit_of_pair:
                            whole = (excess_us + period_us[frame] // 2) // period_us[frame]
                        if 1 <= whole <= most_whole:
                            # Hardly late by chance for just as long as triggers take.
                            rest_us = abs(excess_us - whole * period_us[frame])
                            rest_us = min(rest_us, abs(rest_us - half_us[frame]))
                            if rest_us <= 4 * width:
                                # As unlikely as it is to land so near to one: ln of T / 8 widths.
                                parts = period_us[frame] // (8 * width)
                                unlikely = 0
                                while parts > 0 and unlikely < cost_whole:
                                    unlikely += nat_per_doubling
                                    parts //= 2
                                cost += min(unlikely, cost_whole)
                weights[frame, number, shift] = -cost - alone
