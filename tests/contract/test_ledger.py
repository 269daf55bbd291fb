"""What every frame-ID ledger must do, and every authority that it asks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes.authorities import Answering
from tests.support.fakes.memory_store import MemoryLedger
from vampd.adapters.authorities import LocalAuthority, NoAuthority
from vampd.errors import FrameIdConflict, FrameIdsUnavailable
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import FrameId, NumberRange
from vampd.model.nights import Kind, NightId
from vampd.ports import Ledger
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
LATER = NightId("20251107", Kind.ARCHIVE)
LARGEST = 10**8 - 1
NUMBERS = st.integers(0, LARGEST) | st.integers(LARGEST - 5, LARGEST)
LOCAL = LocalAuthority(FrameId(90_000_001))


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield FrameIdLedger(opened, tmp_path / "frameids.ledger")
    opened.close()


def numbers(ledger: Ledger, night: NightId = NIGHT) -> dict[str, int]:
    return {identity: b.frame_id.number - 90_000_000 for identity, b in ledger.bound(night).items()}


def test_ids_follow_the_order_of_the_products(ledger):
    ledger.reserve(NIGHT, ["c", "a", "b"], LOCAL)
    assert numbers(ledger) == {"c": 1, "a": 2, "b": 3}


def test_a_product_keeps_its_id_and_a_late_one_comes_after(ledger):
    ledger.reserve(NIGHT, ["a", "b"], LOCAL)
    ledger.reserve(NIGHT, ["0", "a", "b", "1"], LOCAL)
    assert numbers(ledger) == {"a": 1, "b": 2, "0": 3, "1": 4}


def test_nothing_is_asked_for_when_all_products_have_ids(ledger):
    ledger.reserve(NIGHT, ["a"], LOCAL)
    ledger.reserve(NIGHT, ["a"], NoAuthority())
    ledger.reserve(NIGHT, [], NoAuthority())
    assert numbers(ledger) == {"a": 1}


def test_the_same_identity_in_two_nights_is_two_products(ledger):
    ledger.reserve(NIGHT, ["a"], LOCAL)
    ledger.reserve(LATER, ["a"], LOCAL)
    assert numbers(ledger) == {"a": 1}
    assert numbers(ledger, LATER) == {"a": 2}


def test_the_authority_is_told_how_many_and_above_what(ledger):
    authority = Answering(90_000_005, 90_000_006, numbers=NumberRange.ENGINEERING)
    ledger.reserve(NIGHT, ["a", "b"], authority)
    authority.answer = (90_000_009,)
    ledger.reserve(LATER, ["c"], authority)
    assert authority.asked == [(2, None), (1, FrameId(90_000_006))]
    assert numbers(ledger, LATER) == {"c": 9}


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (7,),
        (7, 8, 9),
        (7, 7),
        (8, 7),
        (1, 2),
        (0, 1),
        (7, 9),
        (7, "VMPA0000"),
        (7, "no more frames"),
        (7, ""),
        (7, "VMPE00000008"),
        (70_000_000, 70_000_001),
        (69_999_999, 70_000_000),
    ],
    ids=[
        "none",
        "short",
        "long",
        "repeated",
        "falling",
        "used",
        "below",
        "with a gap",
        "half-written",
        "garbage",
        "empty line",
        "no raw frame's",
        "simulated numbers",
        "across ranges",
    ],
)
def test_a_grant_that_is_not_what_was_asked_for_is_refused_whole(ledger, answer):
    ledger.reserve(NIGHT, ["x"], Answering(1))
    with pytest.raises(FrameIdConflict) as refusal:
        ledger.reserve(NIGHT, ["a", "b"], Answering(*answer))
    assert refusal.value.code == "grant_refused"
    assert list(ledger.bound(NIGHT)) == ["x"]
    ledger.reserve(NIGHT, ["a", "b"], LOCAL)
    bound = {identity: each.frame_id.number for identity, each in ledger.bound(NIGHT).items()}
    assert bound == {"x": 1, "a": 90_000_001, "b": 90_000_002}


def test_without_an_authority_nothing_is_bound(ledger):
    for _ in range(3):
        with pytest.raises(FrameIdsUnavailable) as error:
            ledger.reserve(NIGHT, ["a"], NoAuthority())
        assert error.value.code == "no_authority"
    assert ledger.bound(NIGHT) == {}
    ledger.reserve(NIGHT, ["a"], LOCAL)
    assert numbers(ledger) == {"a": 1}


def test_an_identity_that_is_wanted_twice_is_refused(ledger):
    with pytest.raises(ValueError, match="once"):
        ledger.reserve(NIGHT, ["a", "a"], LOCAL)
    assert ledger.bound(NIGHT) == {}


def test_only_what_stands_in_products_is_applied(ledger):
    ledger.reserve(NIGHT, ["a", "b"], LOCAL)
    ledger.mark_applied(NIGHT, [FrameId(90_000_002)])
    ledger.mark_applied(NIGHT, [FrameId(90_000_002), FrameId(90_000_002)])
    assert {identity: b.applied for identity, b in ledger.bound(NIGHT).items()} == {
        "a": False,
        "b": True,
    }


@pytest.mark.parametrize("number", [90_000_001, 90_000_003])
def test_an_id_of_another_night_or_of_nobody_cannot_be_applied(ledger, number):
    ledger.reserve(NIGHT, ["a"], LOCAL)
    ledger.reserve(LATER, ["b"], LOCAL)
    with pytest.raises(FrameIdConflict):
        ledger.mark_applied(LATER, [FrameId(90_000_002), FrameId(number)])
    assert not ledger.bound(LATER)["b"].applied


def test_ids_of_others_are_recorded_once_and_new_ones_come_above_them(ledger):
    used = {FrameId(90_000_005), FrameId(90_000_009)}
    assert ledger.record_foreign(NIGHT, used, "a manifest shows them") == tuple(sorted(used))
    assert ledger.record_foreign(LATER, used, "so do names") == ()
    assert ledger.bound(NIGHT) == {}
    ledger.reserve(LATER, ["a"], LOCAL)
    assert numbers(ledger, LATER) == {"a": 10}
    with pytest.raises(FrameIdConflict):
        ledger.reserve(NIGHT, ["b"], Answering(90_000_009, numbers=NumberRange.ENGINEERING))
    with pytest.raises(FrameIdConflict):
        ledger.reserve(NIGHT, ["b"], Answering(90_000_007, numbers=NumberRange.ENGINEERING))


def test_each_range_of_numbers_is_a_sequence_of_its_own(ledger):
    ledger.reserve(NIGHT, ["a"], LOCAL)
    ledger.reserve(NIGHT, ["b"], Answering(425_001))
    ledger.reserve(LATER, ["c"], LOCAL)
    raw = Answering(425_002)
    ledger.reserve(LATER, ["d"], raw)
    assert raw.asked == [(1, FrameId(425_001))]
    bound = {**ledger.bound(NIGHT), **ledger.bound(LATER)}
    assert {name: each.frame_id.number for name, each in bound.items()} == {
        "a": 90_000_001,
        "b": 425_001,
        "c": 90_000_002,
        "d": 425_002,
    }


@given(first=NUMBERS, used=st.none() | NUMBERS)
def test_the_local_sequence_rises_above_all_that_was_used_and_never_begins_before_its_first(
    first, used
):
    authority = LocalAuthority(FrameId(first))
    highest = None if used is None else FrameId(used)
    start = max(first, 0 if used is None else used + 1)
    if start + 2 <= authority.numbers.last:
        granted = map(FrameId.parse, authority.grant(3, highest))
        assert [each.number for each in granted] == [start, start + 1, start + 2]
        return
    with pytest.raises(FrameIdsUnavailable) as error:
        authority.grant(3, highest)
    assert error.value.code == "frame_ids_exhausted"
