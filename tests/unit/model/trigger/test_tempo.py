"""T and J of a train whose triggers a camera misses, and of one whose settings change."""

from dataclasses import fields, replace

import numpy as np
import pytest

from tests.unit.model.trigger.test_inference import BASE_US, arrivals, train
from vampd.model.trigger.arrivals import count_frames
from vampd.model.trigger.measures import is_unshown
from vampd.model.trigger.tempo import Tempo, measure_tempo, share_tempo, tempo_of

HALF_US, SCATTER_US = 200, 7
T_US = BASE_US + HALF_US


def tempo_of_steps(steps_us, card_us=0):
    """The tempo of these intervals, each counted as one trigger."""
    steps_us = np.asarray(steps_us, dtype=np.int64)
    ones, zeros = np.ones_like(steps_us), np.zeros_like(steps_us)
    return measure_tempo(
        steps_us, ones, zeros, zeros, zeros + card_us, zeros + SCATTER_US, shortest_us=1_700
    )


def uncounted(seed, part, frames=40):
    """A camera that misses this part of the triggers, of which its counter shows nothing."""
    rng = np.random.default_rng(seed)
    times = train(frames, HALF_US)
    kept = times[rng.random(frames) >= part]
    kept = kept + rng.integers(0, SCATTER_US, len(kept))
    return arrivals(kept, half_width_us=0)


@pytest.mark.parametrize("seed", range(4))
def test_misses_without_a_trace_make_no_longer_period(seed):
    side = uncounted(seed, 0.3)
    tempo = tempo_of_steps(np.diff(side.acquired_us))

    assert np.abs(tempo.period_us - T_US).max() < 20


@pytest.mark.parametrize("seed", [0, 2, 4, 8, 9, 11])
def test_where_two_in_five_are_missed_for_long_the_period_is_that_before_and_after(seed):
    tempo = tempo_of_steps(np.diff(uncounted(seed, 0.4, 200).acquired_us))

    assert np.abs(tempo.period_us - T_US).max() < 20


@pytest.mark.parametrize("frames", [30, 45])
def test_a_period_that_is_longer_for_a_while_is_no_missed_trigger(frames):
    tempo = tempo_of_steps([3_000] * 60 + [4_500] * frames + [3_000] * 60)

    assert set(tempo.period_us[63 : 57 + frames].tolist()) == {4_500}


def test_a_half_width_is_less_than_the_period():
    """Frames at 3 T are taken for missed triggers; by how much longer these are is no J."""
    around = [3_500, 2_500] * 30
    tempo = tempo_of_steps([*around, *[9_600, 8_600] * 9, *around], card_us=500)

    assert (tempo.half_width_us < tempo.period_us).all()


@pytest.mark.parametrize(("longer_us", "shared"), [(2_100, False), (2_400, True), (2_900, True)])
def test_a_camera_that_misses_many_triggers_has_the_period_of_the_other_one(longer_us, shared):
    """Misses make its T longer; a little longer is how exactly T is known."""
    ends_us = 2_000 * np.arange(1, 61)
    own, other = (tempo_of_steps([period_us] * 60) for period_us in (longer_us, 2_000))
    tempo, slower = share_tempo(own, ends_us, other, ends_us)

    assert (tempo.period_us == (2_000 if shared else longer_us)).all()
    # It is still the counter that numbers its frames.
    assert not slower.any()


@pytest.mark.parametrize(("apart_us", "shared"), [(15_000, False), (4_000_000, True)])
def test_what_follows_far_from_here_is_no_change_of_the_period(apart_us, shared):
    """The other camera's next interval is of its next run, where it misses two of three itself."""
    ends_us = 5_000 * np.arange(1, 61)
    own, before, after = (
        tempo_of_steps([period_us] * intervals)
        for period_us, intervals in ((10_000, 30), (5_000, 60), (15_000, 40))
    )
    other = Tempo(
        *(np.concatenate([getattr(t, f.name) for t in (before, after)]) for f in fields(Tempo))
    )
    others_us = np.concatenate([ends_us, ends_us[-1] + apart_us + 15_000 * np.arange(40)])
    tempo, slower = share_tempo(own, ends_us[1::2], other, others_us)

    assert (tempo.period_us[:-1] == 5_000).all()
    assert slower[:-1].all()
    assert (tempo.period_us[-1] == 5_000) == slower[-1] == shared


