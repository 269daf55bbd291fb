"""Which frames of a product are decoded again."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vampd.model.proofs import frames_to_decode

frames = st.integers(1, 20_000)


@given(frames)
def test_a_full_proof_decodes_every_frame_and_none_decodes_none(count: int) -> None:
    assert list(frames_to_decode(count, "full")) == list(range(count))
    assert list(frames_to_decode(count, "none")) == []


@given(frames)
def test_a_sample_has_the_ends_and_leaves_no_long_gap(count: int) -> None:
    sample = sorted(frames_to_decode(count, "sample"))
    assert (sample[0], sample[-1]) == (0, count - 1)
    assert all(0 < later - former <= 17 for former, later in itertools.pairwise(sample))
    assert len(sample) <= count / 17 + 2


@given(frames, st.integers(2, 16))
def test_a_sample_sees_every_phase_of_a_rhythm(count: int, period: int) -> None:
    if count > 17 * period:
        sample = frames_to_decode(count, "sample")
        assert {frame % period for frame in sample} == set(range(period))
