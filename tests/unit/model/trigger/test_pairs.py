"""Pairs: true partners or none; what could be of another trigger is not paired."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.builders.frames import FAST_US, SLOW_US, trigger_train
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import Arrivals, arrival_scatter_us, infer, rows_tolerance_us


def arrivals(
    triggers: list[int] | range,
    *,
    period_us: float = 2000,
    offset_us: float = 0,
    jitter_us: float = 0,
    flc_us: float | None = None,
    seed: int = 0,
) -> Arrivals:
    """One camera's frames of these triggers, which its counter counts."""
    kept = np.array(list(triggers), dtype=np.int64)
    times = trigger_train(int(kept.max(initial=0)) + 1, period_us=period_us, flc_us=flc_us).times_us
    lags = np.random.default_rng(seed).uniform(0, jitter_us, len(kept))
    size = len(kept)
    return Arrivals(
        acquired_us=np.rint(times[kept] + lags + offset_us + 1e9).astype(np.int64),
        cnt0=kept + (7 if offset_us else 0),
        fitted=np.full(size, flc_us is not None),
        switching=np.full(size, flc_us is not None),
        half_width_us=np.full(size, round(flc_us or 0), np.int64),
        exposure_us=np.full(size, round(0.7 * period_us), np.int64),
        scatter_us=np.full(size, round(max(jitter_us, FAST_US)), np.int64),
    )


def made(one: Arrivals, two: Arrivals) -> list[tuple[int, int]]:
    partners = infer(one, two, 1e-6, compiled_kernels()).partners[0]
    return [(first, int(partners[first])) for first in np.flatnonzero(partners >= 0).tolist()]


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


def test_without_a_camera_there_are_no_pairs() -> None:
    assert made(arrivals([]), arrivals([])) == []
    assert made(arrivals(range(9)), arrivals([])) == []
    assert made(arrivals([]), arrivals(range(9))) == []


@pytest.mark.parametrize("offset_us", [-500, -300, 1, 300, 500])
@pytest.mark.parametrize("flc_us", [None, 100])
def test_frames_pair_whatever_the_offset(offset_us: int, flc_us: float | None) -> None:
    one = arrivals(range(60), jitter_us=FAST_US, flc_us=flc_us)
    two = arrivals(range(60), jitter_us=FAST_US, flc_us=flc_us, offset_us=offset_us, seed=1)
    assert made(one, two) == [(i, i) for i in range(60)]


@pytest.mark.parametrize("frames", [8, 50])
def test_slow_frames_pair_in_spite_of_their_scatter(frames: int) -> None:
    for seed in range(5):
        one = arrivals(range(frames), period_us=20_000, jitter_us=SLOW_US, seed=seed)
        two = arrivals(
            range(frames), period_us=20_000, jitter_us=SLOW_US, offset_us=1, seed=seed + 100
        )
        assert made(one, two) == [(i, i) for i in range(frames)]


def test_a_lost_frame_leaves_its_partner_alone_and_shifts_no_other() -> None:
    first = [i for i in range(40) if i not in (7, 20)]
    second = [i for i in range(40) if i not in (11, 12, 30)]
    pairs = made(arrivals(first), arrivals(second, offset_us=300))
    both = sorted(set(first) & set(second))
    assert [(first[i], second[j]) for i, j in pairs] == [(n, n) for n in both]


def test_frames_of_which_none_was_exposed_together_do_not_pair() -> None:
    assert made(arrivals(range(20)), arrivals(range(40, 60), offset_us=100)) == []


@pytest.mark.parametrize("part", [0.45, 0.5, 0.55, -0.5])
def test_an_offset_near_half_a_period_is_ambiguous_and_nothing_is_paired(part: float) -> None:
    one = arrivals(range(100), jitter_us=FAST_US)
    two = arrivals(range(100), jitter_us=FAST_US, offset_us=part * 2000, seed=1)
    assert made(one, two) == []


@pytest.mark.parametrize(("first", "second"), [([0, 2], [1]), ([0, 2], [1, 3]), ([0], [1, 3])])
def test_few_frames_of_different_triggers_do_not_pair(first: list[int], second: list[int]) -> None:
    for offset_us in (-600, -300, 300, 600):
        assert made(arrivals(first), arrivals(second, offset_us=offset_us)) == []


@pytest.mark.parametrize("beside_us", [-34, 34])
@pytest.mark.parametrize("flc_us", [None, 200])
def test_a_clock_that_jumps_by_about_a_period_makes_no_pair_that_is_off_by_one(
    beside_us: int, flc_us: float | None
) -> None:
    """It looks like a trigger that one camera missed without a trace, and a step of the offset."""
    for seed in range(4):
        one = arrivals(range(200), jitter_us=FAST_US, flc_us=flc_us, seed=seed)
        two = arrivals(range(200), jitter_us=FAST_US, flc_us=flc_us, offset_us=150, seed=seed + 50)
        late_us = np.where(np.arange(200) < 100, 0, 2_000 + beside_us)
        pairs = made(one, replace(two, acquired_us=two.acquired_us + late_us))
        assert pairs[:99] == [(i, i) for i in range(99)]
        assert all(first == second for first, second in pairs)