@pytest.mark.parametrize(("before", "after"), [(4_000, 2_000), (2_000, 4_000), (3_000, 2_000)])
def test_a_change_of_the_period_is_sharp(before, after):
    """It is not taken for triggers that were missed on one side of it."""
    tempo = tempo_of_steps([*[before] * 60, *[after] * 60])

    assert (tempo.period_us[:59] == before).all()
    assert (tempo.period_us[61:] == after).all()


def test_runs_of_few_frames_have_the_period_of_their_own_exposure():
    """However close they lie: else the frames of the shorter one seem to have waited."""
    times_us = np.cumsum([0, *[1_000] * 4, 204_000, *[50_000] * 7])
    side = arrivals(times_us, switching=False, half_width_us=0)
    side = replace(side, exposure_us=np.repeat([931, 47_500], [5, 8]))
    tempo = tempo_of(side, count_frames(side))

    assert np.abs(tempo.period_us[:4] - 1_000).max() < 20
    assert np.abs(tempo.period_us[5:] - 50_000).max() < 20


def test_a_frame_whose_card_no_other_one_shares_has_the_period_of_those_before_it():
    """A cube's card may say what the camera was set to after its last frame."""
    side = arrivals(1_000 * np.arange(40), switching=False, half_width_us=0)
    side = replace(side, exposure_us=np.repeat([931, 335], [39, 1]))
    tempo = tempo_of(side, count_frames(side))

    assert np.abs(tempo.period_us - 1_000).max() < 20


@pytest.mark.parametrize("half_us", [2, 9, 15])
def test_a_scatter_that_hides_j_is_not_taken_for_less(half_us):
    """Intervals differ from the nearer one of T + J and T - J by less than they scatter."""
    width_us, turns = 40, np.where(np.arange(400) % 2, -half_us, half_us)
    lags_us = np.random.default_rng(half_us).integers(0, width_us + 1, 401)
    tempo = tempo_of_steps(T_US + turns + np.diff(lags_us), card_us=half_us)

    assert abs(np.median(tempo.scatter_us) - 7 * width_us / 12) < 0.15 * width_us


def test_no_period_is_one_of_which_the_interval_itself_shows_nothing():
    """Two frames beside a run of a shorter exposure, of whose card they know nothing."""
    times = np.concatenate([[0, 18_800], 300_000 + 3_280 * np.arange(40)]) + 10**15
    side = arrivals(times, half_width_us=0)
    side = replace(side, exposure_us=np.where(np.arange(42) < 2, 15_600, 700))
    tempo = tempo_of(side, count_frames(side))

    assert tempo.period_us[0] == 0
    assert np.abs(tempo.period_us[2:] - 3_280).max() < 10


@pytest.mark.parametrize("frames", [4, 6, 8, 10])
def test_no_period_is_one_whose_short_interval_is_as_long_as_the_long_one_here(frames):
    """A run of the same cards waited longer before each trigger (U_TRIGOF): by 2 J."""
    here = ([17_300, 16_300] * 5)[: frames - 1]
    times_us = np.cumsum([0, *[18_300, 17_300] * 20, 900_000, *here])
    tempo = tempo_of(side := arrivals(times_us, half_width_us=500), count_frames(side))

    assert np.abs(tempo.period_us[:40] - 17_800).max() < 20
    assert np.abs(tempo.period_us[41:] - 16_800).max() < 20


@pytest.mark.parametrize("frames", [4, 6, 8, 10])
def test_no_period_is_one_by_which_every_second_trigger_was_missed(frames):
    """A run of the same cards was exposed for 1 ms less: T + J is 2 T there, T - J is T + J."""
    here = ([3_000, 2_000] * 5)[: frames - 1]
    times_us = np.cumsum([0, *[2_000, 1_000] * 20, 900_000, *here])
    tempo = tempo_of(side := arrivals(times_us, half_width_us=500), count_frames(side))

    assert np.abs(tempo.period_us[:40] - 1_500).max() < 20
    assert np.abs(tempo.period_us[41:] - 2_500).max() < 20


