"""The half-wave plate's table: positions, complete cycles, and what was passed over."""

import pytest

from tests.support.builders.frames import START_US, Night, expose, trigger_train
from tests.support.builders.observed import observe

S = 1_000_000
TRAIN = trigger_train(40, flc_us=100)


def turned(*angles: float) -> Night:
    night = Night()
    for number, angle in enumerate(angles):
        start_us = START_US + number * 10 * S
        night += expose(TRAIN, start_us=start_us, changes={"RET-ANG1": angle}, seed=number)
    return night


@pytest.mark.parametrize(
    ("angles", "cycles", "skipped"),
    [
        ((0.0, 45.0, 22.5, 67.5), 1, {}),
        ((0.0, 45.0, 22.5, 67.5) * 2 + (0.0,), 2, {}),
        ((0.0, 45.0, 67.5, 0.0, 45.0, 22.5, 67.5), 1, {22.5: 1}),
        ((45.0, 22.5, 67.5, 0.0, 45.0, 22.5), 0, {}),
        ((0.0, 22.5, 0.0, 45.0, 22.5, 67.5), 1, {45.0: 1, 67.5: 1}),
        ((10.0, 20.0, 10.0, 20.0), 2, {}),
        ((45.0,), 0, {}),
    ],
)
def test_a_cycle_is_complete_when_all_positions_came_in_their_order(
    angles: tuple[float, ...], cycles: int, skipped: dict[float, int]
) -> None:
    plate = observe(turned(*angles)).summary.plate
    assert plate.cycles == cycles
    assert {p.angle_deg: p.skipped for p in plate.positions if p.skipped} == skipped
    assert {p.angle_deg: p.visits for p in plate.positions} == {a: angles.count(a) for a in angles}


def test_each_position_counts_its_frames_by_state() -> None:
    plate = observe(turned(0.0, 45.0)).summary.plate
    assert all(sum(position.frames) == 80 for position in plate.positions)
    assert all(a == b > 30 for a, b, _ in (position.frames for position in plate.positions))


def test_a_night_without_the_flc_has_no_table() -> None:
    assert observe(expose(trigger_train(40))).summary.plate.positions == ()
