"""Labels: what the model makes of one camera's intervals; certain or unknown, never wrong."""

import numpy as np
import pytest

from tests.support.builders.frames import FAST_US, SLOW_US, trigger_train
from vampd.fits.trigger import compiled_kernels
from vampd.model.trigger import DRIVEN, RELAXED, Arrivals, infer

J = 50.0
_LETTERS = np.array(["D", "-", "B", "A"])


def label(
    times: object, jitter_us: float = J, scatter_us: float = FAST_US, cnt0: object = None
) -> str:
    """The labels as letters; ``cnt0`` None: a counter that is stuck."""
    acquired_us = np.rint(np.asarray(times)).astype(np.int64)
    size = len(acquired_us)
    steps_us = np.diff(acquired_us)
    exposure_us = int(0.8 * np.percentile(steps_us, 5)) if size > 1 else 400
    counter = np.zeros(size) if cnt0 is None else np.asarray(cnt0)
    frames = Arrivals(
        acquired_us=acquired_us,
        cnt0=counter.astype(np.int64),
        fitted=np.ones(size, np.bool_),
        switching=np.ones(size, np.bool_),
        half_width_us=np.full(size, round(jitter_us), np.int64),
        exposure_us=np.full(size, exposure_us, np.int64),
        scatter_us=np.full(size, round(scatter_us), np.int64),
    )
    nothing = Arrivals(
        *(np.empty(0, getattr(frames, n).dtype) for n in frames.__dataclass_fields__)
    )
    states = infer(frames, nothing, 1e-6, compiled_kernels()).states[0]
    return "".join(_LETTERS[states].tolist())


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


def test_the_letters_are_those_of_the_states() -> None:
    assert (_LETTERS[RELAXED], _LETTERS[DRIVEN]) == ("B", "A")


@pytest.mark.parametrize("first", "AB")
@pytest.mark.parametrize("triggers", [*range(8, 32, 3), 100, 2001])
def test_one_rule_holds_for_every_length(triggers: int, first: str) -> None:
    times, truth = arrivals(triggers, first=first)
    assert label(times) == truth


@pytest.mark.parametrize("triggers", [1, 2, 3])
def test_too_few_frames_to_tell_are_dubious(triggers: int) -> None:
    times, _ = arrivals(triggers)
    assert label(times) == "D" * triggers


@pytest.mark.parametrize("card_us", [0.0, 20.0, 25.0, 200.0, 500.0, 900.0])
def test_losses_slips_and_late_stamps_make_no_wrong_label_whatever_the_card_says(
    card_us: float,
) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        times, truth = arrivals(300, first="AB"[seed % 2], seed=seed)
        times = times + np.where(rng.random(300) < 0.02, rng.uniform(0, 1500, 300), 0.0)
        times[200:] += rng.uniform(0, 3000)
        kept = np.flatnonzero(rng.random(300) > 0.03)
        found = label(np.maximum.accumulate(times[kept] + np.arange(len(kept))), card_us)
        assert wrong(found, "".join(truth[i] for i in kept)) == 0


@pytest.mark.parametrize("triggers", [4, 25, 1000])
def test_frames_that_do_not_alternate_have_no_state(triggers: int) -> None:
    for seed in range(5):
        lags = np.random.default_rng(seed).uniform(0, FAST_US, triggers)
        assert set(label(np.arange(triggers) * 2000 + lags, 20.0)) <= {"D", "-"}


@pytest.mark.parametrize("lost", [1, 2, 3, 4, 5, 20, 63])
@pytest.mark.parametrize("first", "AB")
def test_lost_frames_flip_no_label_behind_them(lost: int, first: str) -> None:
    times, truth = arrivals(200, first=first)
    kept = np.r_[0:60, 60 + lost : 200]
    assert label(times[kept], cnt0=kept) == "".join(truth[i] for i in kept)
    assert wrong(label(times[kept]), "".join(truth[i] for i in kept)) == 0


@pytest.mark.parametrize("by_us", [100, 500, 1000, 2000, 2500, 2900])
def test_a_slip_of_phase_makes_doubt_and_no_wrong_label(by_us: int) -> None:
    times, truth = arrivals(100)
    slipped = np.concatenate([times[:50], times[50:] + by_us])
    found = label(slipped, cnt0=np.arange(100))
    assert wrong(found, truth) == 0
    assert found.count("D") <= 8


@pytest.mark.parametrize("by_us", [30, 60, 100, 300, 900, 1500])
def test_one_late_time_stamp_makes_no_wrong_label(by_us: int) -> None:
    times, truth = arrivals(100)
    times[50] += by_us
    found = label(times, cnt0=np.arange(100))
    assert wrong(found, truth) == 0
    assert found.count("D") <= 7


