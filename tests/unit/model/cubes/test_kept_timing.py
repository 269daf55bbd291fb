"""Kept timing: rows in a few bytes each, and the same numbers again."""

import pickle

import numpy as np
import pytest

from tests.support.builders.framelists import times_of
from vampd.model.cubes import KeptTiming, Timing, format_rows, pack_times
from vampd.model.cubes.kept_timing import parse_rows, unpack_times

LEAST, MOST = -(2**63), 2**63 - 1


def columns_of(timing: Timing) -> list[list[int]]:
    return [getattr(timing, name).tolist() for name in Timing.__dataclass_fields__]


COLUMNS = [
    [],
    [7],
    [5, 4, 4, 9],
    list(range(10, 1000, 3)),
    [*range(100), 500, *range(501, 600), 3],
    [MOST, LEAST, MOST, 0, LEAST],
    [0, 127, 126, 254, -2, -131, 40_000, 2**31, 2**33, 0],
]


@pytest.mark.parametrize("values", COLUMNS)
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


@pytest.mark.parametrize("values", COLUMNS)
def test_every_number_comes_back_from_one_line_of_text(values: list[int]) -> None:
    column = np.array(values, dtype=np.int64)
    timing = Timing(*(column[:: (-1) ** turn] for turn in range(7)))
    packed = pack_times(timing)
    assert packed.isascii()
    assert "\n" not in packed
    assert columns_of(unpack_times(packed, len(values))) == columns_of(timing)


@pytest.mark.parametrize("frames", [0, 2, 4])
def test_times_of_other_frames_are_refused(frames: int) -> None:
    with pytest.raises(ValueError, match=f"not those of {frames} frames"):
        unpack_times(times_of(3), frames)


@pytest.mark.parametrize("text", ["", "=", "row", "\u00e9", times_of(3)[:-8], "AAAA" + times_of(3)])
def test_what_is_no_packed_times_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack_times(text, 3)


def test_rows_as_text_give_their_numbers_or_are_refused() -> None:
    # The host's clock was set back: less than nothing since the first frame.
    timing = Timing(*(np.array([5, -7 if turn == 2 else 7]) for turn in range(7)))
    assert columns_of(parse_rows(format_rows(timing))) == columns_of(timing)
    rows = format_rows(timing)
    for other in (rows[:-1], rows.replace("7 ", "7  ", 1), rows + "1 2\n", "row\n"):
        with pytest.raises(ValueError, match=r"."):
            parse_rows(other)
