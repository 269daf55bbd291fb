"""The warning when a disk runs low."""

from vampd.model.nights import Kind, NightId
from vampd.model.resources import LowSpace, Need, Space, spare_bytes

NIGHT = NightId("20251106", Kind.ARCHIVE)


def test_what_should_be_left_is_the_reserve_or_the_part_whichever_is_more() -> None:
    assert spare_bytes(Space(0, 1_000), 20, 0.05) == 50
    assert spare_bytes(Space(0, 1_000), 80, 0.05) == 80


def test_a_warning_shows_where_how_much_and_what_follows() -> None:
    low = LowSpace(
        "/mnt/fuuu", NIGHT, Space(70 * 10**9, 1000 * 10**9), Need(25 * 10**9), 50 * 10**9, None
    )
    assert low.subject == "vampd: little space at /mnt/fuuu"
    assert "Free:    70.0 GB of 1.00 TB" in low.body
    assert "Needed:  25.0 GB by the next stage of 20251106 (archive)" in low.body
    assert "Left:    45.0 GB; less than 50.0 GB is little" in low.body
    assert "Nothing has failed" in low.body
    assert max(map(len, low.body.splitlines())) < 80


def test_a_shortage_is_reported_as_one() -> None:
    low = LowSpace("sc6l:/mnt/tier1", NIGHT, Space(1, 100), Need(5), 5, "5 B are needed, 1 B free")
    assert "It is too little: 5 B are needed, 1 B free." in low.body
    assert "Left:    0 B" in low.body
    assert "Nothing has failed" not in low.body
