"""Which product has which ID, told by folders alone."""

import pytest

from vampd.model.frame_ids import CarriedId, FrameId, RecoveredBinding, read_bindings, weigh
from vampd.model.nights import Kind, NightId

NIGHT, LATER = (NightId(date, Kind.ARCHIVE) for date in ("20251106", "20251107"))
FIRST = "VMPA90000001"
KNOWN = {"vsync_x": "a", "vsync_y": "b"}
NAMES = f"vsync_x.fits\t{FIRST}.fits\n"


def product(stem: str, frame_id: str, identity: str | None = "a", problem: str = "") -> CarriedId:
    return CarriedId(NIGHT, f"vgen2/{stem}.fits.fz", frame_id, identity, problem)


def binding(number: int, identity: str, night: NightId = NIGHT) -> RecoveredBinding:
    return RecoveredBinding(night, FrameId(90_000_000 + number), identity)


def read(*carried: CarriedId, names: str = "") -> tuple[list[RecoveredBinding], str]:
    shown = weigh(read_bindings(NIGHT, carried, names, KNOWN))
    return list(shown.bindings), "; ".join(shown.problems)


def test_products_and_names_show_the_same_and_each_alone_is_enough():
    shown = [binding(1, "a")]
    carried = product(FIRST, FIRST)
    assert read(carried) == read(names=NAMES) == read(carried, names=NAMES) == (shown, "")


@pytest.mark.parametrize(
    "carried", [product(FIRST, FIRST, None), product(FIRST, "", None, "it ends within its header")]
)
def test_a_product_that_no_longer_shows_its_frames_is_reported_by_its_name(carried: CarriedId):
    assert read(carried, names=NAMES) == ([binding(1, "a")], "")
    bindings, problems = read(carried)
    assert bindings == []
    assert FIRST in problems


def test_a_product_without_an_id_shows_nothing_and_is_no_problem():
    assert read(product("vsync_x", "", "a")) == ([], "")
    assert read(product("vsync_x", "", None, "cannot be parsed")) == ([], "")


@pytest.mark.parametrize(
    ("carried", "names", "shown"),
    [
        ([product(FIRST, "VMPA90000002")], "", "VMPA90000001.fits.fz carries FRAMEID VMPA90000002"),
        ([product("vsync_x", FIRST)], "", "should be named by it"),
        ([product(FIRST, "")], "", "carries FRAMEID ''"),
        ([product(FIRST, FIRST, "b")], NAMES, "VMPA90000001 appears to belong to 2 products"),
        ([product("VMPA90000002", "VMPA90000002")], NAMES, "to have VMPA90000001, VMPA90000002"),
        ([], f"vsync_z.fits\t{FIRST}.fits\n", "vsync_z, which no generation knows"),
        ([], "no list of names\n", "cannot be read"),
    ],
)
def test_what_is_reported_in_two_ways_or_by_nothing_is_a_problem(carried, names: str, shown: str):
    assert shown in read(*carried, names=names)[1]


def test_one_id_in_two_nights_is_a_problem_that_names_both():
    shown = weigh([binding(1, "a"), binding(1, "a", LATER), binding(2, "b")])
    assert shown.problems == (
        "VMPA90000001 appears to belong to 2 products, of 20251106, 20251107",
    )
