"""Pairing: true partners or none; what could be off by one frame is not paired."""

import numpy as np
import pytest

from tests.support.builders.frames import FAST_US, SLOW_US, trigger_train
from vampd.model.sync import (
    Pairs,
    arrival_scatter_us,
    pair_frames,
    rows_tolerance_us,
    shortest_interval_us,
)

NONE: list[int] = []


def arrivals(
    triggers: list[int] | range,
    *,
    period_us: float = 2000,
    offset_us: float = 0,
    jitter_us: float = 0,
    flc_us: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    kept = np.array(list(triggers), dtype=int)
    times = trigger_train(int(kept.max(initial=0)) + 1, period_us=period_us, flc_us=flc_us).times_us
    lags = np.random.default_rng(seed).uniform(0, jitter_us, len(kept))
    return np.rint(times[kept] + lags + offset_us + 1e9).astype(np.int64)


def made(pairs: Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def test_the_documented_tolerance_is_rows_times_row_time() -> None:
    assert rows_tolerance_us(536, "Fast") == pytest.approx(465, abs=0.5)
    assert rows_tolerance_us(536, " SLOW ") == pytest.approx(465 * 2.5, abs=1)
    assert rows_tolerance_us(536, None) == rows_tolerance_us(536, "Fast")


@pytest.mark.parametrize(
    ("mode", "scatter_us"), [("Fast", FAST_US), ("Slow", SLOW_US), (None, FAST_US)]
)
def test_a_small_window_does_not_make_the_tolerance_smaller_than_the_jitter(
    mode: str | None, scatter_us: float
) -> None:
    assert arrival_scatter_us(mode) == scatter_us
    assert rows_tolerance_us(1, mode) == 2 * scatter_us


@pytest.mark.parametrize(("first", "second"), [(NONE, NONE), ([0], NONE), (NONE, [0, 1])])
def test_without_a_camera_there_are_no_pairs(first: list[int], second: list[int]) -> None:
    pairs = pair_frames(arrivals(first), arrivals(second), 465)
    assert made(pairs) == []
    assert pairs.doubt is None


@pytest.mark.parametrize("offset_us", [-700, -300, 0, 1, 300, 700])
def test_the_offset_is_found_and_removed(offset_us: int) -> None:
    pairs = pair_frames(arrivals(range(50)), arrivals(range(50), offset_us=offset_us), 465)
    assert made(pairs) == [(i, i) for i in range(50)]
    assert pairs.offset_us == offset_us
    assert pairs.tolerance_us == 465


def test_a_small_window_pairs_with_a_large_offset() -> None:
    tolerance_us = rows_tolerance_us(64, "Fast")
    pairs = pair_frames(
        arrivals(range(300), period_us=1000, jitter_us=FAST_US),
        arrivals(range(300), period_us=1000, jitter_us=FAST_US, offset_us=350, seed=1),
        tolerance_us,
    )
    assert tolerance_us < 60
    assert made(pairs) == [(i, i) for i in range(300)]


@pytest.mark.parametrize("frames", [3, 4, 5, 50])
def test_a_small_window_in_slow_mode_pairs_in_spite_of_its_jitter(frames: int) -> None:
    for seed in range(20):
        pairs = pair_frames(
            arrivals(range(frames), period_us=20_000, jitter_us=SLOW_US, seed=seed),
            arrivals(range(frames), period_us=20_000, jitter_us=SLOW_US, seed=seed + 100),
            rows_tolerance_us(64, "Slow"),
            exposure_us=19_000,
        )
        assert made(pairs) == [(i, i) for i in range(frames)]


def test_a_lost_frame_leaves_its_partner_alone_and_shifts_no_other() -> None:
    first, second = [0, 1, 3, 4, 6, 7, 8], [0, 2, 3, 5, 6, 8]
    pairs = pair_frames(arrivals(first), arrivals(second, offset_us=500), 465)
    assert [(first[i], second[j]) for i, j in made(pairs)] == [(n, n) for n in (0, 3, 6, 8)]


def test_frames_of_which_none_was_exposed_together_do_not_pair() -> None:
    pairs = pair_frames(arrivals(range(20)), arrivals(range(40, 60), offset_us=100), 465)
    assert made(pairs) == []
    assert pairs.doubt is None


@pytest.mark.parametrize("part", [0.42, 0.5, 0.58, -0.45, -0.55])
def test_an_offset_near_half_a_period_is_ambiguous_and_nothing_is_paired(part: float) -> None:
    pairs = pair_frames(
        arrivals(range(100), jitter_us=FAST_US),
        arrivals(range(100), jitter_us=FAST_US, offset_us=part * 2000, seed=1),
        465,
    )
    assert made(pairs) == []
    assert pairs.doubt


@pytest.mark.parametrize("part", [-0.35, 0.35])
@pytest.mark.parametrize("flc_us", [20, 100, 500])
def test_the_flcs_alternation_does_not_hide_an_offset_of_a_third_of_the_period(
    part: float, flc_us: float
) -> None:
    pairs = pair_frames(
        arrivals(range(100), jitter_us=FAST_US, flc_us=flc_us),
        arrivals(range(100), jitter_us=FAST_US, flc_us=flc_us, offset_us=part * 2000, seed=1),
        465,
    )
    assert made(pairs) == [(i, i) for i in range(100)]


@pytest.mark.parametrize("part", [0.6, 0.7, 0.8, -0.65, 0.95])
@pytest.mark.parametrize("flc_us", [20, 100, 500])
def test_where_the_flc_shows_that_pairing_is_off_by_one_nothing_is_paired(
    part: float, flc_us: float
) -> None:
    pairs = pair_frames(
        arrivals(range(100), jitter_us=FAST_US, flc_us=flc_us),
        arrivals(range(100), jitter_us=FAST_US, flc_us=flc_us, offset_us=part * 2000, seed=1),
        465,
    )
    assert made(pairs) == []
    assert pairs.doubt


@pytest.mark.parametrize(
    ("apart_us", "exposure_us", "paired"),
    [
        (300, 0, True),  # within the documented tolerance
        (470, 0, False),
        (470, 2_000, True),  # no other frame can be as near
        (-700, 2_000, True),
        (900, 2_000, False),
        (1_000_000, 2_000, False),
        (1_000_000, 0, False),
    ],
)
def test_two_single_frames_pair_only_when_no_other_trigger_can_have_made_one_of_them(
    apart_us: int, exposure_us: int, paired: bool
) -> None:
    pairs = pair_frames(arrivals([0]), arrivals([0], offset_us=apart_us), 465, exposure_us)
    assert bool(made(pairs)) is paired


@pytest.mark.parametrize(
    ("first", "second"), [([0, 2], [1]), ([0, 2], [1, 3]), ([0], [1, 3]), ([0, 5], [1, 6])]
)
def test_few_frames_of_different_triggers_do_not_pair(first: list[int], second: list[int]) -> None:
    for offset_us in (-600, -300, 0, 300, 600):
        pairs = pair_frames(
            arrivals(first), arrivals(second, offset_us=offset_us), 465, exposure_us=1800
        )
        assert made(pairs) == []


def test_the_tolerance_stays_under_half_the_shortest_interval() -> None:
    first, second = arrivals(range(50), period_us=500), arrivals(range(50), period_us=500)
    second[20] += 240
    pairs = pair_frames(first, second, rows_tolerance_us(2000, "Slow"))
    assert pairs.tolerance_us == 225
    assert 20 not in pairs.first.tolist()
    assert len(pairs.first) == 49


def test_the_tolerance_widens_to_the_scatter_that_the_run_shows() -> None:
    first = arrivals(range(200), jitter_us=300)
    second = arrivals(range(200), jitter_us=300, seed=1)
    pairs = pair_frames(first, second, 14.4)
    assert len(pairs.first) == 200
    assert pairs.tolerance_us > 300


def test_an_interval_is_typical_and_not_the_smallest_freak() -> None:
    times = arrivals(range(1000))
    times[500] += 1500
    assert shortest_interval_us(times) == 2000
    assert shortest_interval_us(times[:1], times[:0]) == float("inf")
    assert shortest_interval_us(times, arrivals(range(9), period_us=700)) == 700


@pytest.mark.parametrize(("periods", "offsets_us"), [(19, {0}), (21, {-300, 300})])
def test_behind_a_pause_of_more_than_twenty_periods_the_offset_may_be_another_one(
    periods: int, offsets_us: set[int]
) -> None:
    before, after = arrivals(range(6)), arrivals(range(6)) + (5 + periods) * 2000
    pairs = pair_frames(
        np.concatenate([before, after]), np.concatenate([before - 300, after + 300]), 465
    )
    assert made(pairs) == [(i, i) for i in range(12)]
    assert set(pairs.offsets_us.tolist()) == offsets_us


@pytest.mark.parametrize("offset_us", [-100, 0, 100])
@pytest.mark.parametrize("other_us", [1_900, 2_100])
def test_only_an_offset_that_could_be_meant_casts_doubt_on_the_one_that_was_found(
    other_us: int, offset_us: int
) -> None:
    # Each camera has one frame beyond the other's at one end, or they are a period apart.
    period_us = other_us - offset_us
    pairs = pair_frames(
        arrivals(range(50), period_us=period_us),
        arrivals(range(1, 51), period_us=period_us, offset_us=offset_us),
        465,
    )
    could_be_meant = other_us <= 2_000
    assert made(pairs) == ([] if could_be_meant else [(i + 1, i) for i in range(49)])
    assert bool(pairs.doubt) is could_be_meant


@pytest.mark.parametrize("frames", [12, 60])  # from 16 on the offset may wander
def test_the_tolerance_is_eight_times_what_the_runs_own_pairs_scatter(frames: int) -> None:
    first = arrivals(range(frames), period_us=20_000)
    second = first + 20 * (np.arange(frames) % 3 - 1)
    pairs = pair_frames(first, second, 14.4, exposure_us=19_000)
    assert pairs.tolerance_us == int(8 * 1.4826 * 20)
    assert made(pairs) == [(i, i) for i in range(frames)]


def test_a_pair_is_close_within_eight_times_what_its_run_scatters() -> None:
    everyone = np.arange(11)
    first = arrivals(range(11))
    second = first + np.where(everyone % 2, 10, -10)
    pairs = Pairs(everyone, everyone, np.zeros(11, np.int64))
    limit_us = int(8 * 1.4826 * 10 + 10)
    for late_us, is_close in ((limit_us, True), (limit_us + 1, False)):
        second[5] = first[5] + late_us
        assert pairs.is_close(first, second).tolist() == [True] * 5 + [is_close] + [True] * 5


@pytest.mark.parametrize("beside_us", [-34, 34])
def test_a_clock_that_jumps_by_about_a_period_makes_no_pair_that_is_off_by_one(
    beside_us: int,
) -> None:
    # It looks like a missed frame and a step of the offset, which stands out of the jitter.
    for seed in range(6):
        first = arrivals(range(200), jitter_us=FAST_US, seed=seed)
        second = arrivals(range(200), jitter_us=FAST_US, seed=seed + 50)
        second[100:] += 2000 + beside_us
        pairs = pair_frames(first, second, 465)
        assert made(pairs) == [(i, i) for i in range(100)]
        assert pairs.doubt
