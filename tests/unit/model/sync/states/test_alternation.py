"""Frames that were taken while the FLC stood and while it switched share no product."""

import numpy as np
import pytest

from tests.support.builders.frames import Night, Train, expose, join_trains, trigger_train
from vampd.model.cubes import Generation
from vampd.model.sync.states.alternation import find_alternating
from vampd.model.trigger import DRIVEN, NONE, RELAXED, UNKNOWN

STANDS = trigger_train(150, period_us=2_500)
SWITCHES = trigger_train(150, period_us=3_000, flc_us=500, first="B")


def mixed(night: Night, generation: Generation) -> list[str]:
    """The products with frames of both."""
    return [
        product.name
        for product in generation.products
        if len({bool(night.state[r.cube, f]) for r in product.ranges for f in r.frames()}) > 1
    ]


@pytest.mark.parametrize("trains", [(STANDS, SWITCHES), (SWITCHES, STANDS, SWITCHES)])
@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(("seed", "lost"), [(0, ({40, 260}, {41, 100})), (3, ((), ()))])
def test_frames_before_and_after_a_switch_share_no_product(
    seed: int, trains: tuple[Train, ...], said: bool, lost: tuple[set[int], set[int]]
) -> None:
    night = expose(
        join_trains(*trains),
        logger_lost=lost,
        changes={"U_FLCEN": said, "EXPTIME": 0.0024},
        cube_frames=(400, 310),
        seed=seed,
    )
    generation = night.synchronize()
    assert {p.order.flc_state for p in generation.products} >= {"A", "B"}
    assert mixed(night, generation) == []


@pytest.mark.parametrize("cameras", [(1,), (1, 2)])
@pytest.mark.parametrize("lost", [set(), {149}, {150}, {149, 150, 151}])
@pytest.mark.parametrize("trains", [(STANDS, SWITCHES), (SWITCHES, STANDS)])
def test_frames_beside_a_switch_are_parted_whichever_are_lost_there(
    trains: tuple[Train, ...], lost: set[int], cameras: tuple[int, ...]
) -> None:
    """Of one camera alone too. Where none is lost, each one taken with the FLC has a state."""
    night = expose(
        join_trains(*trains),
        logger_lost=(lost, lost),
        changes={"EXPTIME": 0.0024},
        cameras=cameras,
        seed=2,
    )
    generation = night.synchronize()
    assert {p.order.flc_state for p in generation.products} == {"A", "B", "D"}
    assert mixed(night, generation) == []
    dubious = sum(p.frames for p in generation.products if p.order.flc_state == "D")
    assert lost or dubious == len(cameras) * len(STANDS.times_us)


def alternating(states: list[int], likeliest: list[bool]) -> list[bool]:
    one, two = find_alternating(
        (np.array(states), np.array([], dtype=np.int64)),
        (np.array(likeliest), np.array([], dtype=np.bool_)),
        (np.arange(len(states)), np.array([], dtype=np.int64)),
    )
    assert not len(two)
    return one.tolist()


def test_an_uncertain_frame_is_where_its_likeliest_state_puts_it() -> None:
    states = [NONE, UNKNOWN, UNKNOWN, UNKNOWN, RELAXED]
    assert alternating(states, [False, False, True, True, True]) == [False, False, True, True, True]
    assert alternating(states, [False, False, False, False, True]) == [False] * 4 + [True]
    assert alternating(states[::-1], [True, True, False, False, False]) == [True] * 2 + [False] * 3


def test_one_switch_is_one_cut_whatever_each_uncertain_frame_may_be() -> None:
    states = [NONE, *[UNKNOWN] * 6, DRIVEN]
    likeliest = [False, False, True, False, False, True, True, True]
    assert alternating(states, likeliest) == [False] * 5 + [True] * 3


def test_between_frames_that_are_sure_of_the_same_nothing_switches() -> None:
    assert alternating([NONE, UNKNOWN, NONE], [False, True, False]) == [False] * 3
    assert alternating([UNKNOWN, DRIVEN, UNKNOWN], [False, True, False]) == [True] * 3
    assert alternating([UNKNOWN] * 3, [False, True, False]) == [False] * 3
    assert alternating([], []) == []
