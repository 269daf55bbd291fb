"""The order of taking: that of the framegrabber's counter, where the host's clock was set back.

Cubes follow each other by their times. The clock may be set back between two of them, or within
one: then times overlap or interleave, while cnt0 goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import RawCube, SetAside, beyond_tai_us

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
Span = tuple[int, int]
Frames = tuple[Int64, Int64]  # acquisition times (us) and cnt0

_MOST_RESETS = 8  # that are looked for in one stretch of cubes; camera processes rarely restart
_FARTHEST_US = 3_600_000_000
_AROUND = 8  # intervals before and after one that tell the usual one
_FEW_BAD = 0.1  # of a cube's rows, which alone may be wrong at its begin or end


def in_order_of_taking(cubes: Sequence[RawCube]) -> list[RawCube]:
    """One camera's cubes in the order in which they were taken, however they are given."""
    ordered = sorted(cubes, key=lambda cube: (cube.ends_us[0], cube.path))
    spans = [cube.ends_us for cube in ordered]
    counts = [cube.count_span for cube in ordered]
    return [ordered[i] for i in _order(spans, counts)]


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans have a number in common."""
    return one[0] <= other[1] and other[0] <= one[1]


def spoil_false_ends(cubes: Sequence[RawCube]) -> tuple[list[RawCube], list[SetAside]]:
    """One camera's cubes, without times that only column 5 shows before those of earlier frames.

    A clock that was set back shows in column 4 too. A time that does not is the one that differs
    more from its logging time; cubes without another one are set aside.
    """
    ordered = in_order_of_taking(cubes)
    usual_us = _usual_lag_us(ordered)
    kept: list[RawCube] = []
    spoiled: list[RawCube] = []
    for cube in ordered:
        after = cube
        while kept and _is_false_step(kept[-1], after):
            ends = _spoil(kept[-1], after, usual_us)
            if ends is None:
                break
            before, after = ends
            kept.pop()
            (kept if before.good.any() else spoiled).append(before)
        (kept if after.good.any() else spoiled).append(after)
    return kept, [_without_time(cube) for cube in spoiled]


def _is_false_step(before: RawCube, after: RawCube) -> bool:
    """Whether column 5 alone goes back between them, though the counter goes on."""
    return (
        bool(before.good.any() and after.good.any())
        and after.count_span[0] > before.count_span[1]
        and after.ends_us[0] <= before.ends_us[1]
        and _logged_us(after, 0) > _logged_us(before, -1)
    )


def _spoil(before: RawCube, after: RawCube, usual_us: int) -> tuple[RawCube, RawCube] | None:
    """Both without their false times, None if more than a few rows would have to be false."""
    left = [
        max(1, int(_FEW_BAD * cube.frames)) - int(np.count_nonzero(~cube.good))
        for cube in (before, after)
    ]
    while _is_false_step(before, after):
        leaps_us = abs(_lag_us(before, -1) - usual_us), abs(_lag_us(after, 0) - usual_us)
        worse = int(leaps_us[1] >= leaps_us[0])
        left[worse] -= 1
        if left[worse] < 0:
            return None
        if worse:
            after = _without_row(after, 0)
        else:
            before = _without_row(before, -1)
    return before, after


def _without_row(cube: RawCube, end: int) -> RawCube:
    """The cube without a time in its first (0) or last (-1) good row."""
    good = np.flatnonzero(cube.good)
    timing = cube.timing.take(np.arange(cube.frames, dtype=np.int64))
    times_us = np.zeros_like(timing.acquired_us)
    times_us[good] = timing.acquired_us[good]
    times_us[good[end]] = 0
    return replace(cube, timing=replace(timing, acquired_us=times_us))


def _logged_us(cube: RawCube, end: int) -> int:
    return int(cube.timing.logged_ns[np.flatnonzero(cube.good)[end]]) // 1_000


def _lag_us(cube: RawCube, end: int) -> int:
    return int(beyond_tai_us(np.array(_logged_us(cube, end) - cube.ends_us[end])))


def _usual_lag_us(cubes: Sequence[RawCube]) -> int:
    """The middle one of the cubes' own."""
    lags_us = sorted(_lag_us(cube, 0) for cube in cubes)
    return lags_us[len(lags_us) // 2] if lags_us else 0


def _without_time(cube: RawCube) -> SetAside:
    reason = (
        "its acquisition times (column 5) are before those of frames that were taken and logged"
        " (column 4) before it"
    )
    return SetAside(cube.fits, cube.timing_file, cube.frames, "acquisition_time_absurd", reason)


def group_by_clock(ordered: Sequence[RawCube]) -> list[list[RawCube]]:
    """Cubes in order of taking, in groups between which the clock was set back.

    A cube that is early although its counts are later begins a group; one that is early and counts
    what others counted is beside them.
    """
    groups: list[list[RawCube]] = []
    last_us = last_count = 0
    begins = True
    for cube in ordered:
        first_us, end_us = cube.ends_us
        low, high = cube.count_span
        follows = first_us > last_us
        if begins or (not follows and low > last_count):
            groups.append([cube])
        else:
            groups[-1].append(cube)
        if begins or follows or low > last_count:
            last_us, last_count = end_us, high
        else:
            last_us = max(last_us, end_us)
        begins = cube.is_stepped
    return groups


def clock_of(acquired_us: Int64) -> Int64:
    """For each frame in order of taking, how often time went back before it."""
    back = np.diff(acquired_us) <= 0
    return np.concatenate([[0], np.cumsum(back)])[: len(acquired_us)].astype(np.int64)


def match_clocks(one: Frames, two: Frames) -> tuple[Int64, Int64]:
    """For each frame of both cameras, which of the clock's settings it belongs to, from 0.

    Both are in order of taking: acquisition times and counts. The camera that saw more steps shows
    them; each stretch of the other one's frames belongs where its times are nearest, and never
    before the one before it.
    """
    clocks = clock_of(one[0]), clock_of(two[0])
    if not all(map(len, clocks)) or not max(clock[-1] for clock in clocks):
        return clocks
    if clocks[1][-1] > clocks[0][-1]:
        second, first = match_clocks(two, one)
        return first, second
    shown = [one[0][clocks[0] == clock] for clock in range(clocks[0][-1] + 1)]
    return clocks[0], _assign(two, clocks[1], shown)


def _assign(frames: Frames, own: Int64, shown: Sequence[Int64]) -> Int64:
    """The setting of each stretch of frames, in rising order and nearest to those shown."""
    times_us = frames[0]
    pieces = _stretches(*frames, own)
    begins = [piece.start for piece in pieces]
    costs = np.stack([_distances_us(times_us, begins, known) for known in shown], axis=1)
    steps = np.diff(own[begins], prepend=0).tolist()
    best = np.full((len(pieces), len(shown)), np.iinfo(np.int64).max // 2)
    came = np.zeros_like(best)
    best[0] = costs[0]
    for number in range(1, len(pieces)):
        # The best setting before, up to each one.
        least = np.minimum.accumulate(best[number - 1])
        falls = np.concatenate([[True], least[1:] < least[:-1]])
        at = np.maximum.accumulate(np.where(falls, np.arange(len(shown)), 0))
        first = steps[number]
        came[number, first:] = at[: len(shown) - first]
        best[number, first:] = least[: len(shown) - first] + costs[number, first:]
    clock = int(np.argmin(best[-1]))
    result = np.empty(len(times_us), dtype=np.int64)
    for number in range(len(pieces) - 1, -1, -1):
        result[pieces[number]] = clock
        clock = int(came[number, clock])
    return result


def _stretches(times_us: Int64, counts: Int64, own: Int64) -> list[slice]:
    """Stretches without a step, without a pause of a second, and without what may hide a step."""
    steps_us = np.diff(times_us)
    cuts = np.flatnonzero(
        (np.diff(own) != 0) | (steps_us > 1_000_000) | _may_hide(steps_us, counts)
    )
    edges = [0, *(cuts + 1).tolist(), len(times_us)]
    return [slice(begin, end) for begin, end in pairwise(edges)]


def _may_hide(steps_us: Int64, counts: Int64) -> Booleans:
    """Per step, whether the clock may have been set back where frames are missing.

    The counter rose by more than there was time for, at the intervals around it, or began anew.
    """
    counted = np.diff(counts)
    hides: Booleans = counted < 1
    usual = np.flatnonzero(counted == 1)
    some = np.flatnonzero(counted > 1)
    if len(usual) and len(some):
        around = np.searchsorted(usual, some)[:, None] + np.arange(-_AROUND, _AROUND)
        periods_us = np.median(steps_us[usual[around.clip(0, len(usual) - 1)]], axis=1)
        hides[some] = (counted[some] - 0.5) * periods_us > steps_us[some]
    return hides


def _distances_us(times_us: Int64, begins: list[int], known_us: Int64) -> Int64:
    """How far the times from each begin on are from the nearest known ones, on average.

    Each time is an hour away at most.
    """
    after = np.searchsorted(known_us, times_us).clip(0, len(known_us) - 1)
    before = (after - 1).clip(0)
    nearest = np.minimum(np.abs(known_us[after] - times_us), np.abs(known_us[before] - times_us))
    sums = np.add.reduceat(nearest.clip(max=_FARTHEST_US), begins)
    return np.asarray(sums // np.diff([*begins, len(times_us)]))


def _order(spans: Sequence[Span], counts: Sequence[Span]) -> Iterator[int]:
    """The positions in order of taking, for spans that are sorted by time."""
    for block in _blocks(counts):
        yield from _best_order(block, spans, counts)[1]


def _blocks(counts: Sequence[Span]) -> Iterator[list[int]]:
    """Stretches between which all counts rise: order and counts agree there."""
    highest = list(accumulate((high for _, high in counts), max))
    lowest = list(accumulate((low for low, _ in reversed(counts)), min))[::-1]
    begin = 0
    for position in range(1, len(counts) + 1):
        if position == len(counts) or highest[position - 1] < lowest[position]:
            yield list(range(begin, position))
            begin = position


def _best_order(
    block: list[int], spans: Sequence[Span], counts: Sequence[Span]
) -> tuple[tuple[int, int], list[int]]:
    """By time or by the counter, whichever needs fewer steps of the clock and of the counter.

    Or by either on both sides of where the counter began anew; then in the order of time.
    """
    score, order = _score_orders(block, spans, counts)
    if len(block) < 2:
        return score, order
    falls = [i for i in range(1, len(block)) if counts[block[i]][0] <= counts[block[i - 1]][1]]
    for fall in falls[:_MOST_RESETS] if score[0] > 1 else ():
        before, after = block[:fall], block[fall:]
        left, right = (_score_orders(part, spans, counts) for part in (before, after))
        apart = (left[0][0] + right[0][0] + 1, left[0][1] + right[0][1])
        if apart <= score:
            score, order = apart, left[1] + right[1]
    return score, order


def _score_orders(
    block: list[int], spans: Sequence[Span], counts: Sequence[Span]
) -> tuple[tuple[int, int], list[int]]:
    by_count = sorted(block, key=lambda i: (counts[i], i))
    # Two cubes of one time are wrong in the order of time, whatever their counts.
    steps = sum(
        (counts[b][0] <= counts[a][1]) + (spans[b][0] <= spans[a][1]) for a, b in pairwise(block)
    )
    by_time = (steps, -_count_joined(block, counts))
    if any(overlap(counts[a], counts[b]) for a, b in pairwise(by_count)):
        return by_time, block  # these counts order nothing
    back = sum(spans[b][0] <= spans[a][1] for a, b in pairwise(by_count))
    counted = (back, -_count_joined(by_count, counts))
    return (counted, by_count) if counted < by_time else (by_time, block)


def _count_joined(order: Sequence[int], counts: Sequence[Span]) -> int:
    return sum(counts[b][0] == counts[a][1] + 1 for a, b in pairwise(order))
