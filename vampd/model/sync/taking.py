"""The order of taking: that of the framegrabber's counter, where the host's clock was set back.

Cubes follow each other by their times. The clock may be set back between two of them, or within
one: then times overlap or interleave, while cnt0 goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import RawCube

Int64 = npt.NDArray[np.int64]
Span = tuple[int, int]

_MOST_RESETS = 8  # that are looked for in one stretch of cubes; camera processes rarely restart
_FARTHEST_US = 3_600_000_000


def in_order_of_taking(cubes: Sequence[RawCube]) -> list[RawCube]:
    """One camera's cubes in the order in which they were taken, however they are given."""
    ordered = sorted(cubes, key=lambda cube: (cube.ends_us[0], cube.path))
    spans = [cube.ends_us for cube in ordered]
    counts = [cube.count_span for cube in ordered]
    return [ordered[i] for i in _order(spans, counts)]


def overlap(one: Span, other: Span) -> bool:
    """Whether two spans have a number in common."""
    return one[0] <= other[1] and other[0] <= one[1]


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


def match_clocks(one_us: Int64, two_us: Int64) -> tuple[Int64, Int64]:
    """For each frame of both cameras, which of the clock's settings it belongs to, from 0.

    Both arrays are in order of taking. The camera that saw more steps shows them; each stretch of
    the other one's frames belongs where its times are nearest, and never before the one before it.
    """
    one, two = clock_of(one_us), clock_of(two_us)
    if not len(one) or not len(two) or not max(one[-1], two[-1]):
        return one, two
    if two[-1] > one[-1]:
        second, first = match_clocks(two_us, one_us)
        return first, second
    return one, _assign(two_us, two, [one_us[one == clock] for clock in range(one[-1] + 1)])


def _assign(times_us: Int64, own: Int64, shown: Sequence[Int64]) -> Int64:
    """The setting of each stretch of frames, in rising order and nearest to those shown."""
    pieces = _stretches(times_us, own)
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


def _stretches(times_us: Int64, own: Int64) -> list[slice]:
    """Stretches without a step and without a pause of a second."""
    cuts = np.flatnonzero((np.diff(own) != 0) | (np.diff(times_us) > 1_000_000)) + 1
    edges = [0, *cuts.tolist(), len(times_us)]
    return [slice(begin, end) for begin, end in pairwise(edges)]


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
    steps = sum(
        counts[b][0] <= counts[a][1] or spans[b][0] <= spans[a][1] for a, b in pairwise(block)
    )
    by_time = (steps, -_count_joined(block, counts))
    if any(overlap(counts[a], counts[b]) for a, b in pairwise(by_count)):
        return by_time, block  # these counts order nothing
    back = sum(spans[b][0] <= spans[a][1] for a, b in pairwise(by_count))
    counted = (back, -_count_joined(by_count, counts))
    return (counted, by_count) if counted < by_time else (by_time, block)


def _count_joined(order: Sequence[int], counts: Sequence[Span]) -> int:
    return sum(counts[b][0] == counts[a][1] + 1 for a, b in pairwise(order))
