"""FLC states: B is followed by the long interval; certain or dubious, never wrong."""

import numpy as np
import pytest

from tests.support.builders.frames import FAST_US, SLOW_US, trigger_train
from vampd.model.sync import (
    CODE_A,
    CODE_B,
    CODE_D,
    CODE_NONE,
    STATE_OF_CODE,
    FlcState,
    assign_flc_states,
    combine_labels,
    find_modulation,
)

J = 50.0


def label(
    times: object,
    jitter_us: float | None = J,
    scatter_us: float = FAST_US,
    cnt0: object = None,
) -> str:
    """The labels as letters; ``cnt0`` None: a counter that tells nothing."""
    acquired_us = np.rint(np.asarray(times)).astype(np.int64)
    counter = np.zeros(len(acquired_us)) if cnt0 is None else np.asarray(cnt0)
    modulation = find_modulation(acquired_us, jitter_us, scatter_us)
    codes = assign_flc_states(acquired_us, counter.astype(np.int64), modulation, scatter_us)
    return "".join(str(STATE_OF_CODE[int(code)]) for code in codes)


def arrivals(triggers: int, *, first: str = "A", period_us: float = 2000, flc_us: float = J, **kw):
    """Times, with a lag each, and the true states."""
    train = trigger_train(triggers, period_us=period_us, flc_us=flc_us, first=first)
    lag = np.random.default_rng(kw.get("seed", 0)).uniform(
        0, kw.get("jitter_us", FAST_US), triggers
    )
    return 1e9 + train.times_us + lag, "".join(train.states)


def wrong(found: str, truth: str) -> int:
    assert len(found) == len(truth)
    return sum(f not in {"D", t} for f, t in zip(found, truth, strict=True))


def test_the_frame_that_is_followed_by_the_long_interval_is_b() -> None:
    # long, short, long, short
    assert label([0, 2050, 4000, 6050, 8000]) == "BABAB"
    # short, long, short, long
    assert label([0, 1950, 4000, 5950, 8000]) == "ABABA"


@pytest.mark.parametrize("first", "AB")
@pytest.mark.parametrize("triggers", [*range(4, 32), 100, 2001])
def test_one_rule_holds_for_every_length(triggers: int, first: str) -> None:
    times, truth = arrivals(triggers, first=first)
    assert label(times) == truth


@pytest.mark.parametrize("triggers", [0, 1, 2, 3])
def test_too_few_frames_to_tell_are_dubious(triggers: int) -> None:
    times, _ = arrivals(triggers)
    assert label(times) == "D" * triggers


NONSENSE = [None, 0.0, -50.0, 1e-300, 0.1, 20.0, 25.0, 200.0, 500.0, 900.0, 1000.0, 1e300]


@pytest.mark.parametrize("card_us", NONSENSE)
def test_a_modulation_that_no_card_shows_is_taken_from_clear_intervals(
    card_us: float | None,
) -> None:
    times, truth = arrivals(50)
    assert label(times, card_us) == truth


@pytest.mark.parametrize("card_us", NONSENSE)
def test_a_modulation_that_neither_card_nor_intervals_show_labels_nothing(
    card_us: float | None,
) -> None:
    few, _ = arrivals(13)
    assert set(label(few, card_us)) == {"D"}
    for seed in range(10):
        unmodulated, _ = arrivals(200, flc_us=0.0, seed=seed)
        assert set(label(unmodulated, card_us)) == {"D"}
        scattered, _ = arrivals(200, flc_us=60.0, jitter_us=SLOW_US, period_us=20_000, seed=seed)
        if card_us is None or card_us <= 0.1:
            assert set(label(scattered, card_us, SLOW_US)) == {"D"}


@pytest.mark.parametrize("card_us", NONSENSE)
def test_without_a_card_losses_slips_and_late_stamps_make_no_wrong_label(
    card_us: float | None,
) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        times, truth = arrivals(300, first="AB"[seed % 2], seed=seed)
        times = times + np.where(rng.random(300) < 0.02, rng.uniform(0, 1500, 300), 0.0)
        times[200:] += rng.uniform(0, 3000)
        kept = np.flatnonzero(rng.random(300) > 0.03)
        found = label(times[kept], card_us)
        assert wrong(found, "".join(truth[i] for i in kept)) == 0


@pytest.mark.parametrize("card_us", [40.0, 60.0, 75.0, 110.0, 130.0])
def test_a_trigger_jitter_that_is_somewhat_wrong_makes_no_wrong_label(card_us: float) -> None:
    times, truth = arrivals(200)
    assert wrong(label(times, card_us), truth) == 0


@pytest.mark.parametrize(
    ("part", "is_labelled"), [(0.60, False), (0.65, True), (1.4, True), (1.6, False)]
)
def test_a_few_frames_are_labelled_only_where_they_alternate_by_about_what_the_card_says(
    part: float, is_labelled: bool
) -> None:
    # Too few to show J themselves.
    times, truth = arrivals(12, jitter_us=0)
    assert label(times, part * J) == (truth if is_labelled else "D" * 12)


