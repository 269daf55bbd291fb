"""Nights of the handshake trigger with known truth, judged beside each other in memory."""

import pytest

from tests.evaluation.judges import score_scenario
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS
from tests.support.examples import seeds_of_round

IN_CI = ("logged_in_pieces", "host_clock_back_within_a_cube")


def assert_limits(name, seeds):
    """No judge loses a frame, and the model is never wrong."""
    scores = score_scenario(HANDSHAKE_SCENARIOS[name], seeds)
    for judge, score in scores.items():
        assert (score.lost, score.doubled) == (0, 0), judge
    assert (scores["model"].wrong_pairs, scores["model"].wrong_labels) == (0, 0)


@pytest.mark.parametrize("name", IN_CI)
def test_no_frame_is_lost_and_the_model_is_never_wrong(name):
    assert_limits(name, (1,))


@pytest.mark.soak
@pytest.mark.parametrize("name", HANDSHAKE_SCENARIOS)
def test_no_frame_is_lost_and_the_model_is_never_wrong_over_many_seeds(name):
    assert_limits(name, seeds_of_round(3))
