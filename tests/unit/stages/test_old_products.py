"""fpack of a night of the old tools: list, prove, record, and only then the table."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.builders.headers import settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.errors import DataError
from vampd.model.nights import Kind, NightId, NightRecord, StageName, State, Status
from vampd.model.plan import (
    Hash,
    Plan,
    PutAway,
    RecordReceipts,
    TakeOver,
    WriteHeaderTable,
    WriteText,
)
from vampd.model.proofs import (
    RECEIPTS_PATH,
    OldProduct,
    PackingReceipt,
    Place,
    Receipt,
    format_old_products,
    format_receipts,
)
from vampd.stages import fpack, old_products, settings_for, stage_of, transfer

NIGHT = NightId("20240612", Kind.ARCHIVE)
PACKED, PLAIN = "vgen2/VMPA00000001.fits.fz", "vgen2/VMPA00000002.fits"


@pytest.fixture
def reader() -> FakeNightReader:
    made = FakeNightReader()
    for path in (PACKED, PLAIN, "vgen2/VMPA00000001.txt", "vgen2/VMPA00000002.txt"):
        made.write(path, f"content of {path}")
    return made


def plan(reader: FakeNightReader) -> Plan:
    return old_products.plan(old_products.survey(NIGHT, reader), settings())


def written(reader: FakeNightReader) -> FakeNightReader:
    (text,) = plan(reader).waves[0]
    assert isinstance(text, WriteText)
    assert text.once
    reader.write(text.path, text.text)
    return reader


def prove(reader: FakeNightReader, packed: str) -> tuple[PackingReceipt, ...]:
    """As the action does it."""
    if packed not in reader.tree:
        reader.write(packed, "packed by vampd")
    receipts = []
    for path in (packed, f"{packed.removesuffix('.fits.fz')}.txt"):
        file = next(each for each in reader.files(NIGHT, "vgen2") if each.path == path)
        sha256 = hashlib.sha256(reader.tree[path].content).hexdigest()
        reader.keep(Receipt(Place.HERE, file, sha256, 1.0))
        receipts.append(PackingReceipt(path, file.size, sha256, None))
    return tuple(receipts)


def test_what_there_is_is_listed_first_and_once(reader: FakeNightReader) -> None:
    written(reader)
    listed = format_old_products(
        {"VMPA00000001": OldProduct.PACKED, "VMPA00000002": OldProduct.PLAIN}
    )
    assert reader.text(NIGHT, old_products.LISTING_PATH) == listed


def test_each_product_is_proven_and_what_is_plain_is_packed_first(reader: FakeNightReader) -> None:
    size = next(f.size for f in reader.files(NIGHT, "vgen2") if f.path == PLAIN)
    assert plan(written(reader)).waves == ((TakeOver(PACKED), TakeOver(f"{PLAIN}.fz", size)),)


@pytest.mark.parametrize("gone", [PACKED, PLAIN, "vgen2/VMPA00000001.txt"])
def test_what_was_listed_and_is_gone_is_missed(reader: FakeNightReader, gone: str) -> None:
    written(reader)
    del reader.tree[gone]
    with pytest.raises(DataError) as missed:
        plan(reader)
    assert missed.value.code == "product_missing"


def test_receipts_are_written_beside_the_data_and_the_table_comes_last(
    reader: FakeNightReader,
) -> None:
    written(reader)
    receipts = (*prove(reader, PACKED), *prove(reader, f"{PLAIN}.fz"))
    reader.record(*receipts)
    (listing,) = plan(reader).waves[0]
    assert listing == WriteText(RECEIPTS_PATH, format_receipts(receipts))
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    (table,) = plan(reader).waves[0]
    assert isinstance(table, WriteHeaderTable)
    assert table.products == (PACKED, f"{PLAIN}.fz")


def test_a_lost_product_is_given_up_at_a_word_and_the_listing_says_so_first(
    reader: FakeNightReader,
) -> None:
    written(reader)
    reader.record(*prove(reader, PACKED), *prove(reader, f"{PLAIN}.fz"))
    # A person lets go what is whole, too: that is not given up.
    reader.released = frozenset({PACKED, f"{PLAIN}.fz"})
    del reader.tree[PACKED]
    (listing,) = plan(reader).waves[0]
    assert listing == WriteText(
        old_products.LISTING_PATH,
        format_old_products({"VMPA00000001": OldProduct.LOST, "VMPA00000002": OldProduct.PLAIN}),
    )
    reader.write(listing.path, listing.text)
    assert plan(reader).waves == ((PutAway((PACKED, "vgen2/VMPA00000001.txt")),),)
    # Once its receipts have ended, the others go on without it.
    reader.recorded = [each for each in reader.recorded if PACKED[:-8] not in each.receipt.path]
    del reader.tree["vgen2/VMPA00000001.txt"]
    (text,) = plan(reader).waves[0]
    assert isinstance(text, WriteText)
    assert text.path == RECEIPTS_PATH


def test_where_the_database_was_lost_the_folder_is_held_against_what_is_there(
    reader: FakeNightReader,
) -> None:
    written(reader)
    receipts = (*prove(reader, PACKED), *prove(reader, f"{PLAIN}.fz"))
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    (action,) = plan(reader).waves[0]
    assert isinstance(action, RecordReceipts | Hash)
    assert not isinstance(action, TakeOver)


def test_only_such_a_night_has_this_stage_and_none_is_mailed_by_itself() -> None:
    own = NightRecord(NIGHT, State(StageName.FPACK, Status.READY))
    theirs = NightRecord(NIGHT, State(StageName.FPACK, Status.READY, is_continued=True))
    sent = NightRecord(NIGHT, State(StageName.TRANSFER, Status.READY, is_continued=True))
    assert [stage_of(each) for each in (own, theirs, sent)] == [fpack, old_products, transfer]
    mailing = settings().mail.model_copy(update={"automatic": True})
    mailed = settings().model_copy(update={"mail": mailing})
    assert settings_for(own, mailed).mail.automatic
    assert not settings_for(theirs, mailed).mail.automatic
