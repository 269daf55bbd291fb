"""fpack's plan: pack what is missing, prove it, and only then let the framelist go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders.headers import framelist, settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.model.cubes import Framelist, stamp_frame_id
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.model.plan import Hash, Pack, Plan, Retire
from vampd.model.proofs import Place, Receipt
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


def pack(reader: FakeNightReader, one: Framelist, identity: str | None = None) -> Receipt:
    """The product and its sidecar; the receipt that packing gives."""
    stamp = reader.write(one.packed_path, b"packed")
    reader.write(one.sidecar_path, b"rows")
    reader.identities[one.packed_path] = one.identity if identity is None else identity
    return Receipt(Place.HERE, stamp, "0" * 64, 1.0)


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


def test_an_archive_framelist_without_a_frame_id_is_left_alone(reader: FakeNightReader) -> None:
    reader.add_framelist(framelist())
    assert not plan(reader, ARCHIVE)
    one = stamped()
    reader.add_framelist(one)
    ((action,),) = plan(reader, ARCHIVE).waves
    assert isinstance(action, Pack)
    assert action.packed == "vgen2/VMPA90000001.fits.fz"


def test_an_unverified_product_never_retires_its_framelist(reader: FakeNightReader) -> None:
    one = framelist()
    reader.add_framelist(one)
    pack(reader, one)
    ((action,),) = plan(reader).waves
    assert action == Hash((one.packed_path,), Place.HERE)


@pytest.mark.parametrize("change", ["size", "mtime", "place"])
def test_a_receipt_of_something_else_proves_nothing(reader: FakeNightReader, change: str) -> None:
    one = framelist()
    reader.add_framelist(one)
    receipt = pack(reader, one)
    match change:
        case "size":
            receipt = replace(receipt, file=replace(receipt.file, size=receipt.file.size + 1))
        case "mtime":
            receipt = replace(receipt, file=replace(receipt.file, mtime_ns=1))
        case _:
            receipt = replace(receipt, place=Place.ARCHIVE)
    reader.keep(receipt)
    assert not [a for wave in plan(reader).waves for a in wave if isinstance(a, Retire)]


def test_a_proven_product_retires_its_framelist_and_then_nothing_is_left(
    reader: FakeNightReader,
) -> None:
    one = framelist()
    reader.add_framelist(one)
    reader.keep(pack(reader, one))
    ((action,),) = plan(reader).waves
    assert action == Retire(one.path, kept_as=one.packed_path)
    reader.retire(one.path)
    assert not plan(reader)


@pytest.mark.parametrize("identity", ["", "0" * 64])
def test_a_product_of_other_frames_never_retires_a_framelist(
    reader: FakeNightReader, identity: str
) -> None:
    one = framelist()
    reader.add_framelist(one)
    reader.keep(pack(reader, one, identity))
    ((action,),) = plan(reader).waves
    # Packing refuses to overwrite: the night is held with both files in place.
    assert isinstance(action, Pack)


def test_packing_hashing_and_retiring_are_planned_in_this_order(reader: FakeNightReader) -> None:
    new, unread, proven = (framelist(f"name{n}", start=n) for n in range(3))
    for one in (new, unread, proven):
        reader.add_framelist(one)
    pack(reader, unread)
    reader.keep(pack(reader, proven))
    waves = plan(reader).waves
    assert [type(action) for wave in waves for action in wave] == [Pack, Hash, Retire]
    assert len(waves) == 3


def test_a_night_without_framelists_is_done(reader: FakeNightReader) -> None:
    pack(reader, framelist())
    for night in (ARCHIVE, ENGINEERING):
        assert not plan(reader, night)
