"""Pairs of a run: the offset around each, the tolerance, and which offsets are believed."""

import numpy as np
import pytest

from vampd.model.sync.states.pairs import in_order, is_unbelievable, measure_offsets

LARGEST_US = 2_000


def refused(offset_us: int, frames: int, period_us: int = 20_000) -> int:
    times_us = 10**9 + period_us * np.arange(frames)
    return int(is_unbelievable(np.full(frames, offset_us), times_us, LARGEST_US).sum())


def test_an_offset_beyond_the_largest_is_believed_where_a_long_stretch_shows_it() -> None:
    assert refused(7_000, 24) == 24
    assert refused(7_000, 25) == 0
    assert refused(-7_000, 25) == 0
    assert refused(2_000, 5) == 0


def test_single_frames_or_a_small_part_of_the_interval_show_no_offset() -> None:
    assert refused(7_000, 40, period_us=600_000) == 40
    assert refused(7_000, 40, period_us=400_000) == 40


def test_a_few_frames_have_the_offset_that_a_long_stretch_shows_elsewhere() -> None:
    times_us = 10**9 + 20_000 * np.arange(40)
    times_us[30:] += 700_000
    assert not is_unbelievable(np.full(40, 7_000), times_us, LARGEST_US).any()
    unlike = np.where(np.arange(40) < 30, 7_000, 12_000)
    assert is_unbelievable(unlike, times_us, LARGEST_US).tolist() == [False] * 30 + [True] * 10


def test_the_tolerance_is_eight_times_what_the_runs_own_pairs_scatter() -> None:
    differences_us = 150 + 20 * (np.arange(60) % 3 - 1)
    offsets = measure_offsets(differences_us, 14.4)
    assert offsets.tolerance_us == int(8 * 1.4826 * 20)
    assert set(offsets.offsets_us.tolist()) == {150}
    assert measure_offsets(differences_us, 465.0).tolerance_us == 465


def test_the_offset_follows_a_drift_and_no_late_stamp() -> None:
    differences_us = 2 * np.arange(200)
    differences_us[100] += 5_000
    offsets_us = measure_offsets(differences_us, 14.4).offsets_us
    assert abs(int(offsets_us[100]) - 200) <= 2
    assert offsets_us[150] == 300


@pytest.mark.parametrize(
    ("partners", "kept"),
    [
        ([0, 1, -1, 2], [(0, 0), (1, 1), (3, 2)]),
        ([0, 3, 2, 4], [(0, 0), (3, 4)]),
        ([-1, -1], []),
    ],
)
def test_pairs_that_cross_are_none(partners: list[int], kept: list[tuple[int, int]]) -> None:
    pairs = in_order(np.array(partners, dtype=np.int64))
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == kept
