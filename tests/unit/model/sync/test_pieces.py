"""Pieces of a long night: decided one after the other, with the products of the whole."""

from dataclasses import replace

import pytest

from tests.support.builders.frames import START_US, Night, expose, set_clock_back, trigger_train
from vampd.model.sync import arrange_cubes, pieces, split_night

PAUSE_US = 20_000_000
GAP_US = 3_000_000


def sizes(night: Night) -> list[tuple[int, int]]:
    """Cubes of each piece, and their frames after its begin and until its end."""
    return [
        (
            len(piece.cubes),
            sum(
                int(((piece.after_us < times) & (times <= piece.until_us)).sum())
                for times in (cube.timing.acquired_us for cube in piece.cubes)
            ),
        )
        for piece in split_night(arrange_cubes(night.cubes).usable, GAP_US)
    ]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_FEWEST_FRAMES", 100)
    monkeypatch.setattr(pieces, "_MOST_FRAMES", 1_000)


def runs(*angles: float, late: int | None = None, exposures_s: tuple[float, ...] = ()) -> Night:
    """A run for each angle, a pause between them; camera 2's cards of one are ``late``."""
    night = Night()
    for number, angle in enumerate(angles):
        own = angles[number - 1] if number == late else angle
        exptime = exposures_s[number] if exposures_s else 0.0019
        night += expose(
            trigger_train(60, flc_us=100),
            start_us=START_US + number * PAUSE_US,
            lost=({5}, {7, 9}),
            cube_frames=(30, 30),
            cube_changes={
                (camera, cube): {"RET-ANG1": own if camera == 2 else angle, "EXPTIME": exptime}
                for camera in (1, 2)
                for cube in range(2)
            },
            seed=number,
        )
    return night


def test_a_night_is_divided_at_pauses_once_a_piece_has_enough_frames() -> None:
    assert sizes(runs(0.0, 45.0, 22.5, 67.5)) == [(4, 117)] * 4
    assert sizes(runs(0.0)) == [(4, 117)]
    assert sizes(Night()) == [(0, 0)]


def test_a_pause_at_which_the_cards_do_not_agree_is_no_end_of_a_piece() -> None:
    assert sizes(runs(0.0, 45.0, 22.5, 67.5, late=1)) == [(12, 351), (4, 117)]
    exposures_s = 0.0019, 0.0019, 0.0018, 0.0018
    assert sizes(runs(0.0, 45.0, 22.5, 67.5, exposures_s=exposures_s)) == [
        (4, 117),
        (8, 234),
        (4, 117),
    ]


@pytest.mark.parametrize("late", [None, 2])
def test_a_night_in_pieces_has_the_products_of_the_whole(
    late: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = runs(0.0, 45.0, 22.5, 67.5, late=late)
    in_pieces = night.synchronize()
    monkeypatch.setattr(pieces, "_FEWEST_FRAMES", 10_000)
    whole = night.synchronize()
    assert len(sizes(night)) == 1
    assert replace(in_pieces, remarks=()) == replace(whole, remarks=())
    assert sorted(in_pieces.remarks) == sorted(whole.remarks)


def test_a_run_without_end_is_divided_at_its_longest_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_MOST_FRAMES", 500)
    # Both cameras lost two triggers in a row, in the middle of a cube.
    night = expose(
        trigger_train(400, flc_us=100),
        logger_lost=({61, 62, 251, 252}, {61, 62, 251, 252}),
        cube_frames=(45, 60),
    )
    assert [frames for _, frames in sizes(night)] == [122, 376, 294]
    night.check(night.synchronize(), dubious=0.01)


def test_a_night_whose_clock_was_set_back_is_one_piece() -> None:
    night = runs(0.0, 45.0, 22.5, 67.5)
    for after in (0, 20):
        stepped = set_clock_back(night, 3 * PAUSE_US, after)
        assert len(sizes(stepped)) == (4 if after == 0 else 1)
