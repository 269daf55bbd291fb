"""Kept timing: rows in a few bytes each, and the same numbers again."""

import pickle

import numpy as np
import pytest

from vampd.model.cubes import KeptTiming, Timing

LEAST, MOST = -(2**63), 2**63 - 1


def columns_of(timing: Timing) -> list[list[int]]:
    return [getattr(timing, name).tolist() for name in Timing.__dataclass_fields__]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [7],
        [5, 4, 4, 9],
        list(range(10, 1000, 3)),
        [*range(100), 500, *range(501, 600), 3],
        [MOST, LEAST, MOST, 0, LEAST],
        [0, 127, 126, 254, -2, -131, 40_000, 2**31, 2**33, 0],
    ],
)
def test_every_number_comes_back(values: list[int]) -> None:
    column = np.array(values, dtype=np.int64)
    timing = Timing(*(column[:: (-1) ** turn] for turn in range(7)))
    kept = KeptTiming(timing)
    for each in (kept, pickle.loads(pickle.dumps(kept))):
        assert columns_of(each) == columns_of(timing)
        assert len(each) == len(values)


def test_what_is_read_is_no_part_of_what_is_kept() -> None:
    kept = KeptTiming(Timing(*[np.arange(3)] * 7))
    kept.cnt0[:] = 9
    assert kept.cnt0.tolist() == [0, 1, 2]
    assert not hasattr(kept, "cnt2")


def test_rows_of_a_logger_take_a_few_bytes_each() -> None:
    frames, noise = 10_000, np.random.default_rng(1)
    count = np.arange(frames) + np.cumsum(noise.random(frames) < 0.001)
    acquired_us = 2_000 * count + 1_762_424_400_000_000 + noise.integers(0, 40, frames)
    logged_ns = 1_000 * acquired_us + noise.integers(100_000, 400_000, frames)
    timing = Timing(
        np.arange(frames), count, logged_ns - logged_ns[0], logged_ns, acquired_us, count, count
    )
    assert len(pickle.dumps(KeptTiming(timing))) < 7 * frames
