"""fpack's plan: pack what is missing, prove it, and only then let the framelist go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders.headers import framelist, settings
from tests.support.fakes.fake_night_reader import FakeEyes
from vampd.model.cubes import Framelist, stamp_frame_id
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.model.plan import Hash, Pack, Plan, Retire
from vampd.model.proofs import Place, Receipt
from vampd.stages import fpack

ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)


@pytest.fixture
def eyes() -> FakeEyes:
    return FakeEyes()


def plan(eyes: FakeEyes, night: NightId = ENGINEERING) -> Plan:
    return fpack.plan(fpack.survey(night, eyes), settings())


def stamped() -> Framelist:
    return stamp_frame_id(framelist(), FrameId(90000001))


def pack(eyes: FakeEyes, one: Framelist, identity: str | None = None) -> Receipt:
    """The product and its sidecar; the receipt that packing gives."""
    stamp = eyes.write(one.packed_path, b"packed")
    eyes.write(one.sidecar_path, b"rows")
    eyes.identities[one.packed_path] = one.identity if identity is None else identity
    return Receipt(Place.HERE, stamp, "0" * 64, 1.0)


def test_a_framelist_without_a_product_is_packed(eyes: FakeEyes) -> None:
    one = framelist()
    eyes.add_framelist(one)
    ((action,),) = plan(eyes).waves
    columns, rows = (one.cards.integer(key) or 0 for key in ("NAXIS1", "NAXIS2"))
    assert action == Pack(one.path, one.packed_path, one.frames, one.frames * columns * rows * 2)


def test_packing_goes_in_time_order(eyes: FakeEyes) -> None:
    times = [30, 10, 20]
    for start, first_us in enumerate(times):
        eyes.add_framelist(framelist(f"name{start}", first_us=first_us, start=start))
    ((*actions,),) = plan(eyes).waves
    assert [action.framelist for action in actions if isinstance(action, Pack)] == [
        "vgen2/name1.framelist",
        "vgen2/name2.framelist",
        "vgen2/name0.framelist",
    ]


def test_an_archive_framelist_without_a_frame_id_is_left_alone(eyes: FakeEyes) -> None:
    eyes.add_framelist(framelist())
    assert not plan(eyes, ARCHIVE)
    one = stamped()
    eyes.add_framelist(one)
    ((action,),) = plan(eyes, ARCHIVE).waves
    assert isinstance(action, Pack)
    assert action.packed == "vgen2/VMPA90000001.fits.fz"


def test_an_unverified_product_never_retires_its_framelist(eyes: FakeEyes) -> None:
    one = framelist()
    eyes.add_framelist(one)
    pack(eyes, one)
    ((action,),) = plan(eyes).waves
    assert action == Hash((one.packed_path,), Place.HERE)


@pytest.mark.parametrize("change", ["size", "mtime", "place"])
def test_a_receipt_of_something_else_proves_nothing(eyes: FakeEyes, change: str) -> None:
    one = framelist()
    eyes.add_framelist(one)
    receipt = pack(eyes, one)
    match change:
        case "size":
            receipt = replace(receipt, file=replace(receipt.file, size=receipt.file.size + 1))
        case "mtime":
            receipt = replace(receipt, file=replace(receipt.file, mtime_ns=1))
        case _:
            receipt = replace(receipt, place=Place.ARCHIVE)
    eyes.keep(receipt)
    assert not [a for wave in plan(eyes).waves for a in wave if isinstance(a, Retire)]


def test_a_proven_product_retires_its_framelist_and_then_nothing_is_left(eyes: FakeEyes) -> None:
    one = framelist()
    eyes.add_framelist(one)
    eyes.keep(pack(eyes, one))
    ((action,),) = plan(eyes).waves
    assert action == Retire(one.path, kept_as=one.packed_path)
    eyes.retire(one.path)
    assert not plan(eyes)


@pytest.mark.parametrize("identity", ["", "0" * 64])
def test_a_product_of_other_frames_never_retires_a_framelist(eyes: FakeEyes, identity: str) -> None:
    one = framelist()
    eyes.add_framelist(one)
    eyes.keep(pack(eyes, one, identity))
    ((action,),) = plan(eyes).waves
    # Packing refuses to overwrite: the night is held with both files in place.
    assert isinstance(action, Pack)


def test_packing_hashing_and_retiring_are_planned_in_this_order(eyes: FakeEyes) -> None:
    new, unread, proven = (framelist(f"name{n}", start=n) for n in range(3))
    for one in (new, unread, proven):
        eyes.add_framelist(one)
    pack(eyes, unread)
    eyes.keep(pack(eyes, proven))
    waves = plan(eyes).waves
    assert [type(action) for wave in waves for action in wave] == [Pack, Hash, Retire]
    assert len(waves) == 3


def test_a_night_without_framelists_is_done(eyes: FakeEyes) -> None:
    pack(eyes, framelist())
    for night in (ARCHIVE, ENGINEERING):
        assert not plan(eyes, night)