@pytest.mark.parametrize("triggers", [4, 25, 1000])
def test_frames_that_do_not_alternate_are_dubious(triggers: int) -> None:
    for seed in range(10):
        lags = np.random.default_rng(seed).uniform(0, FAST_US, triggers)
        assert set(label(np.arange(triggers) * 2000 + lags, 20.0)) == {"D"}


@pytest.mark.parametrize("lost", [1, 2, 3, 4, 5, 20, 63])
@pytest.mark.parametrize("first", "AB")
def test_lost_frames_flip_no_label_behind_them(lost: int, first: str) -> None:
    times, truth = arrivals(200, first=first)
    kept = np.r_[0:60, 60 + lost : 200]
    assert label(times[kept]) == "".join(truth[i] for i in kept)


def test_behind_a_pause_that_cannot_be_counted_labels_start_anew() -> None:
    times, truth = arrivals(60)
    shifted = np.concatenate([times, times + 400_000_000 + 777, times + 800_000_000 + 1990])
    assert label(shifted) == truth * 3


@pytest.mark.parametrize("triggers", [4, 12, 13, 14])
def test_without_a_card_frames_that_a_pause_parts_need_twelve_intervals(triggers: int) -> None:
    (before, states), (after, turned) = arrivals(60), arrivals(triggers, first="B")
    times = np.concatenate([before, after + 400_000_000 + 777])
    assert label(times) == states + turned
    assert label(times, None) == states + (turned if triggers > 12 else "D" * triggers)


@pytest.mark.parametrize("by_us", [100, 500, 1000, 2000, 2500, 2900])
def test_a_slip_of_phase_makes_doubt_and_no_wrong_label(by_us: int) -> None:
    times, truth = arrivals(100)
    slipped = np.concatenate([times[:50], times[50:] + by_us])
    found = label(slipped)
    assert wrong(found, truth) == 0
    assert found.count("D") <= 8


def test_when_the_order_of_states_turns_round_neither_side_is_wrong() -> None:
    (before, states), (after, turned) = arrivals(40, first="A"), arrivals(40, first="A")
    # Behind the last B comes a T + J, and then B again.
    times = np.concatenate([before, after + (before[-1] - after[0]) + 2050])
    swapped = trigger_train(40, period_us=2000, flc_us=J, first="B")
    times[40:] = before[-1] + 2050 + swapped.times_us
    truth = states + "".join(swapped.states)
    found = label(times)
    assert wrong(found, truth) == 0
    assert found.count("D") <= 8
    assert turned


def test_one_late_time_stamp_costs_a_few_frames_and_no_wrong_label() -> None:
    for by_us in (30, 60, 100, 300, 900, 1500):
        times, truth = arrivals(100)
        times[50] += by_us
        found = label(times)
        assert wrong(found, truth) == 0, by_us
        assert found.count("D") <= 7, by_us


@pytest.mark.parametrize("clean", [3, 4, 25])
@pytest.mark.parametrize("first", "AB")
def test_late_stamps_close_together_do_not_exchange_the_states(clean: int, first: str) -> None:
    for by_us in range(40, 180, 5):
        for last in (300, 600, 900, 1_300):
            times, truth = arrivals(clean + 8, first=first)
            times[clean] += by_us  # the votes around it change their sign
            times[clean + 3] += last
            assert wrong(label(times), truth) == 0
            assert wrong(label(times, cnt0=np.arange(len(times))), truth) == 0


@pytest.mark.parametrize("part", [0.01, 0.05, 0.125, 0.25, 0.4])
@pytest.mark.parametrize("period_us", [500, 2000, 10_000])
def test_jitter_of_any_size_is_labelled(period_us: float, part: float) -> None:
    flc_us = max(20.0, part * period_us)
    for seed in range(5):
        times, truth = arrivals(60, period_us=period_us, flc_us=flc_us, seed=seed)
        assert label(times, flc_us) == truth


def test_in_slow_mode_a_small_jitter_needs_many_frames_and_is_never_guessed() -> None:
    doubtful = []
    for triggers in (4, 8, 25, 3000):
        for seed in range(20):
            times, truth = arrivals(
                triggers, period_us=20_000, flc_us=60, jitter_us=SLOW_US, seed=seed
            )
            found = label(times, 60.0, SLOW_US)
            assert wrong(found, truth) == 0
            doubtful.append(found.count("D") / triggers)
    assert min(doubtful[:60]) == 1.0
    assert max(doubtful[60:]) < 0.02


def test_a_scatter_beyond_the_documented_one_is_measured_and_makes_no_wrong_label() -> None:
    for seed in range(10):
        times, truth = arrivals(400, jitter_us=60, seed=seed)
        found = label(times)
        assert wrong(found, truth) == 0
        assert found.count("D") < 40


LONG = 300  # triggers: too many for a mean interval that is not quite exact


def hole(*, first: str = "A", remnant: int = 2):
    """A run with a long gap before its last frames: times, counter and true states."""
    times, truth = arrivals(100 + LONG + remnant, first=first)
    kept = np.r_[0:100, 100 + LONG : len(times)]
    return times[kept], kept + 7_000, "".join(truth[i] for i in kept)


