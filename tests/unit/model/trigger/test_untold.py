"""A stamp that is late by about T before a missed trigger looks like one after a missed trigger."""

import numpy as np
import pytest

from tests.support.examples import others_in_soak
from tests.unit.model.trigger.test_inference import OFFSET_US, arrivals, solve, train
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import ALONE, DRIVEN, RELAXED, Arrivals, explain_frame, infer
from vampd.model.trigger.partners import doubt_at_misses
from vampd.model.trigger.weights import NAT, SPOKEN_TWICE

FRAMES, AT = 121, 60
SLOW_US = 173


def side(stamps_us, half_us):
    size = len(stamps_us)
    same, switching = np.ones(size, dtype=np.int64), np.full(size, half_us > 0)
    cnt0 = 100 + np.arange(size)
    return Arrivals(
        stamps_us, cnt0, switching, switching, half_us * same, 800 * same, SLOW_US * same
    )


def late_before_a_miss(period_us, half_us, late_us, seed):
    """Both cameras' frames, and which triggers camera 1 kept; it counts only what it took."""
    relaxed = np.arange(FRAMES - 1) % 2 == 0
    steps_us = np.where(relaxed, period_us + half_us, period_us - half_us)
    times_us = np.concatenate([[0], np.cumsum(steps_us)]) + 10**15
    lags_us = np.random.default_rng(seed).integers(0, SLOW_US, (2, FRAMES))
    kept = np.delete(np.arange(FRAMES), AT + 1)
    one_us = times_us + lags_us[0]
    one_us[AT] += late_us
    return side(one_us[kept], half_us), side(times_us + lags_us[1] + 300, half_us), kept


# Coverage doubles what this costs; shorter laws reach the same lines.
@pytest.mark.no_cover
@pytest.mark.parametrize(("period_us", "half_us"), [(1_300, 0), (2_600, 700)])
@pytest.mark.parametrize("part", [-1, 0, 1])
@pytest.mark.parametrize("seed", others_in_soak(range(3)))
def test_where_any_lateness_fits_whole_periods_late_or_missed_is_not_told(
    period_us, half_us, part, seed
):
    one, two, kept = late_before_a_miss(
        period_us, half_us, period_us + part * (half_us + SLOW_US), seed
    )
    found = solve(one, two)
    rows = np.flatnonzero(found.partners[0] != ALONE)
    known = np.flatnonzero(found.states[0] >= RELAXED)

    assert np.array_equal(kept[rows], found.partners[0][rows])
    assert np.isin(np.delete(kept, AT), kept[rows]).sum() >= len(kept) - 4
    if half_us:
        truth = np.where(kept % 2 == 0, RELAXED, DRIVEN)
        assert np.array_equal(found.states[0][known], truth[known])
        assert len(known) >= len(kept) - 4
    # Where the guard withholds, the explanation says so.
    if part == 0:
        told = explain_frame(one, two, 0, AT)
        assert told.untold
        assert told.pair_untold


TIMES_US = train(FRAMES)
# One in a thousand may be wrong of what is given here; but none of this kind, which is all alike.
LARGEST_ERROR = 1e-3


def judge(late_us, missed):
    """Frames of camera 1 are late, and it missed triggers untold; camera 2 is whole."""
    kept = np.setdiff1d(np.arange(FRAMES), missed)
    stamps_us = TIMES_US.copy()
    for trigger, by_us in late_us.items():
        stamps_us[trigger] += by_us
    one = arrivals(stamps_us, kept)
    one.cnt0[:] = 1_000 + np.arange(len(kept))
    two = arrivals(TIMES_US + OFFSET_US, count=77)
    found = infer(one, two, LARGEST_ERROR, compiled_kernels())
    rows = np.flatnonzero(found.partners[0] != ALONE)
    truth = np.where(kept % 2 == 0, RELAXED, DRIVEN)
    known = np.flatnonzero(found.states[0] >= RELAXED)
    assert np.array_equal(found.partners[0][rows], kept[rows])
    assert np.array_equal(found.states[0][known], truth[known])
    return kept[rows], kept[known]


@pytest.mark.parametrize("off_us", [-45, -30, 25, 30, 35, 40, 60])
def test_a_frame_late_until_nearly_the_next_trigger_is_not_taken_for_one_of_it(off_us):
    step_us = int(TIMES_US[AT + 1] - TIMES_US[AT])
    paired, labeled = judge({AT: step_us + off_us}, [AT + 1])

    assert np.isin(np.delete(np.arange(FRAMES), [AT, AT + 1]), paired).all()
    assert np.isin(np.delete(np.arange(FRAMES), [AT, AT + 1]), labeled).all()


def doubt(shifts, told, partners, *, before=0, begins=(), queued=()):
    """Of frames that come by turns, camera 1's first, by shift and what its pair says (nats).

    ``before`` is how many rows of each camera came earlier; stretches begin at ``begins``, and
    ``queued`` are those that waited.
    """
    size = len(shifts)
    here, at = np.arange(size), np.array(shifts)
    pairs = np.full((size, 3, 13), -20 * NAT)
    pairs[here, 1, at] = np.array(told) * NAT
    table = np.full((size, 13), 99)
    table[here, at] = partners
    camera, row, count = here % 2, here // 2 + before, np.zeros(size, dtype=np.int64)
    begin, waited = (np.isin(here, these).astype(np.int64) for these in (begins, queued))
    found = doubt_at_misses(camera, row, count, begin, waited, pairs, table, at)
    assert np.isin(found, (0, SPOKEN_TWICE)).all()
    return np.flatnonzero(found).tolist()


PAIRS = [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("shifts", "doubted"),
    [
        ([6] * 8, []),
        ([6, 6, 7, 7, 7, 7, 7, 7], [2, 3]),
        ([6, 6, 6, 6, 7, 7, 7, 7], [2, 3]),
        ([6, 6, 6, 6, 6, 7, 7, 7], []),
    ],
)
def test_a_late_pair_is_doubted_where_a_trigger_was_missed_beside_a_frame_of_it(shifts, doubted):
    assert doubt(shifts, [0, 0, 0, -1.1, 0, 0, 0, 0], PAIRS) == doubted
    assert doubt(shifts, [0, 0, 0, -1, 0, 0, 0, 0], PAIRS) == []
    # What a stretch's offset costs is no lateness.
    assert doubt(shifts, [0, 0, 0, -1.1, 0, 0, 0, 0], PAIRS, begins=[3]) == []


@pytest.mark.parametrize(
    ("queued", "doubted"), [([], []), ([3], []), ([1, 3], [2, 3]), ([3, 5], [2, 3])]
)
def test_a_pair_that_waited_is_doubted_where_a_trigger_was_missed_beside_the_wait(queued, doubted):
    shifts = [6, 6, 6, 6, 6, 7, 7, 7] if 5 in queued else [7, 6, 6, 6, 6, 6, 6, 6]
    assert doubt(shifts, [0, 0, 0, -1, 0, 0, 0, 0], PAIRS, queued=queued) == doubted


def test_a_frame_without_a_partner_among_them_is_late_by_itself():
    alone = [99, ALONE, 99, 9, 99, 12]

    assert doubt([6, 6, 7, 7, 7, 7], [0, -4, 0, 0, 0, 0], alone, before=10) == [1]
    assert doubt([6, 6, 6, 7, 7, 7], [0, 0, 0, -4, 0, 0], alone, before=10) == [3]
    for late in (4, 5):
        told = [-4 * (n == late) for n in range(6)]
        assert doubt([6, 6, 6, 7, 7, 7], told, alone, before=10) == []
