"""The scores see every kind of fault, and the old tools' rule is what is known about it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.decision import NO_PARTNER, score_decision
from tests.evaluation.judges import JUDGES, decide_by_sync
from tests.evaluation.old_tools import decide_as_old_tools
from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS
from tests.evaluation.suite import NIGHT
from vampd.model.sync import CODE_A, CODE_B, CODE_D, CODE_NONE
from vampd.simulate import STANDARD, Handshake, Logging, Pause, Run, Scenario, plan_night
from vampd.simulate.handshake import AcquisitionClock
from vampd.simulate.scenario import Defect, Spoiled

FLC = Run(
    triggers=100,
    period_us=3_000,
    exptime_us=2_000,
    frames_per_cube=(60, 45),
    flc_jitter_us=500,
    handshake=Handshake(tail=0.0),
)


def night_of(*runs):
    return plan_night(Scenario("night", STANDARD, runs), NIGHT, 1)


@pytest.mark.parametrize("judge", JUDGES)
def test_a_plain_night_is_right_by_every_judge(judge):
    simulated = night_of(FLC)
    score = score_decision(simulated, JUDGES[judge](simulated))

    assert (score.frames, score.right_labels, score.right_pairs) == (200, 200, 100)
    assert (score.wrong_labels, score.wrong_pairs, score.missed_pairs) == (0, 0, 0)
    assert (score.clear, score.dubious, score.steady, score.steady_dubious) == (200, 0, 200, 0)
    assert (score.lost, score.doubled, score.set_aside) == (0, 0, 0)


def test_each_fault_of_a_decision_is_counted():
    simulated = night_of(FLC)
    right = decide_by_sync(simulated)

    def changed(name, row, value):
        array = getattr(right, name).copy()
        array[row] = value
        return score_decision(simulated, replace(right, **{name: array}))

    other = CODE_A + CODE_B - right.label[3]
    assert changed("label", 3, other).wrong_labels == 1
    assert changed("label", 3, CODE_D).dubious == 1
    assert changed("label", 3, CODE_NONE).steady_dubious == 1
    assert changed("partner", 3, NO_PARTNER).wrong_pairs == 1
    assert changed("partner", 3, NO_PARTNER).missed_pairs == 1
    assert changed("partner", 3, right.partner[4]).wrong_pairs >= 1
    assert changed("placed", 3, 0).lost == 1
    assert changed("placed", 3, 2).doubled == 1
    assert changed("aside", 3, True).set_aside == 1


def test_frames_of_cubes_that_are_bad_in_truth_are_none_that_could_be_labeled():
    spoiled = (Spoiled(1, 0, Defect.TIMING_MISSING),)
    simulated = night_of(replace(FLC, spoiled=spoiled))
    decision = decide_by_sync(simulated)
    score = score_decision(simulated, decision)
    assert score.set_aside == 60
    assert (score.clear, score.steady) == (140, 140)
    assert (score.dubious, score.steady_dubious) == (0, 0)
    # A good cube that is set aside has no certain states, and counts.
    aside = decision.aside.copy()
    aside[simulated.truth.cube == 1] = True
    worse = score_decision(simulated, replace(decision, aside=aside))
    assert worse.dubious == worse.set_aside - score.set_aside > 0


def test_a_label_where_nothing_switches_is_wrong():
    simulated = night_of(replace(FLC, flc_jitter_us=None))
    right = decide_by_sync(simulated)
    label = right.label.copy()
    label[7] = CODE_A

    assert score_decision(simulated, replace(right, label=label)).wrong_labels == 1


def test_times_of_another_clock_have_no_pairs_to_find_and_each_pair_is_chance():
    tai = Logging(acquisition=(AcquisitionClock.HONEST, AcquisitionClock.TAI))
    simulated = night_of(replace(FLC, logging=tai))

    assert score_decision(simulated, decide_by_sync(simulated)).true_pairs == 0


def test_the_old_tools_take_the_frame_before_a_pause_for_relaxed():
    simulated = night_of(replace(FLC, pauses=(Pause(50, 0.5),)))
    decision = decide_as_old_tools(simulated)
    rows = np.flatnonzero((decision.label != simulated.truth.flc) & (decision.label != CODE_D))

    assert sorted(set(simulated.truth.trigger[rows].tolist())) == list(range(44, 56))


def test_the_old_tools_miss_pairs_whose_offset_is_beyond_the_rows_rule():
    # 536 rows x 0.868 us = 465 us
    near, far = (night_of(replace(FLC, offset_us=offset)) for offset in (440.0, 500.0))

    assert score_decision(near, decide_as_old_tools(near)).missed_pairs == 0
    assert score_decision(far, decide_as_old_tools(far)).missed_pairs == 100


def test_the_old_tools_call_frames_dubious_that_have_no_time():
    simulated = night_of(FLC)
    cubes = tuple(
        replace(
            cube,
            timing=replace(
                cube.timing,
                acquired_us=np.where(cube.exposures < 3, 0, cube.timing.acquired_us),
            ),
        )
        for cube in simulated.cubes
    )

    decision = decide_as_old_tools(replace(simulated, cubes=cubes))

    assert (decision.label[simulated.truth.trigger < 3] == CODE_D).all()


@pytest.mark.parametrize("factor", [2.4, 2.6])
def test_the_old_tools_call_a_response_of_up_to_0_4_dubious(factor):
    fields = (("U_TRIGJT", f"{500 * factor:g}"),)
    simulated = night_of(replace(FLC, fields=fields))
    inner = np.isin(simulated.truth.trigger, range(10, 90))

    dubious = (decide_as_old_tools(simulated).label == CODE_D)[inner].mean()

    assert dubious == (0.0 if factor < 2.5 else 1.0)


def test_the_handshake_has_scenarios_of_its_own_and_each_shows_what_is_right():
    assert len(HANDSHAKE_SCENARIOS) >= 60
    assert not set(HANDSHAKE_SCENARIOS) & set(SCENARIOS)
    for name, scenario in HANDSHAKE_SCENARIOS.items():
        assert scenario.name == name
        assert scenario.description.endswith(".")
        assert any(run.handshake for run in scenario.runs)
