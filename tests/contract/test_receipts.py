"""What every keeper of receipts must do."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.fakes.memory_store import MemoryNights, MemoryReceipts
from vampd.errors import StateError
from vampd.model.nights import Event, EventName, FileStamp, Kind, NightId, StageName
from vampd.model.proofs import Place, Receipt
from vampd.ports import NightStore, Receipts
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.receipts import StoredReceipts

NIGHT = NightId("20251106", Kind.ARCHIVE)
_FRESH = count()
OTHER = NightId("20251106", Kind.ENGINEERING)


@pytest.fixture(params=["memory", "sqlite"])
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[NightStore, Receipts]]:
    if request.param == "memory":
        nights = MemoryNights()
        yield nights, MemoryReceipts(nights)
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Nights(opened), StoredReceipts(opened)
    opened.close()


@pytest.fixture
def receipts(ports: tuple[NightStore, Receipts]) -> Receipts:
    nights, receipts = ports
    nights.discover(NIGHT, at=1.0)
    nights.discover(OTHER, at=1.0)
    return receipts


def receipt(path: str, at: float, place: Place = Place.HERE, size: int = 2**40) -> Receipt:
    return Receipt(place, FileStamp(path, size, 1_762_390_000_123_456_789), f"{at:064.0f}", at)


def test_receipts_come_back_as_they_were_kept(receipts):
    kept = [receipt("vgen2/b.fits.fz", 2.0), receipt("vgen2/a\udcff\n.fits.fz", 1.5)]
    receipts.keep(NIGHT, kept)
    assert receipts.of(NIGHT, Place.HERE) == {each.path: each for each in kept}


def test_a_receipt_counts_for_its_own_night_and_place_only(receipts):
    receipts.keep(NIGHT, [receipt("a", 1.0)])
    assert receipts.of(NIGHT, Place.ARCHIVE) == {}
    assert receipts.of(OTHER, Place.HERE) == {}
    receipts.keep(NIGHT, [receipt("a", 2.0, Place.ARCHIVE, size=7)])
    assert receipts.of(NIGHT, Place.HERE)["a"].at == 1.0
    assert receipts.of(NIGHT, Place.ARCHIVE)["a"].file.size == 7


def test_a_night_without_receipts_has_none(ports):
    _, receipts = ports
    assert receipts.of(NIGHT, Place.HERE) == {}


def test_receipts_of_an_unknown_night_are_refused(ports):
    _, receipts = ports
    with pytest.raises(StateError):
        receipts.keep(NIGHT, [receipt("a", 1.0)])


def test_many_receipts_are_kept_from_an_iterator(receipts):
    receipts.keep(NIGHT, (receipt(f"vgen2/{i:05}", 1.0) for i in range(2501)))
    assert len(receipts.of(NIGHT, Place.HERE)) == 2501


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    batches=st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 3)))
    )
)
def test_the_newest_receipt_wins_in_whatever_order_they_come(receipts, batches):
    folder = f"folder{next(_FRESH)}"  # one store serves all examples
    expected: dict[str, Receipt] = {}
    for batch in batches:
        made = [receipt(f"{folder}/{name}", float(at), size=size) for name, at, size in batch]
        receipts.keep(NIGHT, made)
        for each in made:
            if each.path not in expected or each.at >= expected[each.path].at:
                expected[each.path] = each
    found = receipts.of(NIGHT, Place.HERE)
    assert {key: value for key, value in found.items() if key.startswith(f"{folder}/")} == expected


def claims(receipts: Receipts, night: NightId = NIGHT) -> set[str]:
    of_night = receipts.of(night, Place.ARCHIVE)
    return {path for path, receipt in of_night.items() if receipt.has_ended}


def test_a_proof_names_the_archive_that_was_read(receipts):
    one = replace(receipt("a", 1.0, Place.ARCHIVE), destination="h:/\udcff", mark="1" * 32)
    receipts.keep(NIGHT, [one, receipt("b", 1.0, Place.ARCHIVE)])
    assert receipts.of(NIGHT, Place.ARCHIVE) == {"a": one, "b": receipt("b", 1.0, Place.ARCHIVE)}
    moved = replace(one, at=2.0, destination="/new", mark=None)
    receipts.keep(NIGHT, [moved])
    assert receipts.of(NIGHT, Place.ARCHIVE)["a"] == moved


def test_a_proof_that_ends_stays_as_a_claim_until_it_is_read_again(receipts):
    paths = [f"vgen2/{number}" for number in range(2500)]
    for night, place in ((NIGHT, Place.ARCHIVE), (NIGHT, Place.HERE), (OTHER, Place.ARCHIVE)):
        receipts.keep(night, [receipt(path, 1.0, place) for path in paths])
    receipts.end_proofs(NIGHT, [*paths[1:], "vgen2/never read"])
    assert claims(receipts) == set(paths[1:])
    assert not claims(receipts, OTHER)
    assert not any(one.has_ended for one in receipts.of(NIGHT, Place.HERE).values())
    receipts.keep(NIGHT, [receipt(paths[1], 1.0, Place.ARCHIVE)])
    assert claims(receipts) == set(paths[2:])


@pytest.mark.parametrize("stage", [StageName.TRANSFER, StageName.SYNC, StageName.MANIFEST, None])
def test_a_night_sent_back_to_transfer_or_further_is_proven_no_more(
    ports: tuple[NightStore, Receipts], stage: StageName | None
) -> None:
    nights, receipts = ports
    nights.discover(NIGHT, at=1.0)
    receipts.keep(NIGHT, [receipt("a", 1.0, Place.ARCHIVE), receipt("a", 1.0)])
    nights.apply(NIGHT, Event(EventName.SETTLED), at=1.0, actor="x")
    for _ in StageName:
        nights.apply(NIGHT, Event(EventName.CLAIMED), at=1.0, actor="x")
        nights.apply(NIGHT, Event(EventName.ADVANCED), at=1.0, actor="x")
    nights.apply(NIGHT, Event(EventName.RETRIED, stage), at=1.0, actor="x")
    assert claims(receipts) == ({"a"} if stage in (StageName.TRANSFER, StageName.SYNC) else set())
    assert not receipts.of(NIGHT, Place.HERE)["a"].has_ended


def test_forgetting_takes_all_of_a_night_and_nothing_of_another(
    ports: tuple[NightStore, Receipts],
) -> None:
    nights, receipts = ports
    for night in (NIGHT, OTHER):
        nights.discover(night, at=1.0)
        for place in Place:
            stamp = FileStamp("vgen2/a.fits.fz", 1, 1)
            receipts.keep(night, [Receipt(place, stamp, "0" * 64, 1.0)])
    receipts.forget(NIGHT)
    receipts.forget(NIGHT)
    assert not receipts.of(NIGHT, Place.HERE)
    # A claim stays: something of this night was there.
    assert all(one.has_ended for one in receipts.of(NIGHT, Place.ARCHIVE).values())
    assert not any(one.has_ended for one in receipts.of(OTHER, Place.ARCHIVE).values())
    assert all(receipts.of(OTHER, place) for place in Place)


def test_a_reading_of_the_future_gives_way_to_the_next_one(receipts):
    # A clock was ahead when it was made.
    receipts.keep(NIGHT, [receipt("a", time.time() + 1e6)])
    receipts.keep(NIGHT, [receipt("a", 2.0)])
    assert receipts.of(NIGHT, Place.HERE) == {"a": receipt("a", 2.0)}
