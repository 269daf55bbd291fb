"""An ID is lost when its product will not come again."""

from vampd.model.frame_ids import BoundId, FrameId, LostId, find_lost_ids
from vampd.model.nights import Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
ONE, TWO, THREE = (FrameId(number) for number in (1, 2, 3))
BOUND = [BoundId("one", ONE, applied=True), BoundId("two", TWO, applied=True)]
MANIFEST = "manifest_VMP_20251106.csv"


def lost(
    *bound: BoundId,
    listed: dict[FrameId, str] | None = None,
    shown: set[FrameId] | None = None,
    identities: set[str] | None = None,
) -> list[LostId]:
    return list(find_lost_ids(NIGHT, bound, listed or {}, shown or set(), identities or set()))


def test_an_applied_id_without_a_product_that_no_generation_names_is_lost() -> None:
    assert lost(*BOUND, shown={TWO}) == [LostId(ONE, NIGHT, None)]
    assert lost(*BOUND, shown={ONE, TWO}) == []


def test_what_a_generation_names_is_missing_and_comes_again() -> None:
    assert lost(*BOUND, identities={"one"}) == [LostId(TWO, NIGHT, None)]


def test_an_announced_id_is_lost_whatever_the_ledger_knows_of_it() -> None:
    listed = {ONE: MANIFEST, THREE: MANIFEST}
    assert lost(listed=listed) == [LostId(ONE, NIGHT, MANIFEST), LostId(THREE, NIGHT, MANIFEST)]
    assert lost(*BOUND, listed=listed, identities={"one", "two"}) == [
        LostId(THREE, NIGHT, MANIFEST)
    ]


def test_an_id_that_no_product_ever_carried_is_not_lost() -> None:
    assert lost(BoundId("three", THREE, applied=False)) == []
