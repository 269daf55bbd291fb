"""Neighbors: the references that the hidden shift and offset are counted from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.trigger.arrivals import Arrivals, Counted
from vampd.model.trigger.stretches import pieces_of, shortest_beside, spread, stretches_of
from vampd.model.trigger.tempo import Tempo, at_frames, running_median
from vampd.model.trigger.unlate import late_by, missed_by_count, unlate
from vampd.model.trigger.weights import (
    CLASSES,
    COMMAND_COST,
    MISSED,
    NEAR_US,
    SWITCH_COST,
    WHOLE_PERIODS_COST,
)

Int64 = npt.NDArray[np.int64]

UNKNOWN_US = 10**12  # an offset that no pair tells
_REFERENCE_WINDOW = 15
_PARTS_OF_APART = 3  # of what triggers are apart: nearer than a third is one trigger's frame alone
_STILL_SCATTERS = 3
_SHORTEST_COMMAND_US = 75  # of 0.1 ms, though the frames around it scatter
_BESIDE = 8  # pairs, before and after one: most are beyond a detour of four
_OFFSET_WINDOW = 151  # longer: an offset wanders, and does not follow a reference that is off
_OPPOSED, _AMONG = 8, 12  # of so many intervals of both cameras, longer in one by turns
_MOST_ALIKE = 4  # for so many of these, one at most that is longer in both or shorter


@dataclass(frozen=True)
class Neighbors:
    """What frames near in time suggest.

    For each frame of either camera, ``references`` is the count of camera 2 minus that of camera 1.
    For each of camera 1, ``offsets_us`` (frames, CLASSES) is what camera 2 is later by if that is
    the nearest frame's trigger or one before or after it; ``width_us`` is the scatter of these.
    ``missed`` is how many triggers each camera missed without a trace in each of its intervals,
    ``late_us`` how late each frame is, as those after it tell, ``may_be_us`` how late
    it may be by those before it, and ``came_us`` when it came: its stamp without the lateness.
    """

    references: tuple[Int64, Int64]
    offsets_us: Int64
    width_us: Int64
    missed: tuple[Int64, Int64]
    late_us: tuple[Int64, Int64]
    may_be_us: tuple[Int64, Int64]
    came_us: tuple[Int64, Int64]


def find_neighbors(
    counted: tuple[Counted, Counted],
    cameras: tuple[Arrivals, Arrivals],
    tempos: tuple[Tempo, Tempo],
) -> Neighbors:
    """The reference for the hidden shift: medians of many frames, since single stamps are late."""
    (one, two), arrivals = counted, cameras[0]
    frames = len(one.times_us)
    period_us = at_frames(tempos[0].period_us)[:frames]
    unknown = np.full((frames, CLASSES), UNKNOWN_US, dtype=np.int64)
    (first_late, first_may), (second_late, second_may) = (
        late_by(one, tempos[0], cameras[0].exposure_us),
        late_by(two, tempos[1], cameras[1].exposure_us),
    )
    late_us, may_be_us = (first_late, second_late), (first_may, second_may)
    times_us = (
        unlate(one.times_us, first_late, tempos[0]),
        unlate(two.times_us, second_late, tempos[1]),
    )
    (first_missed, first_gone), (second_missed, second_gone) = (
        missed_by_count(one, times_us[0], two, times_us[1], tempos[0]),
        missed_by_count(two, times_us[1], one, times_us[0], tempos[1]),
    )
    missed = first_missed, second_missed
    nothing = (np.zeros(frames, dtype=np.int64), np.zeros(len(two.times_us), dtype=np.int64))
    if not frames or not len(two.times_us):
        return Neighbors(
            nothing, unknown, arrivals.scatter_us, missed, late_us, may_be_us, times_us
        )
    nearest = _nearest(times_us[1], times_us[0])
    # Each other's nearest: a frame whose trigger the other camera missed has none.
    mutual = _nearest(times_us[0], times_us[1])[nearest] == np.arange(frames)
    distance_us = np.abs(times_us[1][nearest] - times_us[0])
    near = np.flatnonzero(mutual & (distance_us <= NEAR_US))
    if not len(near):
        return Neighbors(
            nothing, unknown, arrivals.scatter_us, missed, late_us, may_be_us, times_us
        )
    stretch = stretches_of(one.times_us, arrivals.exposure_us)
    # What the cameras missed without a trace is taken out, so that the rest hardly changes.
    gone = tuple(np.concatenate([[0], np.cumsum(part)]) for part in (first_gone, second_gone))
    level = (two.count[nearest] - one.count - gone[0] + gone[1][nearest])[near]
    smooth = running_median(level, stretch[near], _REFERENCE_WINDOW)
    index = np.searchsorted(near, np.arange(frames), side="right") - 1
    first = smooth[index.clip(0)] + gone[0]
    references = (
        first - of_first(*times_us, gone[1]),
        of_second(*times_us, first) - gone[1],
    )
    difference_us = two.times_us[nearest[near]] - one.times_us[near]
    # Another exposure may have another offset.
    piece = pieces_of(one.times_us, arrivals.exposure_us)
    around_us = running_median(difference_us, piece[near], _OFFSET_WINDOW)
    unlike_us = np.abs(difference_us - around_us)
    # A frame whose trigger the other camera missed has a neighbor of another trigger.
    same = (3 * unlike_us < period_us[near]) | (period_us[near] == 0)
    alike = near[same]
    scatter_us = running_median(unlike_us[same], piece[alike], _OFFSET_WINDOW)
    middle_us = spread(around_us, near, piece, UNKNOWN_US)
    half_us = at_frames(tempos[0].half_width_us)[:frames]
    offsets_us = _offsets_of(middle_us, period_us, half_us, (one.times_us, two.times_us), piece)
    width_us = arrivals.scatter_us
    if len(alike):
        width_us = np.maximum(5 * spread(scatter_us, alike, piece) // 2, width_us)
    return Neighbors(references, offsets_us, width_us, missed, late_us, may_be_us, times_us)


def are_of_rows(
    own: Counted, other: Counted, own_tempo: Tempo, other_tempo: Tempo, row_us: Int64
) -> npt.NDArray[np.bool_]:
    """Whether each interval is among many that alternate by a row of the readout, and not by J.

    J is the trigger's: it makes the same interval of both cameras longer. Where one camera's are
    longer by turns when the other's are shorter, each waits for a row of its own. ``row_us`` is
    the documented scatter (intervals,): such intervals exceed T by half of it, or are less.
    """
    of_rows = np.zeros(max(len(own.times_us) - 1, 0), dtype=np.bool_)
    if not len(of_rows) or len(other.times_us) < 2:
        return of_rows
    there = _nearest(other.times_us[1:], own.times_us[1:])
    excess_us = np.diff(own.times_us) - own_tempo.period_us
    there_us = (np.diff(other.times_us) - other_tempo.period_us)[there]
    single = 2 * np.maximum(np.abs(excess_us), np.abs(there_us)) < own_tempo.period_us
    both = np.flatnonzero(single)
    clear = np.ones(len(both), dtype=np.bool_)
    for part_us in (np.abs(excess_us[both]), np.abs(there_us[both])):
        clear &= (4 * part_us > row_us[both]) & (4 * part_us < 3 * row_us[both])
    turned = excess_us[both] * there_us[both] < 0
    opposed = np.flatnonzero(clear & turned)
    alike = np.cumsum(clear & ~turned)
    first, last = opposed[: 1 - _OPPOSED], opposed[_OPPOSED - 1 :]
    among = (last - first < _AMONG) & (_MOST_ALIKE * (alike[last] - alike[first]) <= _OPPOSED)
    edges = np.zeros(len(of_rows) + 1, dtype=np.int64)
    np.add.at(edges, both[first[among]], 1)
    np.add.at(edges, both[last[among]] + 1, -1)
    return np.asarray(np.cumsum(edges)[:-1] > 0)


def _offsets_of(
    middle_us: Int64, period_us: Int64, half_us: Int64, times_us: tuple[Int64, Int64], piece: Int64
) -> Int64:
    """What camera 2 is later by if the nearest frames are of one trigger, or of one beside it.

    If they are of one beside it, they are T + J and T - J from the right ones by turns, and what
    follows from them is off by J. So it is what the right ones say, where they agree.
    """
    turns = np.arange(CLASSES) - CLASSES // 2
    # Where T + J and T - J differ much, the nearest frame of another trigger is that over T - J.
    much = 4 * half_us > period_us
    apart_us = period_us - np.where(much, half_us, 0)
    known = (middle_us != UNKNOWN_US)[:, None] & ((period_us > 0)[:, None] | (turns == 0))
    offsets_us = np.where(known, middle_us[:, None] + turns * apart_us[:, None], UNKNOWN_US)
    if not half_us.any():
        return offsets_us
    more_us = 2 * np.where(much, half_us, 0)
    for number in np.flatnonzero(turns):
        expected_us = offsets_us[:, number].copy()
        for more in (0, turns[number]) if much.any() else (0,):
            told_us = _told_at(expected_us + more * more_us, apart_us, half_us, times_us, piece)
            told = (told_us != UNKNOWN_US) & known[:, number]
            offsets_us[told, number] = told_us[told]
    return offsets_us


def _told_at(
    expected_us: Int64,
    apart_us: Int64,
    half_us: Int64,
    times_us: tuple[Int64, Int64],
    piece: Int64,
) -> Int64:
    """What camera 2's frames at an expected offset are later by; unknown where it alternates."""
    one_us, two_us = times_us
    difference_us = two_us[_nearest(two_us, one_us + expected_us)] - one_us
    slack_us = apart_us // _PARTS_OF_APART
    near = np.abs(difference_us - expected_us) < slack_us
    difference_us = np.where(near, difference_us, UNKNOWN_US)
    # Where another trigger is expected, what was found before tells nothing.
    other = np.abs(np.diff(expected_us, prepend=expected_us[:1])) >= slack_us
    part = np.cumsum(other | (np.diff(piece, prepend=piece[:1]) != 0))
    steps_us = np.abs(np.diff(difference_us, prepend=difference_us[:1]))
    same = running_median(steps_us, part, _OFFSET_WINDOW) < half_us
    return np.where(same, running_median(difference_us, part, _OFFSET_WINDOW), UNKNOWN_US)


