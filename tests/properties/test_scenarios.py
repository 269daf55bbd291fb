"""Sync on nights with known truth, judged in memory; ``make sync-scenarios`` prints the table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation import judge_scenario
from tests.evaluation.scenarios import SCENARIOS
from tests.support.builders.once_wrong import ONCE_WRONG
from tests.support.builders.synchronized import scenarios
from tests.support.examples import examples, seeds_of_round

SEEDS_IN_CI = (1,)

named = pytest.mark.parametrize("name", SCENARIOS)
# Those that have a sibling here: the same drift with the FLC, more drift in the same window, the
# same drift, FLC or cubes at the other readout, isolated or short cubes without losses; and those
# that take seconds. Each round of the soak has all of them.
IN_SOAK_ALONE = {
    "drift_past_half_period",
    "flc_cubes_of_two_and_three",
    "flc_isolated_cubes_large_jitter",
    "flc_isolated_cubes_with_losses",
    "flc_slow_small_jitter",
    "run_of_20000",
    "trigjt_missing_and_other_trouble",
    "drift_fast",
    "drift_slow",
    "drift_small_window",
    "drift_small_window_flc",
    "flc_isolated_cubes_slow",
    "flc_short_cubes_slow",
}


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in IN_SOAK_ALONE])
def test_sync_keeps_every_limit_on_every_named_scenario(name):
    assert judge_scenario(SCENARIOS[name], SEEDS_IN_CI).worsened == ()


@pytest.mark.soak
@named
def test_sync_keeps_every_limit_over_many_seeds(name):
    assert judge_scenario(SCENARIOS[name], seeds_of_round(10)).worsened == ()


@pytest.mark.parametrize(
    ("scenario", "seed"), ONCE_WRONG, ids=lambda each: getattr(each, "name", None)
)
def test_sync_is_not_wrong_again_on_a_night_that_was(scenario, seed):
    assert_never_wrong(scenario, seed)


@pytest.mark.parametrize("seed", [59, 70, 97])
def test_sync_is_not_wrong_where_the_nearest_frames_are_of_another_trigger(seed):
    """By turns T + J and T - J away: of the first 100 nights of it, these were wrong."""
    assert_never_wrong(SCENARIOS["offset_half_period_and_more_flc"], seed)


def test_sync_is_not_wrong_where_both_cameras_missed_a_trigger_at_an_end():
    assert_never_wrong(SCENARIOS["offset_third_of_period_losses"], 106)


@given(scenarios(), st.integers(0, 2**32))
@settings(max_examples=examples(7))
def test_sync_is_never_wrong_on_any_night(scenario, seed):
    assert_never_wrong(scenario, seed)


def assert_never_wrong(scenario, seed):
    tally = judge_scenario(scenario, [seed])

    for what in ("lost", "doubled", "set_aside", "wrong_pairs", "wrong_labels", "miscut"):
        assert tally.total(what) == 0, what


def test_the_scenarios_are_many_and_each_shows_what_is_right():
    assert len(SCENARIOS) >= 40
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.description.endswith(".")
        assert scenario.runs