@pytest.mark.parametrize("frames", [7, 9])
def test_each_of_two_short_runs_of_the_same_cards_has_its_own_period_to_the_end(frames):
    """The median around the last frames of the first one is that of the second one."""
    steps_us = ([17_800, 15_800] * 5)[: frames - 1]
    steps_us = [*steps_us, 2_400_000, *[5_000, 3_000] * 2, 1_800_000, *[3_200, 1_200] * 4]
    times_us = np.cumsum([0, *steps_us])
    side = arrivals(times_us, half_width_us=1_000)
    run = np.cumsum([0, *(np.array(steps_us) > 10**6)])
    cards_us = np.array([15_100, 15_100, 800])
    side = replace(side, cnt0=side.cnt0 + 300 * run, exposure_us=cards_us[run])
    tempo = tempo_of(side, count_frames(side))

    assert np.abs(tempo.period_us[: frames - 1] - 16_800).max() < 20
    assert np.abs(tempo.period_us[frames : frames + 4] - 4_000).max() < 20


def test_two_sums_of_the_next_setting_are_not_those_of_triggers_missed_in_this_one():
    tempo = tempo_of_steps([*[3_960, 1_960] * 4, 303_600, 1_760, 1_660, 1_760], card_us=500)

    assert np.abs(tempo.period_us[:8] - 2_960).max() < 20


@pytest.mark.parametrize("waiting", [0, 18])
def test_a_card_of_the_close_makes_no_interval_of_shorter_exposures_a_wait(waiting):
    """Exposures became longer within a cube; frames of a burst still wait for each other."""
    shorter_us = np.full(90, 19_000)
    if waiting:
        shorter_us[30 : 30 + waiting] = 30
        shorter_us[29] = 19_000 * (waiting + 1) - 30 * waiting
    times_us = np.cumsum([0, *shorter_us, *[56_500] * 40])
    side = arrivals(times_us, switching=False, half_width_us=0)
    side = replace(side, exposure_us=np.full(131, 55_500))
    tempo = tempo_of(side, count_frames(side))

    assert np.abs(tempo.period_us[:88] - 19_000).max() < 20
    assert np.abs(tempo.period_us[92:] - 56_500).max() < 20


@pytest.mark.parametrize("exposure_us", [9_700, 60_000])
def test_frames_that_would_be_late_by_more_than_any_stamp_did_not_wait(exposure_us):
    """Exposures became shorter, whatever the card says: 60 that waited would be late by 0.5 s."""
    times_us = np.cumsum([0, *[exposure_us + 1_200] * 70, *[1_800] * 60])
    side = arrivals(times_us, switching=False, half_width_us=0)
    side = replace(side, exposure_us=np.full(131, exposure_us))
    tempo = tempo_of(side, count_frames(side))

    assert np.abs(tempo.period_us[:68] - exposure_us - 1_200).max() < 20
    assert np.abs(tempo.period_us[72:] - 1_800).max() < 20


_WITHIN_US = 100  # the scatter, that of J in SLOW mode


def unshown(shown_us, card_us, other_us=0, turned=None, unsaid=False):
    """Where intervals that alternate by as much (frames - 1,) show no J of the card.

    Their states are exchanged from ``turned`` on; ``unsaid`` is whether a J is no card's.
    """
    shown_us = np.asarray(shown_us, dtype=np.int64)
    numbers = np.arange(len(shown_us) + 1)
    sign = 1 - 2 * (numbers[:-1] & 1)
    sign = np.where(numbers[:-1] >= (len(numbers) if turned is None else turned), -sign, sign)
    times_us = np.concatenate([[0], np.cumsum(20_000 + sign * shown_us)])
    every = np.ones_like(shown_us)
    return is_unshown(
        times_us,
        numbers,
        np.zeros_like(numbers),
        20_000 * every,
        card_us * every,
        _WITHIN_US * every,
        other_us * every,
        unsaid & (every > 0),
    )


@pytest.mark.parametrize("card_us", [30, 60, 100, 150])
@pytest.mark.parametrize(("part", "shown"), [(0.0, False), (0.45, False), (0.55, True), (1, True)])
def test_less_than_half_of_j_within_the_scatter_is_none(card_us, part, shown):
    many = 40 * _WITHIN_US**2 // card_us**2 + 1
    found = unshown(np.full(many, round(part * card_us)), card_us)
    assert (~found).all() if shown else found.all()


def test_few_intervals_do_not_tell_that_nothing_alternates():
    assert not unshown(np.zeros(24), _WITHIN_US).any()
    assert unshown(np.zeros(26), _WITHIN_US).all()


def test_behind_the_alternation_intervals_show_none_at_once():
    found = unshown(np.repeat([100, 0], 60), _WITHIN_US)
    assert found[60:].all()
    assert not found[:35].any()


