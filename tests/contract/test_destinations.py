"""What every record of destinations must do."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from tests.support.fakes.memory_destinations import MemoryDestinations
from tests.support.fakes.memory_store import MemoryNights, MemoryReceipts
from vampd.model.nights import (
    Event,
    EventName,
    FileStamp,
    Kind,
    NightId,
    NightUpdate,
    StageName,
    State,
    Status,
    stages_of,
)
from vampd.model.proofs import DestinationOrigin, KnownDestination, Place, Receipt
from vampd.ports import Destinations, NightStore, Receipts
from vampd.store.database.opening import Access, open_store
from vampd.store.destinations import StoredDestinations
from vampd.store.nights import Nights
from vampd.store.receipts import StoredReceipts
from vampd.store.schema import DestinationRow

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251106", Kind.ENGINEERING)
ONE, TWO = "1" * 32, "2" * 32


@dataclass
class Ports:
    nights: NightStore
    receipts: Receipts
    destinations: Destinations


@pytest.fixture(params=["memory", "sqlite"])
def ports(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ports]:
    if request.param == "memory":
        nights = MemoryNights()
        receipts = MemoryReceipts(nights)
        yield Ports(nights, receipts, MemoryDestinations(nights, receipts))
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Ports(Nights(opened), StoredReceipts(opened), StoredDestinations(opened))
    opened.close()


@pytest.fixture
def known(ports: Ports) -> Ports:
    """Both nights have a receipt of an earlier version, which names no destination."""
    for night in (NIGHT, OTHER):
        ports.nights.discover(night, at=1.0)
        stamp = FileStamp("vgen2/a.fits.fz", 1, 1)
        ports.receipts.keep(
            night, [Receipt(place, stamp, "0" * 64, 1.0) for place in (Place.HERE, Place.ARCHIVE)]
        )
    return ports


def named(ports: Ports, night: NightId) -> list[str | None]:
    return [one.destination for one in ports.receipts.of(night, Place.ARCHIVE).values()]


def test_nothing_is_on_record_at_first(ports: Ports) -> None:
    assert ports.destinations.known(Kind.ARCHIVE) is None
    ports.destinations.adopt(Kind.ARCHIVE, "h:/a", at=1.0)
    assert ports.destinations.known(Kind.ARCHIVE) is None


def test_a_mark_is_on_record_before_it_is_placed_and_confirmed_afterwards(ports: Ports) -> None:
    destinations = ports.destinations
    intended = destinations.intend(Kind.ARCHIVE, "h:/\udcff", ONE, at=5.0)
    placed = DestinationOrigin.PLACED
    assert intended == KnownDestination("h:/\udcff", ONE, False, placed, "vampd", 5.0)
    assert destinations.known(Kind.ARCHIVE) == intended
    assert destinations.intend(Kind.ARCHIVE, "h:/\udcff", TWO, at=6.0) == intended
    destinations.confirm(Kind.ARCHIVE, TWO)
    assert destinations.known(Kind.ARCHIVE) == intended
    destinations.confirm(Kind.ARCHIVE, ONE)
    assert destinations.known(Kind.ARCHIVE) == KnownDestination(
        "h:/\udcff", ONE, True, placed, "vampd", 5.0
    )
    assert destinations.known(Kind.ENGINEERING) is None


def test_two_kinds_that_share_a_destination_share_its_mark(ports: Ports) -> None:
    destinations = ports.destinations
    destinations.intend(Kind.ENGINEERING, "/a", ONE, at=1.0)
    assert destinations.intend(Kind.ARCHIVE, "/a/2", TWO, at=1.0).mark == TWO
    assert destinations.intend(Kind.ENGINEERING, "/a/2", "3" * 32, at=2.0).mark == TWO


def test_what_earlier_versions_read_was_read_where_the_settings_say(known: Ports) -> None:
    known.destinations.adopt(Kind.ARCHIVE, "h:/a", at=3.0)
    assert named(known, NIGHT) == ["h:/a"]
    assert named(known, OTHER) == [None]
    assert [one.destination for one in known.receipts.of(NIGHT, Place.HERE).values()] == [None]
    upgraded = KnownDestination("h:/a", None, False, DestinationOrigin.UPGRADED, "vampd", 3.0)
    assert known.destinations.known(Kind.ARCHIVE) == upgraded
    known.destinations.adopt(Kind.ARCHIVE, "h:/other", at=4.0)
    assert (named(known, NIGHT), known.destinations.known(Kind.ARCHIVE)) == (["h:/a"], upgraded)
    assert known.destinations.intend(Kind.ARCHIVE, "h:/a", ONE, at=5.0).mark == ONE


MOVED = KnownDestination("h:/new", TWO, True, DestinationOrigin.MOVED, "a person", 9.0)


def bring(ports: Ports, night: NightId, *names: EventName, safe_at: float | None = None) -> None:
    for name in names:
        ports.nights.apply(night, Event(name), at=1.0, actor="vampd")
    if safe_at is not None:
        ports.nights.update(night, NightUpdate(safe_at=safe_at, transferred_at=safe_at))


TO_THE_END = [EventName.SETTLED, *[EventName.CLAIMED, EventName.ADVANCED] * len(StageName)]


def test_another_destination_ends_every_proof_of_its_kind_and_has_all_read_again(
    known: Ports,
) -> None:
    engineering = TO_THE_END[: 1 + 2 * len(stages_of(Kind.ENGINEERING))]
    bring(known, NIGHT, *TO_THE_END, safe_at=3.0)
    bring(known, OTHER, *engineering, safe_at=3.0)
    other = known.nights.night(OTHER)
    known.destinations.intend(Kind.ARCHIVE, "h:/a", ONE, at=1.0)
    known.destinations.change(Kind.ARCHIVE, MOVED, code="archive_moved", message="to h:/new")
    assert known.destinations.known(Kind.ARCHIVE) == MOVED
    record = known.nights.night(NIGHT)
    assert record is not None
    assert record.state == State(StageName.TRANSFER, Status.READY)
    assert (record.safe_at, record.transferred_at) == (None, 3.0)
    last = known.nights.history(NIGHT)[-1]
    assert (last.event, last.code, last.actor) == (EventName.RETRIED, "archive_moved", "a person")
    assert [r.has_ended for r in known.receipts.of(NIGHT, Place.ARCHIVE).values()] == [True]
    assert [r.has_ended for r in known.receipts.of(NIGHT, Place.HERE).values()] == [False]
    assert known.nights.night(OTHER) == other
    assert [r.has_ended for r in known.receipts.of(OTHER, Place.ARCHIVE).values()] == [False]


def test_another_destination_releases_no_hold_and_retries_nothing_that_failed(known: Ports) -> None:
    to_manifest = TO_THE_END[:-2]
    bring(known, NIGHT, *to_manifest, EventName.HELD, safe_at=3.0)
    known.destinations.change(Kind.ARCHIVE, MOVED, code="archive_moved", message="to h:/new")
    record = known.nights.night(NIGHT)
    assert record is not None
    assert record.state == State(StageName.MANIFEST, Status.HELD)
    assert record.safe_at is None
    lines = known.nights.history(NIGHT)
    assert lines[-1].event is EventName.DISPROVED
    known.destinations.change(Kind.ARCHIVE, MOVED, code="archive_moved", message="to h:/new")
    assert known.nights.history(NIGHT) == lines


@pytest.mark.parametrize("ends", [[], [EventName.FAILED]], ids=["running", "waiting"])
def test_what_is_tried_elsewhere_meanwhile_begins_again_at_once(
    known: Ports, ends: list[EventName]
) -> None:
    to_transfer = TO_THE_END[: 1 + 2 * list(StageName).index(StageName.TRANSFER)]
    bring(known, NIGHT, *to_transfer, EventName.CLAIMED, *ends)
    known.destinations.change(Kind.ARCHIVE, MOVED, code="archive_moved", message="to h:/new")
    record = known.nights.night(NIGHT)
    assert record is not None
    assert record.state == State(StageName.TRANSFER, Status.READY)


def test_where_nights_were_archived_stays_on_record(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    StoredDestinations(store).intend(Kind.ARCHIVE, "h:/a", ONE, at=1.0)
    with pytest.raises(IntegrityError, match="stays on record"), store.write() as connection:
        connection.execute(delete(DestinationRow))
    store.close()