@pytest.mark.parametrize("first", "AB")
def test_late_stamps_close_together_do_not_exchange_the_states(first: str) -> None:
    for clean in (3, 4, 25):
        for by_us in range(40, 180, 40):
            for last in (300, 900):
                times, truth = arrivals(clean + 8, first=first)
                times[clean] += by_us
                times[clean + 3] += last
                assert wrong(label(times, cnt0=np.arange(len(times))), truth) == 0


@pytest.mark.parametrize("part", [0.01, 0.05, 0.125, 0.25, 0.4])
@pytest.mark.parametrize("period_us", [500, 2000, 10_000])
def test_a_half_width_of_any_size_is_labeled(period_us: float, part: float) -> None:
    flc_us = max(20.0, part * period_us)
    times, truth = arrivals(60, period_us=period_us, flc_us=flc_us)
    assert label(times, flc_us, cnt0=np.arange(60)) == truth


@pytest.mark.parametrize(("flc_us", "too_few"), [(20, 25), (60, 8)])
def test_in_slow_mode_a_small_half_width_needs_many_frames_and_is_never_guessed(
    flc_us: int, too_few: int
) -> None:
    for triggers in (4, 8, 25, 1000):
        for seed in range(2):
            times, truth = arrivals(
                triggers, period_us=20_000, flc_us=flc_us, jitter_us=SLOW_US, seed=seed
            )
            found = label(times, flc_us, SLOW_US, cnt0=np.arange(triggers))
            assert wrong(found, truth) == 0
            assert triggers > too_few or set(found) == {"D"}


def test_in_slow_mode_a_half_width_within_the_scatter_is_labeled_from_some_twenty_frames() -> None:
    """Most runs of one camera alone are; only where their stamps happen to tell less, not."""
    labeled = 0
    for seed in range(8):
        times, truth = arrivals(24, period_us=20_000, flc_us=100, jitter_us=SLOW_US, seed=seed)
        found = label(times, 100.0, SLOW_US, cnt0=np.arange(24))
        assert wrong(found, truth) == 0
        labeled += found == truth
    assert labeled >= 6


LONG = 300  # triggers that no frame was logged of


@pytest.mark.parametrize("first", "AB")
@pytest.mark.parametrize("remnant", [1, 2, 3])
def test_behind_a_long_gap_the_counter_shows_few_frames_by_their_run(
    remnant: int, first: str
) -> None:
    times, truth = arrivals(100 + LONG + remnant, first=first)
    kept = np.r_[0:100, 100 + LONG : len(times)]
    found, true = label(times[kept], cnt0=kept), "".join(truth[i] for i in kept)
    assert wrong(found, true) == 0
    assert found[:100] == true[:100]


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
@pytest.mark.parametrize("first", "AB")
def test_a_counter_that_is_none_makes_no_wrong_label(spoil, first: str) -> None:
    times, truth = arrivals(200, first=first)
    kept = np.r_[0:60, 65:130, 131:200]
    found = label(times[kept], cnt0=spoil(kept))
    assert wrong(found, "".join(truth[i] for i in kept)) == 0
    assert found.count("D") <= 8


# --- the FLC is switched while cameras log: what was taken without it has no state

_SWITCHED_T_US, _SWITCHED_HALF_US, _TURNS = 6_750.0, 500.0, 30