def _nearest(times_us: Int64, wanted_us: Int64) -> Int64:
    after = np.searchsorted(times_us, wanted_us).clip(0, len(times_us) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(times_us[before] - wanted_us) < np.abs(times_us[after] - wanted_us)
    return np.where(nearer, before, after)


def is_detour(ahead: Int64, stretch: Int64) -> npt.NDArray[np.bool_]:
    """Whether the counts of a pair are apart by others than those before it and those after it.

    ``ahead`` (pairs,) is by how much camera 2 has counted more. Where most of the eight nearest
    pairs on each side agree, and this one is off by more triggers than are missed at once, one
    camera would have missed some triggers, and the other one as many a little later.
    """
    around, off = (np.zeros(len(ahead), dtype=np.int64) for _ in range(2))
    for away in range(1, 1 + min(_BESIDE, (len(ahead) - 1) // 2)):
        here, before, after = slice(away, -away), slice(-2 * away), slice(2 * away, None)
        same = stretch[before] == stretch[after]
        unlike = np.minimum(*(np.abs(ahead[here] - ahead[side]) for side in (before, after)))
        back = np.abs(ahead[before] - ahead[after]) <= max(MISSED)
        around[here] += same
        off[here] += same & back & (unlike > max(MISSED))
    return np.asarray(2 * off > around)


def of_second(one_us: Int64, two_us: Int64, values: Int64) -> Int64:
    """Values of camera 1's frames for camera 2's: those of the last frame before."""
    if not len(one_us):
        return np.full((len(two_us), *values.shape[1:]), UNKNOWN_US, dtype=np.int64)
    last = np.searchsorted(one_us, two_us, side="right") - 1
    return np.asarray(values[last.clip(0)])


def of_first(one_us: Int64, two_us: Int64, values: Int64) -> Int64:
    """Values of camera 2's frames for camera 1's: those of the last frame before."""
    last = np.searchsorted(two_us, one_us) - 1
    return np.asarray(values[last.clip(0)])


def weigh_commands(
    counted: tuple[Counted, Counted],
    tempos: tuple[Tempo, Tempo],
    stretches: tuple[Int64, Int64],
    since_us: tuple[Int64, Int64],
) -> tuple[Int64, Int64]:
    """What a switch of the FLC costs in each interval of both cameras, by a command between turns.

    SWITCH_COST without one. Both cameras wait for it, but frames of either may be late, or missed
    before it: so either may show it. ``stretches`` and ``since_us`` (the time since any frame of
    either camera) are of frames.
    """
    first, second = (
        _cost_of_command(own, tempo, stretch, waited_us[1:])
        for own, tempo, stretch, waited_us in zip(counted, tempos, stretches, since_us, strict=True)
    )
    if not len(first) or not len(second):
        return first, second
    ends_us = [own.times_us[1:] for own in counted]
    period_us = [tempo.period_us for tempo in tempos]
    there = [_nearest(ends_us[1 - number], ends_us[number]) for number in (0, 1)]
    same = [
        (2 * np.abs(ends_us[1 - number][there[number]] - ends_us[number]) < period_us[number])
        & (stretches[1 - number][1:][there[number]] == stretches[number][1:])
        for number in (0, 1)
    ]
    return (
        np.minimum(first, second[there[0]], out=first.copy(), where=same[0]),
        np.minimum(second, first[there[1]], out=second.copy(), where=same[1]),
    )


def _cost_of_command(counted: Counted, tempo: Tempo, stretch: Int64, waited_us: Int64) -> Int64:
    """What a switch of the FLC costs by a command in each interval of a camera.

    It makes the interval longer than the trigger takes, with the FLC or without it.
    """
    half_us, scatter_us = tempo.half_width_us, tempo.scatter_us
    least_us = shortest_beside(counted.times_us, counted.count, stretch, half_us, scatter_us)
    steps_us, rises = np.diff(counted.times_us), np.diff(counted.count)
    longer_us = np.minimum(steps_us - rises * least_us, waited_us)
    command = (longer_us > _SHORTEST_COMMAND_US) & (least_us > 0)
    # As long as the alternation takes it hardly lasts by chance.
    turn_us = np.where(rises % 2 == 1, half_us, 0)
    apart_us = np.abs(np.abs(steps_us - rises * tempo.period_us) - turn_us)
    turned = apart_us <= _STILL_SCATTERS * scatter_us
    cost = COMMAND_COST + np.where(turned, WHOLE_PERIODS_COST, 0)
    return np.where(command, cost, SWITCH_COST[0])