@pytest.mark.parametrize("first", "AB")
@pytest.mark.parametrize("remnant", [1, 2, 3])
def test_behind_a_long_gap_the_counter_shows_few_frames_by_their_run(
    remnant: int, first: str
) -> None:
    times, counter, truth = hole(first=first, remnant=remnant)
    assert label(times, cnt0=counter) == truth
    assert label(times)[-remnant:] == "D" * remnant
    turned = -times[::-1] + times[-1]
    assert label(turned, cnt0=-counter[::-1])[:remnant] != "D" * remnant


@pytest.mark.parametrize("remnant", [1, 2, 3])
@pytest.mark.parametrize("by", [-LONG, -2, -1, 1, 2, 10_000])
def test_behind_a_long_gap_a_counter_that_does_not_agree_shows_nothing(
    remnant: int, by: int
) -> None:
    times, counter, _ = hole(remnant=remnant)
    counter[100:] += by
    assert label(times, cnt0=counter)[-remnant:] == "D" * remnant


def stuck(counter):
    return counter * 0 + 5


def by_twos(counter):
    return counter * 2


def at_random(counter):
    return np.random.default_rng(1).integers(0, 10**6, len(counter))


def falling(counter):
    return -counter


def begun_anew(counter):
    return np.where(np.arange(len(counter)) >= 90, counter - counter[90], counter)


@pytest.mark.parametrize("spoil", [stuck, by_twos, at_random, falling, begun_anew])
def test_a_counter_that_is_none_is_not_believed_where_it_agrees_by_chance(spoil) -> None:
    times, counter, truth = hole()
    spoiled = spoil(counter)
    spoiled[100:] = spoiled[99] + LONG + 1 + np.arange(2)
    found = label(times, cnt0=spoiled)
    assert found == truth[:-2] + "DD"


def test_a_train_that_stands_still_for_as_long_as_many_triggers_is_no_gap() -> None:
    times, _, _ = hole(remnant=3)
    assert label(times, cnt0=np.arange(len(times)))[-3:] == "DDD"


@pytest.mark.parametrize("by_us", [300, 900, 1500, 1900])
def test_where_the_counter_misses_nothing_a_late_stamp_costs_no_label(by_us: int) -> None:
    times, truth = arrivals(100)
    times[50] += by_us
    assert label(times, cnt0=np.arange(100)) == truth
    assert label(times)[50] == "D"


def test_where_the_camera_missed_a_frame_a_late_stamp_is_not_inferred_from_the_counter() -> None:
    times, truth = arrivals(100)
    times[50] += 900
    kept = np.r_[0:51, 52:100]
    found = label(times[kept], cnt0=np.arange(99))
    assert found[50] == "D"
    assert wrong(found, "".join(truth[i] for i in kept)) == 0


def test_a_clock_that_is_set_back_by_a_period_is_seen_by_the_counter() -> None:
    times, truth = arrivals(102)
    kept = np.r_[0:50, 51:102]
    back = times[kept] - np.where(kept > 50, 2000, 0)
    states = "".join(truth[i] for i in kept)
    assert wrong(label(back, cnt0=kept), states) == 0
    assert label(back, cnt0=kept).count("D") <= label(back).count("D")


@pytest.mark.parametrize("spoil", [stuck, by_twos, at_random, falling, begun_anew])
@pytest.mark.parametrize("first", "AB")
def test_a_counter_that_is_none_costs_no_label(spoil, first: str) -> None:
    times, truth = arrivals(200, first=first)
    kept = np.r_[0:60, 65:130, 131:200]
    found = label(times[kept], cnt0=spoil(kept))
    assert found == "".join(truth[i] for i in kept)


def combined(first: str, second: str) -> str:
    """Labels as letters, - where nothing alternates; the cameras exchanged give the same."""
    codes = {"-": CODE_NONE, "A": CODE_A, "B": CODE_B, "D": CODE_D}
    letters = {code: letter for letter, code in codes.items()}
    sides = [np.array([codes[letter] for letter in side], np.uint8) for side in (first, second)]
    here, there = combine_labels(*sides), combine_labels(*sides[::-1])
    assert here.tolist() == there.tolist()
    return "".join(letters[int(code)] for code in here)


def test_a_pair_carries_one_label() -> None:
    assert combined("AABAD", "ADDBD") == "AABDD"
    assert combined("", "") == ""
    assert combined("---", "---") == "---"


def test_a_camera_whose_header_reports_no_switching_does_not_overrule_a_certain_label() -> None:
    assert combined("----", "ABAD") == "ABAD"


def test_where_one_header_reports_no_switching_and_no_frame_shows_it_nothing_alternates() -> None:
    assert combined("---AB", "DDDAB") == "---AB"


def test_the_states_are_the_values_of_u_flc() -> None:
    assert [str(state) for state in FlcState] == ["A", "B", "D"]
    assert STATE_OF_CODE[CODE_NONE] is None