def switched(
    steady: int, seed: int, half_us: float = _SWITCHED_HALF_US
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of an alternation that begins with a turn, and of some triggers without the FLC.

    Each next trigger comes as soon after the frame before it as the trigger's waits allow: without
    the FLC every interval is the short one.
    """
    rng = np.random.default_rng(seed)
    steps_us = _SWITCHED_T_US - half_us + rng.uniform(0, FAST_US, 2 * _TURNS + steady)
    steps_us[1 : 2 * _TURNS : 2] += 2 * half_us
    return steps_us[: 2 * _TURNS], steps_us[2 * _TURNS :]


@pytest.mark.parametrize("lost", [(), (0,), (-1,), (-1, 0)])
@pytest.mark.parametrize("card_us", [0, 500])
@pytest.mark.parametrize("command_us", [150, 700, 3_000])
@pytest.mark.parametrize("steady", [1, 2, 4, 10])
def test_frames_behind_the_alternation_have_no_state_however_few(
    steady: int, command_us: float, card_us: float, lost: tuple[int, ...]
) -> None:
    """The command that ended it is served between turns."""
    with_flc, without = switched(steady, seed=steady)
    without[0] += command_us
    truth = "BA" * _TURNS + "-" * steady
    kept = np.delete(np.arange(len(truth)), [2 * _TURNS + each for each in lost])
    found = label(1e9 + np.cumsum([*with_flc, *without])[kept], card_us, cnt0=kept)
    assert wrong(found, "".join(truth[each] for each in kept)) == 0
    assert found[: 2 * _TURNS - 4] == truth[: 2 * _TURNS - 4]


@pytest.mark.parametrize("lost", [(), (0,), (-1,), (-1, 0)])
@pytest.mark.parametrize("card_us", [0, 500])
@pytest.mark.parametrize("command_us", [150, 700, 3_000])
@pytest.mark.parametrize("steady", [1, 2, 4, 10])
def test_frames_before_the_alternation_have_no_state_however_few(
    steady: int, command_us: float, card_us: float, lost: tuple[int, ...]
) -> None:
    """The cards say that the FLC is on: they are those of the cube's close."""
    with_flc, without = switched(steady, seed=steady)
    with_flc[0] += command_us
    truth = "-" * steady + "BA" * _TURNS
    kept = np.delete(np.arange(len(truth)), [steady + each for each in lost])
    found = label(1e9 + np.cumsum([*without, *with_flc])[kept], card_us, cnt0=kept)
    assert wrong(found, "".join(truth[each] for each in kept)) == 0
    assert found[steady + 4 :] == "".join(truth[each] for each in kept)[steady + 4 :]


@pytest.mark.parametrize("pause_us", [900_000, 60_000_000])
@pytest.mark.parametrize("steady", [3, 6])
def test_frames_between_two_switches_have_no_state_however_few(
    steady: int, pause_us: float
) -> None:
    """The FLC is off after a command, and on again after a pause; no card says any of it."""
    for seed in range(4):
        with_flc, without = switched(steady, seed, half_us=200)
        without[0] += 330
        again, _ = switched(0, seed + 10)
        again[0] += pause_us
        truth = "BA" * _TURNS + "-" * steady + "BA" * _TURNS
        times_us = 1e9 + np.cumsum([*with_flc, *without, *again])
        found = label(times_us, 500, cnt0=np.arange(len(truth)))
        assert wrong(found, truth) == 0
        assert found[: 2 * _TURNS - 4] == truth[: 2 * _TURNS - 4]
        assert found[2 * _TURNS + steady + 2 :] == truth[2 * _TURNS + steady + 2 :]


@pytest.mark.parametrize("card_us", [0, 1_000])
@pytest.mark.parametrize("steady", [10, 17])
def test_intervals_that_are_all_alike_end_an_alternation_of_which_no_card_says_j(
    steady: int, card_us: float
) -> None:
    for seed in range(4):
        with_flc, without = switched(steady, seed, half_us=100)
        without[0] += 3_000
        truth = "BA" * _TURNS + "-" * steady
        found = label(1e9 + np.cumsum([*with_flc, *without]), card_us, cnt0=np.arange(len(truth)))
        assert wrong(found, truth) == 0
        assert found[:50] == truth[:50]


# --- J within the scatter: only what the intervals show is an alternation, whatever the card says


@pytest.mark.parametrize(("frames", "card_us"), [(30, 150), (60, 100), (200, 100), (1_000, 40)])
def test_in_slow_mode_frames_without_the_flc_have_no_state_though_the_card_says_on(
    frames: int, card_us: float
) -> None:
    for seed in range(12):
        times, _ = arrivals(frames, period_us=20_000, flc_us=0, jitter_us=SLOW_US, seed=seed)
        found = label(times, card_us, SLOW_US, cnt0=np.arange(frames))
        assert not set(found) & {"A", "B"}


@pytest.mark.parametrize("steady", [60, 100])
def test_in_slow_mode_the_alternation_ends_where_the_intervals_show_none(steady: int) -> None:
    """The card goes on saying so; a few frames at the switch remain in doubt."""
    for seed in range(4):
        times, truth = arrivals(200, period_us=20_000, flc_us=150, jitter_us=SLOW_US, seed=seed)
        lag = np.random.default_rng(100 + seed).uniform(0, SLOW_US, steady)
        times = np.concatenate([times, times[-1] + 3_000 + 20_000 * np.arange(1, steady + 1) + lag])
        found = label(times, 150, SLOW_US, cnt0=np.arange(200 + steady))
        assert not set(found[200:]) & {"A", "B"}
        assert found[:170] == truth[:170]


@pytest.mark.parametrize("steady", [8, 10, 12, 14])
def test_intervals_that_no_state_explains_tell_none(steady: int) -> None:
    """The FLC is off, and each trigger waits for a command: no interval is T + J, T or T - J.

    In these nights; in others, some are by chance.
    """
    for seed in (0, 1, 2, 4, 5, 6):
        with_flc, without = switched(steady, seed)
        without += np.random.default_rng(seed).uniform(150, 850, steady)
        again, _ = switched(0, seed + 10)
        again[0] += 900_000
        truth = "BA" * _TURNS + "-" * steady + "BA" * _TURNS
        found = label(
            1e9 + np.cumsum([*with_flc, *without, *again]), 500, cnt0=np.arange(len(truth))
        )
        assert wrong(found, truth) == 0
