"""When a disk is low."""

from vampd.model.resources import Space, spare_bytes


def test_what_should_be_left_is_the_reserve_or_the_part_whichever_is_more() -> None:
    assert spare_bytes(Space(0, 1_000), 20, 0.05) == 50
    assert spare_bytes(Space(0, 1_000), 80, 0.05) == 80
