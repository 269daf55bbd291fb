"""Cutting: midnight, gaps, headers, span; every frame in one piece, in order."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import DAY_US
from vampd.model.sync import cut_cubes, gaps_before, split_at

SECOND = 1_000_000
GAP, SPAN = 3 * SECOND, 10 * SECOND


def cut(
    times: list[int],
    exposure_us: int = 0,
    headers: tuple[list[int], ...] = (),
    span_us: int | None = SPAN,
) -> list[list[int]]:
    pieces = cut_cubes(
        np.array(times, np.int64),
        np.full(len(times), exposure_us, np.int64),
        tuple(np.array(header, np.int64) for header in headers),
        gap_us=GAP,
        span_us=span_us,
    )
    return [piece.tolist() for piece in pieces]


def test_no_frames_are_no_pieces() -> None:
    assert cut([]) == []
    assert split_at(np.empty(0, dtype=bool), 0) == []


def test_the_gap_is_what_remains_beside_the_exposure() -> None:
    assert cut([0, GAP]) == [[0, 1]]
    assert cut([0, GAP + 1]) == [[0], [1]]
    assert cut([0, GAP + 5 * SECOND], exposure_us=5 * SECOND) == [[0, 1]]
    assert cut([0, GAP + 5 * SECOND + 1], exposure_us=5 * SECOND) == [[0], [1]]


def test_the_exposure_that_counts_is_the_later_frames() -> None:
    times = np.array([0, 4 * SECOND, 8 * SECOND], np.int64)
    exposure = np.array([9 * SECOND, 0, SECOND], np.int64)
    assert gaps_before(times, exposure, GAP).tolist() == [True, False]


def test_a_cube_spans_ten_seconds_and_no_more() -> None:
    assert cut(list(range(0, 21 * SECOND, SECOND))) == [
        list(range(11)),
        list(range(11, 21)),
    ]
    assert cut([0, 2 * SECOND, 5 * SECOND, 8 * SECOND, SPAN + 1]) == [[0, 1, 2, 3], [4]]


def test_without_a_span_only_the_rest_cuts() -> None:
    assert len(cut(list(range(0, 100 * SECOND, SECOND)), span_us=None)) == 1


@pytest.mark.parametrize("span_us", [None, SPAN])
def test_no_cube_crosses_midnight(span_us: int | None) -> None:
    times = [DAY_US - 2, DAY_US - 1, DAY_US, DAY_US + 1]
    assert cut(times, span_us=span_us) == [[0, 1], [2, 3]]


def test_a_change_of_either_cameras_header_cuts() -> None:
    assert cut([0, 1, 2, 3], headers=([0, 0, 1, 1], [0, 1, 1, 1])) == [[0], [1], [2, 3]]
    assert cut([0, 1, 2], headers=([0, 1, 0],)) == [[0], [1], [2]]


@given(
    st.lists(st.integers(1, 6 * SECOND), min_size=1, max_size=60),
    st.integers(0, DAY_US),
    st.integers(0, SECOND),
)
def test_every_frame_is_in_one_piece_and_each_piece_keeps_all_rules(
    steps: list[int], start: int, exposure_us: int
) -> None:
    times = (start + np.cumsum(steps)).tolist()
    pieces = cut(times, exposure_us)
    assert [i for piece in pieces for i in piece] == list(range(len(times)))
    for piece in pieces:
        inside = [times[i] for i in piece]
        assert inside[-1] - inside[0] <= SPAN
        assert inside[0] // DAY_US == inside[-1] // DAY_US
        assert all(b - exposure_us - a <= GAP for a, b in pairwise(inside))
    for before, after in pairwise(pieces):
        # No cut without a reason.
        last, first = times[before[-1]], times[after[0]]
        assert (
            first - exposure_us - last > GAP
            or first // DAY_US != last // DAY_US
            or first - times[before[0]] > SPAN
        )
