"""U_FLCEN of a product is what its frames show; out of the beam nothing is labeled."""

import pytest

from tests.support.builders.frames import Night, expose, labels_made, trigger_train
from vampd.model.cubes import Generation, build_framelist

TRAIN = trigger_train(400, flc_us=200)


def cards_of(night: Night, generation: Generation) -> dict[str, tuple[bool | None, list[str]]]:
    """By product, its U_FLCEN and what HISTORY keeps of the raw card."""
    cubes = {cube.path: cube for cube in night.cubes}
    found = {}
    for product in generation.products:
        cards = build_framelist(product, cubes, "1.0", 2).cards
        kept = [text[8:].rstrip() for text in cards.texts if "U_FLCEN of its raw cube" in text]
        found[product.name] = cards.boolean("U_FLCEN"), kept
    return found


def test_frames_with_a_state_say_that_the_flc_switched_whatever_their_card_says() -> None:
    off = {(2, number): {"U_FLCEN": False} for number in range(2)}
    night = expose(TRAIN, cube_changes=off)
    generation = night.synchronize()
    shown = cards_of(night, generation)
    assert set(labels_made(generation).values()) >= {"A", "B"}
    for product in generation.products:
        enabled, kept = shown[product.name]
        if product.order.flc_state:
            assert enabled is True
            assert kept == (["U_FLCEN of its raw cube: F"] if product.order.camera == 2 else [])


def test_frames_that_do_not_alternate_say_so_where_one_camera_says_that_they_do() -> None:
    on = {(1, number): {"U_FLCEN": True, "U_TRIGJT": 200} for number in range(2)}
    night = expose(trigger_train(400), cube_changes=on)
    generation = night.synchronize()
    assert not labels_made(generation)
    assert {enabled for enabled, _ in cards_of(night, generation).values()} == {False}


def test_cards_that_are_right_leave_no_history() -> None:
    night = expose(TRAIN)
    assert all(shown == (True, []) for shown in cards_of(night, night.synchronize()).values())


@pytest.mark.parametrize("place", ["OUT", "MOVING", "out ", "", None])
@pytest.mark.parametrize("cameras", [(1,), (2,), (1, 2)])
def test_out_of_the_beam_nothing_is_labeled_however_it_alternates(
    place: str | None, cameras: tuple[int, ...]
) -> None:
    night = expose(TRAIN, changes={"U_FLCST": place}, cameras=cameras)
    assert not labels_made(night.synchronize())
