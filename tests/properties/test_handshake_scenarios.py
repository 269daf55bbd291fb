"""Nights of the handshake trigger with known truth, judged beside each other in memory."""

import pytest

from tests.evaluation.event_nights import event_night
from tests.evaluation.judges import JUDGES, decide_by_sync, score_night, score_scenario
from tests.evaluation.random_nights import random_night
from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS, NEEDS_CLOCKS
from tests.support.examples import seeds_of_round

IN_CI = ("logged_in_pieces", "host_clock_back_within_a_cube")


def assert_limits(name, seeds):
    """No judge loses a frame, and sync is never wrong, nor is the model alone where it can tell."""
    scores = score_scenario(HANDSHAKE_SCENARIOS[name], seeds)
    for judge, score in scores.items():
        assert (score.lost, score.doubled) == (0, 0), judge
    for judge in ("sync", *(() if name in NEEDS_CLOCKS else ("model",))):
        assert (scores[judge].wrong_pairs, scores[judge].wrong_labels) == (0, 0), judge


@pytest.mark.parametrize("name", IN_CI)
def test_no_frame_is_lost_and_the_model_is_never_wrong(name):
    assert_limits(name, (1,))


@pytest.mark.soak
@pytest.mark.parametrize("name", HANDSHAKE_SCENARIOS)
def test_no_frame_is_lost_and_the_model_is_never_wrong_over_many_seeds(name):
    assert_limits(name, seeds_of_round(3))


def assert_never_wrong(name, seeds):
    """The model on a night of a ticking trigger."""
    score = score_scenario(SCENARIOS[name], seeds, {"model": JUDGES["model"]})["model"]
    assert (score.wrong_pairs, score.wrong_labels) == (0, 0)


def test_where_each_camera_misses_another_of_few_triggers_no_pair_is_off_by_one():
    assert_never_wrong("flc_isolated_cubes_with_losses", (4,))


@pytest.mark.soak
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_model_is_never_wrong_on_a_ticking_trigger_over_many_seeds(name):
    assert_never_wrong(name, seeds_of_round(3))


@pytest.mark.parametrize("seed", [175, 2046, 3134, 3258, 20476])
def test_random_nights_that_once_had_wrong_ones_have_none(seed):
    """What each of them has.

    A frame late by T before a missed trigger; two stops around a run of no J; a lost frame at the
    end of an exposure time; T - J of 0.7 ms, which is the nearest frame's distance where the offset
    is half of it; a trigger that one camera misses while the other one is late.
    """
    assert_random_never_wrong(seed, rough=False)


@pytest.mark.parametrize("seed", [87, 299, 342, 420, 441, 2072])
def test_rough_nights_that_once_had_wrong_ones_have_none(seed):
    """Triggers missed while the other camera is late; a wait of frames in which one was missed.

    Two that waited beside such a trigger, also where the other camera's next frame is near.
    """
    assert_random_never_wrong(seed, rough=True)


@pytest.mark.parametrize(
    "seed", [122, 130, 280, 1016, 1159, 1255, 1461, 2057, 2181, 2220, 2369, 3130]
)
def test_nights_of_events_with_frames_beside_a_switch_have_no_wrong_ones(seed):
    """Two to fifteen frames whose commands one camera shows, or whose intervals no state explains.

    That are longer by less than 0.1 ms; of a T that no two of them have; where J is within the
    scatter of one camera; behind one command and before another that lost frames hide.
    """
    assert_never_wrong_by_sync(event_night(seed))


@pytest.mark.parametrize(
    "seed",
    [
        *(58, 213, 224, 277, 370, 397, 487, 649, 1007, 1027, 1260, 1330, 1398, 1422, 1447, 1499),
        *(1612, 1785, 2014, 3311),
    ],
)
def test_nights_of_events_that_once_had_wrong_ones_have_none(seed):
    """What each of them has.

    Two settings of ten frames, the FLC off in one; a card that says on, with J within the scatter;
    six frames between two switches; a frame before the first relaxed one, of which a camera lost
    the next; a J that few intervals scatter by; a counter that begins anew at many pauses;
    exposures that become longer in mid-cube; frames before a J that their card does not say; the
    FLC off behind a J of half the scatter, with a card of twice as much; off and on beside an
    exposure time of its own; intervals of SLOW readout that alternate by a row; 59 frames of a
    shorter exposure, with the card of a longer one; T + J that is T - J of the next setting; frames
    lost among some that waited; rows that alternate behind a command that switched the FLC off;
    three frames that waited near those of other triggers; runs of few frames with a T of others by
    which every second trigger was missed, or of two sums of the next setting; two restarts of a
    counter at five pauses.
    """
    assert_never_wrong_by_sync(event_night(seed))


def assert_random_never_wrong(seed, *, rough):
    assert_never_wrong_by_sync(random_night(seed, rough=rough))


def assert_never_wrong_by_sync(night):
    score = score_night(night, {"sync": decide_by_sync})["sync"]

    assert (score.wrong_pairs, score.wrong_labels) == (0, 0)
