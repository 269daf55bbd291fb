"""Pairs of a run: the offset around each, the tolerance, and which offsets are believed."""

import numpy as np
import pytest

from vampd.model.sync.states.pairs import Pairs, in_order, is_unbelievable, measure_offsets

LARGEST_US = 2_000


BURST = slice(40, 60)


def one_by_one(frames: int) -> Pairs:
    return Pairs(np.arange(frames), np.arange(frames))


def refused(offset_us: int, frames: int, period_us: int = 20_000, exposure_us: int = 19_000) -> int:
    times_us = 10**9 + period_us * np.arange(frames)
    offsets_us = np.full(frames, offset_us)
    return count_refused(offsets_us, times_us, exposure_us)


def count_refused(
    offsets_us: np.ndarray, times_us: np.ndarray, exposure_us: int, pairs: Pairs | None = None
) -> int:
    pairs = pairs or one_by_one(len(times_us))
    exposures_us = np.full(len(times_us), exposure_us)
    return int(is_unbelievable(pairs, offsets_us, times_us, exposures_us, LARGEST_US).sum())


def refused_in_burst(late_us: np.ndarray, pairs: Pairs | None = None, pause_us: int = 0) -> int:
    """Of 100 pairs at 3 ms, those of a burst are late by so much; a pause comes just before it."""
    times_us = 10**9 + 3_000 * np.arange(100)
    times_us[BURST.start - 2 :] += pause_us
    differences_us = np.full(100, 150)
    differences_us[BURST] += late_us
    return count_refused(differences_us, times_us, 2_500, pairs)


def test_an_offset_beyond_the_largest_is_believed_where_a_long_stretch_shows_it() -> None:
    assert refused(7_000, 24) == 24
    assert refused(7_000, 25) == 0
    assert refused(-7_000, 25) == 0
    assert refused(2_000, 5) == 0


def test_an_offset_is_believed_where_exposures_leave_no_room_for_another_trigger() -> None:
    assert refused(2_500, 25, period_us=240_000, exposure_us=210_000) == 0
    assert refused(2_500, 25, period_us=1_000_000, exposure_us=999_000) == 0
    assert refused(7_000, 25, exposure_us=10_001) == 0
    assert refused(7_000, 25, exposure_us=10_000) == 25


@pytest.mark.parametrize("period_us", [40_000, 250_000, 400_000, 600_000])
def test_single_frames_show_no_offset_however_regular(period_us: int) -> None:
    assert refused(7_000, 40, period_us, exposure_us=5_000) == 40
    assert refused(10_100, 40, period_us, exposure_us=10_000) == 40


def test_a_few_frames_have_the_offset_that_a_long_stretch_shows_elsewhere() -> None:
    times_us = 10**9 + 20_000 * np.arange(40)
    times_us[30:] += 700_000
    assert count_refused(np.full(40, 7_000), times_us, 19_000) == 0
    unlike = np.where(np.arange(40) < 30, 7_000, 12_000)
    found = is_unbelievable(one_by_one(40), unlike, times_us, np.full(40, 19_000), LARGEST_US)
    assert found.tolist() == [False] * 30 + [True] * 10


def test_a_pause_of_half_a_second_beyond_the_exposure_ends_a_stretch() -> None:
    times_us = 10**9 + 800_000 * np.arange(48)
    assert count_refused(np.full(48, 7_000), times_us, 700_000) == 0
    times_us[24:] += 401_000
    assert count_refused(np.full(48, 7_000), times_us, 700_000) == 48


def test_stamps_that_are_late_for_a_while_are_no_offset() -> None:
    rng = np.random.default_rng(1)
    late_us = rng.integers(1_000, 5_000, 20)
    assert refused_in_burst(late_us) == 0
    assert refused_in_burst(-late_us) == 0


def test_frames_that_are_off_by_a_trigger_for_a_while_are_no_late_stamps() -> None:
    """Two triggers were missed without a trace, one by each camera: all are off by the same."""
    assert refused_in_burst(np.full(20, 3_000)) > 0
    assert refused_in_burst(3_000 + 200 * (np.arange(20) % 2)) > 0


def test_late_stamps_are_no_offset_only_among_pairs_of_all_frames_without_a_pause() -> None:
    late_us = np.random.default_rng(1).integers(1_000, 5_000, 20)
    skipping = np.arange(100) + (np.arange(100) >= BURST.stop + 3)
    for pairs in (Pairs(np.arange(100), skipping), Pairs(skipping, np.arange(100))):
        assert refused_in_burst(late_us, pairs) > 0
    assert refused_in_burst(late_us, pause_us=700_000) > 0


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