@pytest.mark.parametrize("turned", range(0, 36, 3))
def test_states_that_are_exchanged_within_a_run_alternate(turned):
    assert not unshown(np.full(36, _WITHIN_US), _WITHIN_US, turned=turned).any()


@pytest.mark.parametrize(("other_us", "shown"), [(0, False), (20, True), (100, False)])
def test_a_card_may_lie_where_that_of_the_other_camera_is_what_intervals_may_show(other_us, shown):
    """The one says 200 us, the trigger may have 20: of sixty intervals neither nothing nor 20."""
    assert (~unshown(np.zeros(60), 2 * _WITHIN_US - 1, other_us)).all() == shown


def test_a_card_may_lie_where_that_of_another_cube_of_the_stretch_is_what_intervals_may_show():
    cards_us = np.repeat([20, 2 * _WITHIN_US - 1], 60)
    assert not unshown(np.zeros(120), cards_us).any()


def test_a_card_lies_where_intervals_clearly_alternate_by_less():
    """By 25 us in 400 of a scatter of 100: five times what their mean scatters by."""
    assert not unshown(np.full(400, 25), _WITHIN_US).any()
    assert unshown(np.full(400, 5), _WITHIN_US).all()


@pytest.mark.parametrize(("behind_us", "shown"), [(0, False), (13, False), (14, True), (40, True)])
def test_what_a_stretch_shows_elsewhere_is_what_intervals_of_it_would_show(behind_us, shown):
    """By 40 us in 256 of a scatter of 100, of a card that says 100; a third is the bound."""
    found = unshown(np.repeat([40, behind_us], [256, 170]), _WITHIN_US)
    assert (~found[256:]).all() if shown else found[256:].all()
    assert not found[:200].any()


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("unsaid", [True, False])
@pytest.mark.parametrize(
    ("many", "other_us", "enough"), [(12, 500, True), (11, 500, False), (12, 190, False)]
)
def test_a_card_was_wrong_where_intervals_show_another_j_at_its_close(
    many, other_us, enough, unsaid, behind
):
    """Of those before it; behind the other J, it is what was set last, and may be right."""
    own_us, clear_us = np.zeros(24), np.full(many, other_us)
    sides = (own_us, clear_us) if behind else (clear_us, own_us)
    shown_us = np.concatenate(sides).astype(np.int64)
    cards_us = np.where(shown_us > 0, shown_us, _WITHIN_US)
    found = unshown(shown_us, cards_us, unsaid=unsaid & (shown_us > 0))
    few = found[:24] if behind else found[many:]
    assert few.all() if unsaid and behind and enough else not few.any()


@pytest.mark.parametrize("ends", [False, True])
@pytest.mark.parametrize("frames", [5, 15])
@pytest.mark.parametrize("longer_us", [-800, 400, 4_000])
def test_a_few_frames_of_another_setting_at_an_end_have_their_own_period(frames, longer_us, ends):
    """The median of 31 neighbors is that of the others."""
    turns_us = np.tile([4_500, 3_500], 30)
    steps_us = np.concatenate([turns_us, [12_000], longer_us + turns_us[:frames]])
    if not ends:
        steps_us = steps_us[::-1]
    side = arrivals(np.cumsum([10**15, *steps_us]), half_width_us=500)
    period_us = tempo_of(side, count_frames(side)).period_us
    period_us = period_us if ends else period_us[::-1]

    assert np.abs(period_us[:60] - 4_000).max() < 20
    assert np.abs(period_us[-frames:] - 4_000 - longer_us).max() < 20


@pytest.mark.parametrize("waiting", [4, 9])
def test_frames_that_waited_are_of_no_other_setting(waiting):
    steps_us = np.full(80, 4_000)
    steps_us[40 : 40 + waiting] = 30
    steps_us[39] = 4_000 * (waiting + 1) - 30 * waiting
    side = arrivals(np.cumsum([10**15, *steps_us]), switching=False, half_width_us=0)
    tempo = tempo_of(replace(side, exposure_us=np.full(81, 3_500)), count_frames(side))

    assert np.abs(tempo.period_us - 4_000).max() < 20


def test_a_half_width_that_a_few_intervals_scatter_by_is_not_taken_for_that_of_the_card():
    around = [2_758, 2_765, 2_783, 2_792, 2_788, 2_765, 2_799, 2_813, 2_767, 2_713, 2_760, 2_782]
    tempo = tempo_of_steps([*around, 2_807], card_us=500)

    assert (tempo.half_width_us == 500).all()
