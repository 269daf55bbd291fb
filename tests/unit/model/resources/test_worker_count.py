"""How many packing workers fit in a machine's memory."""

from hypothesis import given
from hypothesis import strategies as st

from vampd.model.resources import WORKER_BYTES, workers_that_fit

most = st.integers(1, 64)
memory = st.integers(0, 10**12)


@given(most, st.integers(0, 64), memory)
def test_there_is_always_one_and_never_more_than_asked_for(
    most: int, busy: int, available: int
) -> None:
    assert 1 <= workers_that_fit(most, busy, available) <= most


@given(most, st.integers(0, 64), memory, memory)
def test_more_memory_never_means_fewer_workers(
    most: int, busy: int, available: int, more: int
) -> None:
    assert workers_that_fit(most, busy, available) <= workers_that_fit(most, busy, available + more)


@given(most, memory)
def test_each_further_worker_leaves_others_their_memory(most: int, available: int) -> None:
    busy, left = 0, available
    while busy < workers_that_fit(most, busy, left):
        busy += 1
        left -= WORKER_BYTES
    # The first one is let in whatever is left: somebody has to do the work.
    assert busy == 1 or left >= 500_000_000
    assert busy == most or left < 500_000_000 + WORKER_BYTES


def test_without_memory_one_works_on_and_no_other_begins() -> None:
    assert workers_that_fit(32, 0, 0) == 1
    assert workers_that_fit(32, 1, 0) == 1
    assert workers_that_fit(32, 5, 0) == 5
    assert workers_that_fit(32, 0, 64 * 10**9) == 32
