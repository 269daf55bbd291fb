"""fpack's plan: pack what is missing, prove it, and only then let the framelist go."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeGuard

import pytest

from tests.support.builders.headers import framelist, settings
from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.errors import DataError, FrameIdConflict
from vampd.model.cubes import Framelist, Generation, Product, SyncCounts, stamp_frame_id
from vampd.model.delivery import Correspondence, Mailing, ManifestFile, Way
from vampd.model.frame_ids import BoundId, FrameId
from vampd.model.nights import Kind, NightId
from vampd.model.plan import (
    Action,
    Hash,
    Pack,
    Plan,
    RebuildFramelists,
    RecordReceipts,
    Retire,
    SendAhead,
    WriteHeaderTable,
    WriteText,
)
from vampd.model.proofs import (
    RECEIPTS_PATH,
    SUMS_NAME,
    PackingReceipt,
    Place,
    Receipt,
    RecordedReceipt,
    format_receipts,
    format_sums,
    text_digest,
)
from vampd.stages import fpack

ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)


@pytest.fixture
def reader() -> FakeNightReader:
    return FakeNightReader()


def plan(reader: FakeNightReader, night: NightId = ENGINEERING) -> Plan:
    return fpack.plan(fpack.survey(night, reader), settings())


def stamped() -> Framelist:
    return stamp_frame_id(framelist(), FrameId(90000001))


def pack(
    reader: FakeNightReader, one: Framelist, identity: str | None = None, sha256: str = "0" * 64
) -> tuple[PackingReceipt, PackingReceipt]:
    """The product and its sidecar as packing leaves them, read here; their packing receipts."""
    reader.identities[one.packed_path] = one.identity if identity is None else identity
    product = reader.write(one.packed_path, b"packed")
    sidecar = reader.write(one.sidecar_path, b"rows")
    reader.keep(
        Receipt(Place.HERE, product, sha256, 1.0), Receipt(Place.HERE, sidecar, "1" * 64, 1.0)
    )
    return (
        PackingReceipt(product.path, product.size, sha256, one.identity),
        PackingReceipt(sidecar.path, sidecar.size, "1" * 64, None),
    )


def write_table(reader: FakeNightReader, table: WriteHeaderTable) -> None:
    """As the action does: the file, and the reading of it."""
    paths = [f"{table.folder}/{path}" for path in table.products]
    text = "".join(f"{line},1\n" for line in ("path", *paths))
    reader.keep(Receipt(Place.HERE, reader.write(table.path, text), text_digest(text), 1.0))


def kinds(planned: Plan) -> list[list[type]]:
    return [[type(action) for action in wave] for wave in planned.waves]


def test_a_framelist_without_a_product_is_packed(reader: FakeNightReader) -> None:
    one = framelist()
    reader.add_framelist(one)
    ((action,),) = plan(reader).waves
    columns, rows = (one.cards.integer(key) or 0 for key in ("NAXIS1", "NAXIS2"))
    assert action == Pack(one.path, one.packed_path, one.frames, one.frames * columns * rows * 2)


def test_packing_goes_in_time_order(reader: FakeNightReader) -> None:
    times = [30, 10, 20]
    for start, first_us in enumerate(times):
        reader.add_framelist(framelist(f"name{start}", first_us=first_us, start=start))
    ((*actions,),) = plan(reader).waves
    assert [action.framelist for action in actions if isinstance(action, Pack)] == [
        "vgen2/name1.framelist",
        "vgen2/name2.framelist",
        "vgen2/name0.framelist",
    ]


def test_an_archive_product_without_a_frame_id_is_not_passed_over(
    reader: FakeNightReader,
) -> None:
    reader.add_framelist(framelist())
    with pytest.raises(FrameIdConflict, match="--from frameids"):
        plan(reader, ARCHIVE)
    reader.framelists.clear()
    one = stamped()
    reader.add_framelist(one)
    ((action,),) = plan(reader, ARCHIVE).waves
    assert isinstance(action, Pack)
    assert action.packed == "vgen2/VMPA90000001.fits.fz"


def test_what_was_decided_and_is_nowhere_is_made_again_before_it_is_packed(
    reader: FakeNightReader,
) -> None:
    one = framelist()
    lost = Product("lost", one.order, False, one.ranges, (), 0, 0, 0, 0, 0)
    reader.committed.append(Generation(1, "0", (), (lost,), (), SyncCounts()))
    assert plan(reader) == Plan.of([RebuildFramelists((lost,))])
    with pytest.raises(FrameIdConflict, match="--from frameids"):
        plan(reader, ARCHIVE)
    reader.bound[lost.identity] = BoundId(lost.identity, FrameId(90000001), applied=False)
    assert plan(reader, ARCHIVE) == Plan.of([RebuildFramelists((lost,))])


def test_an_unproven_product_never_retires_its_framelist(reader: FakeNightReader) -> None:
    one = framelist()
    reader.add_framelist(one)
    pack(reader, one)
    # Packed again beside it and compared, however often its name and stamp were read.
    assert kinds(plan(reader)) == [[Pack]]


def test_a_proven_product_retires_its_framelist_once_the_folder_lists_it(
    reader: FakeNightReader,
) -> None:
    one = framelist()
    reader.add_framelist(one)
    receipts = pack(reader, one)
    reader.record(*receipts)
    (write,), (retire,) = plan(reader).waves
    assert write == WriteText(RECEIPTS_PATH, format_receipts(receipts))
    assert retire == Retire(one.path, kept_as=one.packed_path)
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    assert plan(reader) == Plan.of([retire])
    reader.retire(one.path)
    table = WriteHeaderTable(
        f"header_table_{ENGINEERING.date}.csv",
        f"/engineering/{ENGINEERING.date}",
        (one.packed_path,),
    )
    assert plan(reader) == Plan.of([table])
    write_table(reader, table)
    assert not plan(reader)


@pytest.mark.parametrize("change", ["size", "bytes"])
def test_a_damaged_product_holds_the_night_with_its_framelist_in_place(
    reader: FakeNightReader, change: str
) -> None:
    one = framelist()
    reader.add_framelist(one)
    product, sidecar = pack(reader, one)
    changed = replace(product, size=7) if change == "size" else replace(product, sha256="f" * 64)
    reader.record(changed, sidecar)
    with pytest.raises(DataError, match=one.packed_path) as caught:
        plan(reader)
    assert caught.value.code == "product_damaged"


@pytest.mark.parametrize("identity", ["", "0" * 64])
def test_a_product_of_other_frames_never_retires_a_framelist(
    reader: FakeNightReader, identity: str
) -> None:
    one = framelist()
    reader.add_framelist(one)
    pack(reader, one, identity)
    # Packing finds other bytes: the night is held with both files in place.
    assert kinds(plan(reader)) == [[Pack]]
    product, sidecar = pack(reader, one, identity)
    reader.record(replace(product, identity="f" * 64), sidecar)
    assert not [a for wave in plan(reader).waves for a in wave if isinstance(a, Retire)]


def test_a_product_that_is_gone_is_made_again_only_as_it_was(reader: FakeNightReader) -> None:
    one = framelist()
    reader.add_framelist(one)
    receipts = pack(reader, one)
    reader.record(*receipts)
    reader.retire(one.packed_path)
    action = plan(reader).waves[0][0]
    assert isinstance(action, Pack)
    assert action.proven == receipts
    assert not [a for wave in plan(reader).waves for a in wave if isinstance(a, Retire)]


def test_packing_recording_and_retiring_are_planned_in_this_order(reader: FakeNightReader) -> None:
    new, proven = (framelist(f"name{n}", start=n) for n in range(2))
    for one in (new, proven):
        reader.add_framelist(one)
    reader.record(*pack(reader, proven))
    assert kinds(plan(reader)) == [[Pack], [WriteText], [Retire]]


def test_nothing_is_packed_before_the_folders_own_record_is_in_the_store(
    reader: FakeNightReader,
) -> None:
    late, proven = (framelist(f"name{n}", start=n) for n in range(2))
    receipts = pack(reader, proven)
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    reader.add_framelist(late)
    # As after the loss of the database: what is packed first would be all that the store has.
    assert kinds(plan(reader)) == [[RecordReceipts]]
    reader.kept[Place.HERE].clear()
    assert kinds(plan(reader)) == [[Hash]]
    sums = format_sums({each.path: each.sha256 for each in receipts})
    reader.write(SUMS_NAME, sums)
    reader.retire(RECEIPTS_PATH)
    assert kinds(plan(reader)) == [[Hash]]
    reader.record(*receipts)
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    pack(reader, proven)
    assert kinds(plan(reader)) == [[Pack]]


def test_a_night_without_framelists_is_done(reader: FakeNightReader) -> None:
    receipts = pack(reader, framelist())
    reader.record(*receipts)
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    ((table,),) = plan(reader).waves
    assert isinstance(table, WriteHeaderTable)
    write_table(reader, table)
    for night in (ARCHIVE, ENGINEERING):
        assert not plan(reader, night)


@pytest.mark.parametrize("change", ["content", "time", "gone", "unread", "late product"])
def test_a_table_of_headers_that_is_not_what_was_written_is_written_again(
    reader: FakeNightReader, change: str
) -> None:
    receipts = pack(reader, framelist())
    reader.record(*receipts)
    reader.write(RECEIPTS_PATH, format_receipts(receipts))
    ((table,),) = plan(reader).waves
    assert isinstance(table, WriteHeaderTable)
    write_table(reader, table)
    assert not plan(reader)
    written = reader.tree[table.path]
    if change == "content":
        reader.write(table.path, written.content + b"=1\n", written.mtime_ns)
    elif change == "time":
        reader.write(table.path, written.content)
    elif change == "gone":
        del reader.tree[table.path]
    elif change == "unread":
        del reader.kept[Place.HERE][table.path]
    else:
        late = pack(reader, framelist("vsync_11:20:00.509073.cam1.A", start=9), sha256="2" * 64)
        reader.record(*late)
        reader.write(RECEIPTS_PATH, format_receipts((*receipts, *late)))
        table = replace(table, products=(*table.products, late[0].path))
    assert plan(reader) == Plan.of([table])


def many(reader: FakeNightReader, count: int = 3) -> int:
    """Framelists of a night without a receipt; the bytes that they have raw."""
    ones = [framelist(f"name{start}", first_us=start, start=start) for start in range(count)]
    for one in ones:
        reader.add_framelist(one)
    return sum(action.bytes for wave in plan(reader).waves for action in wave if is_pack(action))


def is_pack(action: Action) -> TypeGuard[Pack]:
    return isinstance(action, Pack)


def sent_ahead(reader: FakeNightReader, least_bytes: int, night: NightId = ENGINEERING) -> bool:
    """Whether the plan sends while it packs, all that it packs, in the wave that packs."""
    chosen = make_settings(transfer={"send_ahead_bytes": least_bytes})
    planned = fpack.plan(fpack.survey(night, reader), chosen)
    wave = planned.waves[0]
    packed = tuple(action.packed for action in wave if is_pack(action))
    ahead = [action for wave in planned.waves for action in wave if isinstance(action, SendAhead)]
    assert not ahead or (ahead[0] in wave and ahead[0].products == packed)
    return len(ahead) == 1


def test_a_night_large_enough_is_sent_while_it_is_packed(reader: FakeNightReader) -> None:
    raw_bytes = many(reader)
    assert sent_ahead(reader, raw_bytes)
    assert not sent_ahead(reader, raw_bytes + 1)
    assert not sent_ahead(reader, 0)


def test_nothing_is_sent_ahead_of_a_night_with_a_single_product(reader: FakeNightReader) -> None:
    many(reader, 1)
    assert not sent_ahead(reader, 1)


def test_what_was_told_to_anybody_is_compared_before_a_send(reader: FakeNightReader) -> None:
    many(reader)
    assert sent_ahead(reader, 1)
    for name in ("manifest_VMP_20251106.csv", "manifest_VMP_20251106_s2.csv"):
        reader.write(name, "")
        assert not sent_ahead(reader, 1), name
        reader.retire(name)
        assert sent_ahead(reader, 1)
    # A restore, or anything else that ended what was proven.
    ended = PackingReceipt("vgen2/gone.fits.fz", 1, "0" * 64, "identity")
    reader.recorded = [RecordedReceipt(ended, 1.0, ended_at=2.0)]
    assert not sent_ahead(reader, 1)


def test_what_was_mailed_of_a_night_counts_without_its_manifest(reader: FakeNightReader) -> None:
    for number in (1, 2):
        one = framelist(f"name{number}", first_us=number, start=number)
        reader.add_framelist(stamp_frame_id(one, FrameId(90000000 + number)))
    assert sent_ahead(reader, 1, ARCHIVE)
    manifest = ManifestFile(ARCHIVE, "manifest_VMP_20251106.csv", "0" * 64)
    mailing = Mailing("<1@here>", (manifest,), ("stars@there",), Way.SMTP, "vampd", 1.0)
    reader.known_mail = Correspondence((mailing,))
    assert not sent_ahead(reader, 1, ARCHIVE)
