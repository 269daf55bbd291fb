"""Nights of the handshake trigger with known truth, judged beside each other in memory."""

import pytest

from tests.evaluation.judges import score_scenario
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS
from tests.support.examples import seeds_of_round

IN_CI = ("logged_in_pieces", "host_clock_back_within_a_cube", "short_stretches_between_pauses")


def assert_nothing_is_lost(name, seeds):
    for judge, score in score_scenario(HANDSHAKE_SCENARIOS[name], seeds).items():
        assert (score.lost, score.doubled) == (0, 0), judge


@pytest.mark.parametrize("name", IN_CI)
def test_no_frame_is_lost_or_doubled(name):
    assert_nothing_is_lost(name, (1,))


@pytest.mark.soak
@pytest.mark.parametrize("name", HANDSHAKE_SCENARIOS)
def test_no_frame_is_lost_or_doubled_over_many_seeds(name):
    assert_nothing_is_lost(name, seeds_of_round(3))
