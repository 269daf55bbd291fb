"""What every keeper of packing receipts must do."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.memory_store import MemoryNights, MemoryPackingReceipts
from vampd.errors import DataError, StateError
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import PackingReceipt, RecordedReceipt, live_receipts
from vampd.ports import NightStore, PackingReceipts
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.packing_receipts import StoredPackingReceipts

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251106", Kind.ENGINEERING)
PRODUCT = PackingReceipt("vgen2/a\udcff\n.fits.fz", 2**40, "1" * 64, "2" * 64)
SIDECAR = PackingReceipt("vgen2/a\udcff\n.txt", 7, "3" * 64, None, form=2)


@pytest.fixture(params=["memory", "sqlite"])
def ports(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[NightStore, PackingReceipts]]:
    if request.param == "memory":
        nights = MemoryNights()
        yield nights, MemoryPackingReceipts(nights)
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Nights(opened), StoredPackingReceipts(opened)
    opened.close()


@pytest.fixture
def receipts(ports: tuple[NightStore, PackingReceipts]) -> PackingReceipts:
    nights, receipts = ports
    for night in (NIGHT, OTHER):
        nights.discover(night, at=1.0)
    return receipts


def test_receipts_come_back_as_they_were_recorded(receipts: PackingReceipts) -> None:
    receipts.record(NIGHT, [SIDECAR, PRODUCT], at=3.0)
    assert receipts.of(NIGHT) == (RecordedReceipt(SIDECAR, 3.0), RecordedReceipt(PRODUCT, 3.0))
    assert receipts.of(OTHER) == ()


def test_what_is_on_record_stays_as_it_is(receipts: PackingReceipts) -> None:
    receipts.record(NIGHT, [PRODUCT], at=3.0)
    receipts.record(NIGHT, [PRODUCT], at=4.0)
    assert receipts.of(NIGHT) == (RecordedReceipt(PRODUCT, 3.0),)


@pytest.mark.parametrize(
    "change", [{"size": 1}, {"sha256": "9" * 64}, {"identity": None}, {"form": 9}]
)
def test_another_receipt_of_a_path_is_an_error_and_never_a_replacement(
    receipts: PackingReceipts, change: dict[str, Any]
) -> None:
    receipts.record(NIGHT, [PRODUCT], at=3.0)
    with pytest.raises(DataError, match="written once") as caught:
        receipts.record(NIGHT, [SIDECAR, replace(PRODUCT, **change)], at=4.0)
    assert caught.value.code == "receipts_disagree"
    assert caught.value.context["path"] == PRODUCT.path
    # All or none.
    assert receipts.of(NIGHT) == (RecordedReceipt(PRODUCT, 3.0),)


def test_a_path_may_have_another_receipt_in_another_night(receipts: PackingReceipts) -> None:
    receipts.record(NIGHT, [PRODUCT], at=3.0)
    receipts.record(OTHER, [replace(PRODUCT, size=1)], at=3.0)
    assert live_receipts(receipts.of(NIGHT)) == {PRODUCT.path: PRODUCT}


def test_ended_receipts_stay_on_record_and_make_room_for_others(receipts: PackingReceipts) -> None:
    receipts.record(NIGHT, [PRODUCT], at=3.0)
    receipts.record(OTHER, [PRODUCT], at=3.0)
    receipts.end(NIGHT, at=5.0, actor="alice")
    receipts.end(NIGHT, at=6.0, actor="bob")
    new = replace(PRODUCT, sha256="4" * 64)
    receipts.record(NIGHT, [new], at=7.0)
    ended = RecordedReceipt(PRODUCT, 3.0, 5.0, "alice")
    assert receipts.of(NIGHT) == (ended, RecordedReceipt(new, 7.0))
    assert live_receipts(receipts.of(NIGHT)) == {new.path: new}
    assert receipts.of(OTHER) == (RecordedReceipt(PRODUCT, 3.0),)


def test_receipts_of_an_unknown_night_are_refused(
    ports: tuple[NightStore, PackingReceipts],
) -> None:
    _, receipts = ports
    assert receipts.of(NIGHT) == ()
    with pytest.raises(StateError):
        receipts.record(NIGHT, [PRODUCT], at=1.0)
    with pytest.raises(StateError):
        receipts.end(NIGHT, at=1.0, actor="alice")


ASIDE = PackingReceipt("vbad/vcam1/a\udcff.fits", 5, "5" * 64, None)


def test_a_set_aside_file_may_have_another_receipt_and_the_old_one_stays_on_record(
    receipts: PackingReceipts,
) -> None:
    receipts.record(NIGHT, [ASIDE], at=3.0)
    grown = replace(ASIDE, size=9, sha256="6" * 64)
    for _ in range(2):
        receipts.renew(NIGHT, [grown], at=4.0, actor="alice")
    assert receipts.of(NIGHT) == (
        RecordedReceipt(ASIDE, 3.0, 4.0, "alice"),
        RecordedReceipt(grown, 4.0),
    )
    # A restore touches no raw file.
    receipts.end(NIGHT, at=5.0, actor="alice")
    assert live_receipts(receipts.of(NIGHT)) == {ASIDE.path: grown}
    # But a person may give one up.
    receipts.end(NIGHT, at=6.0, actor="bob", paths=[ASIDE.path])
    assert receipts.of(NIGHT)[1] == RecordedReceipt(grown, 4.0, 6.0, "bob")


def test_what_vampd_made_has_one_receipt_for_good(receipts: PackingReceipts) -> None:
    receipts.record(NIGHT, [PRODUCT, ASIDE], at=3.0)
    before = receipts.of(NIGHT)
    with pytest.raises(DataError, match="written once"):
        receipts.renew(
            NIGHT, [replace(ASIDE, size=9), replace(PRODUCT, size=1)], at=4.0, actor="alice"
        )
    # All or none.
    assert receipts.of(NIGHT) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE packing_receipts SET sha256 = '0'",
        "UPDATE packing_receipts SET sha256 = '0', ended_at = 1, ended_by = 'x' WHERE id = 2",
        "UPDATE packing_receipts SET ended_at = 1 WHERE id = 2",
        "UPDATE packing_receipts SET ended_at = NULL, ended_by = NULL WHERE id = 1",
        "UPDATE packing_receipts SET ended_by = 'x' WHERE id = 1",
        "DELETE FROM packing_receipts",
    ],
)
def test_the_database_refuses_every_other_change(tmp_path: Path, statement: str) -> None:
    store = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    receipts = StoredPackingReceipts(store)
    Nights(store).discover(NIGHT, at=1.0)
    receipts.record(NIGHT, [PRODUCT], at=3.0)
    receipts.end(NIGHT, at=4.0, actor="alice")
    receipts.record(NIGHT, [PRODUCT], at=5.0)
    before = receipts.of(NIGHT)
    with (
        closing(sqlite3.connect(tmp_path / "vampd.db")) as connection,
        pytest.raises(sqlite3.IntegrityError),
        connection,
    ):
        connection.execute(statement)
    assert receipts.of(NIGHT) == before
    store.close()
