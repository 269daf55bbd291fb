"""No ID is asked for before ledger, file names, headers and name_changes.txt agree."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fakes.authorities import Answering
from vampd.adapters.authorities import LocalAuthority
from vampd.errors import FrameIdConflict
from vampd.fits.headers import format_header
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

LATER = NightId("20251107", Kind.ARCHIVE)
NIGHT = NightId("20251106", Kind.ARCHIVE)
OLD = NightId("20251101", Kind.ARCHIVE)

LOCAL = LocalAuthority(FrameId(90_000_001))


class Folders:
    """Archive nights as folders, and a ledger beside them."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.archive = base / "ARCHIVED_DATA"
        self.archive.mkdir(parents=True)
        self.open()

    def open(self) -> None:
        self.store = open_store(f"sqlite:///{self.base}/vampd.db", Access.MIGRATE)
        self.ledger = FrameIdLedger(self.store, self.archive / "frameids.ledger")

    def lose(self, *, file: bool) -> None:
        self.store.close()
        (self.base / "vampd.db").unlink()
        if file:
            (self.archive / "frameids.ledger").unlink()
        self.open()

    def show(self, night: NightId, *names: str, ours: bool = True, changes: str = "") -> None:
        vgen2 = self.archive / night.date / "vgen2"
        vgen2.mkdir(parents=True, exist_ok=True)
        for name in (*names, *(["generation_0001.json"] if ours else [])):
            (vgen2 / name).touch()
        if changes:
            (vgen2 / "name_changes.txt").write_text(changes)

    def numbers(self, night: NightId) -> list[int]:
        return [one.frame_id.number for one in self.ledger.bound(night).values()]


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Folders]:
    made = Folders(tmp_path)
    yield made
    made.store.close()


def test_nights_that_show_what_the_ledger_binds_to_them_stand_in_nobody_s_way(folders: Folders):
    folders.ledger.reserve(NIGHT, ["a", "b"], LOCAL)
    folders.show(
        NIGHT,
        "VMPA90000001.fits.fz",
        "VMPA90000001.txt",
        "VMPA90000002.framelist",
        changes="a.fits\tVMPA90000001.fits\nb.fits\tVMPA90000002.fits\n",
    )
    folders.ledger.reserve(LATER, ["c"], LOCAL)
    assert folders.numbers(LATER) == [90_000_003]


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (["VMPA90000002.fits.fz"], ""),
        (["VMPA90000002.framelist"], ""),
        (["VMPA90000002.txt"], ""),
        (["VMPQ90000002.fits"], ""),
        ([], "b.fits\tVMPA90000002.fits\n"),
        ([], "this is no list of names\n"),
    ],
)
@pytest.mark.parametrize("granted", [False, True])
def test_an_id_that_the_ledger_does_not_bind_to_the_night_stops_all_granting(
    folders: Folders, names: list[str], changes: str, granted: bool
):
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    if granted:  # to another night
        folders.ledger.reserve(LATER, ["b"], LOCAL)
    folders.show(NIGHT, "VMPA90000001.fits.fz", *names, changes=changes)
    before = (folders.archive / "frameids.ledger").read_bytes()
    asked = Answering(90_000_009)
    with pytest.raises(FrameIdConflict) as error:
        folders.ledger.reserve(LATER, ["c"], asked)
    assert error.value.code == "frame_ids_disagree"
    assert "20251106" in error.value.message
    assert f"ledger VMPA9000000{2 if granted else 1}" in error.value.message
    assert asked.asked == []
    assert (folders.archive / "frameids.ledger").read_bytes() == before


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_names_its_night_and_a_legacy_one_stops_nobody(
    folders: Folders, make: Callable[[Path], None]
):
    folders.show(OLD, "VMPA00000001.fits", ours=False)
    make(folders.archive / OLD.date / "vgen2" / "name_changes.txt")
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    folders.show(NIGHT, "VMPA90000001.fits.fz")
    make(folders.archive / NIGHT.date / "vgen2" / "name_changes.txt")
    with pytest.raises(FrameIdConflict, match=r"name_changes\.txt of 20251106") as error:
        folders.ledger.reserve(LATER, ["c"], LOCAL)
    assert error.value.code == "frame_ids_disagree"


def test_what_is_bound_already_needs_no_agreement(folders: Folders):
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    folders.show(LATER, "VMPA90000007.fits.fz")
    folders.ledger.reserve(NIGHT, ["a"], Answering())
    assert folders.numbers(NIGHT) == [90_000_001]


def test_a_database_lost_together_with_the_ledger_never_leads_to_a_used_id(folders: Folders):
    folders.ledger.reserve(NIGHT, ["a", "b"], LOCAL)
    folders.show(NIGHT, "VMPA90000001.fits.fz", "VMPA90000002.fits.fz")
    folders.lose(file=False)
    folders.ledger.reserve(LATER, ["c"], LOCAL)
    assert folders.numbers(LATER) == [90_000_003]
    folders.lose(file=True)
    with pytest.raises(FrameIdConflict, match="VMPA90000002"):
        folders.ledger.reserve(LATER, ["d"], LOCAL)
    assert folders.numbers(LATER) == []


def test_an_older_ledger_brought_back_together_with_its_database_grants_nothing(folders: Folders):
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    folders.store.close()
    shutil.copytree(folders.base, folders.base.with_name("backup"))
    folders.open()
    folders.ledger.reserve(NIGHT, ["a", "b"], LOCAL)
    folders.show(NIGHT, "VMPA90000001.fits.fz", "VMPA90000002.fits.fz")
    folders.store.close()
    for name in ("vampd.db", "ARCHIVED_DATA/frameids.ledger"):
        shutil.copy(folders.base.with_name("backup") / name, folders.base / name)
    folders.open()
    with pytest.raises(FrameIdConflict, match="VMPA90000002"):
        folders.ledger.reserve(LATER, ["c"], LOCAL)


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (["VMPA90000007.fits.fz"], ""),
        (["VMPA90000007.fits"], ""),
        ([], "vsync_x.fits\tVMPA90000007.fits"),
        ([], "/mnt/x/vsync_VMPA90000009.fits\t/mnt/x/VMPA90000007.fits\r\n\nnonsense\r\n"),
    ],
)
def test_new_ids_come_above_those_of_the_old_tools(
    folders: Folders, names: list[str], changes: str
):
    folders.show(OLD, *names, ours=False, changes=changes)
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    assert folders.numbers(NIGHT) == [90_000_008]


def hide(folders: Folders, night: NightId, frame_id: str, *, ours: bool) -> None:
    """A cube that carries an ID and is not named by it."""
    folders.show(night, ours=ours)
    texts = ("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   = 0")
    cards = [text.ljust(80) for text in (*texts, f"FRAMEID = '{frame_id}'")]
    (folders.archive / night.date / "vgen2" / "vsync_x.fits").write_bytes(format_header(cards))


def test_an_id_that_only_a_header_shows_is_seen(folders: Folders):
    hide(folders, OLD, "VMPA90000007", ours=False)
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    assert folders.numbers(NIGHT) == [90_000_008]
    hide(folders, NIGHT, "VMPA90000009", ours=True)
    with pytest.raises(FrameIdConflict, match="headers of 20251106 show VMPA90000009") as error:
        folders.ledger.reserve(LATER, ["b"], LOCAL)
    assert error.value.code == "frame_ids_disagree"
    assert "headers VMPA90000009 (20251106)" in error.value.message
    hide(folders, NIGHT, "VMPA90000008", ours=True)
    folders.ledger.reserve(LATER, ["b"], LOCAL)
    assert folders.numbers(LATER) == [90_000_009]


@pytest.mark.parametrize("content", [b"", b"no FITS file\n" * 300])
def test_a_cube_whose_header_cannot_be_read_shows_no_id(folders: Folders, content: bytes):
    folders.show(OLD, "vsync_y.fits", ours=False)
    (folders.archive / OLD.date / "vgen2" / "vsync_x.fits.fz").write_bytes(content)
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    assert folders.numbers(NIGHT) == [90_000_001]


def test_gen2_s_numbers_are_held_against_those_of_the_old_tools(folders: Folders):
    folders.show(OLD, "VMPA00425189.fits.fz", ours=False)
    with pytest.raises(FrameIdConflict, match="not above VMPA00425189"):
        folders.ledger.reserve(NIGHT, ["a"], Answering(425_189))
    folders.ledger.reserve(NIGHT, ["a"], Answering(425_190))
    assert folders.numbers(NIGHT) == [425_190]


def test_an_id_of_ours_in_a_night_of_the_old_tools_stops_all_granting(folders: Folders):
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    folders.show(OLD, "VMPA90000001.fits", ours=False)
    with pytest.raises(FrameIdConflict, match="old tools"):
        folders.ledger.reserve(LATER, ["b"], LOCAL)


def test_one_wrong_number_that_was_refused_does_not_forbid_all_below_it(folders: Folders):
    with pytest.raises(FrameIdConflict):
        folders.ledger.reserve(NIGHT, ["a", "b"], Answering(69_999_999, 69_999_998))
    folders.ledger.reserve(NIGHT, ["a", "b"], Answering(425_001, 425_002))
    assert folders.numbers(NIGHT) == [425_001, 425_002]
    with pytest.raises(FrameIdConflict, match="given before"):
        folders.ledger.reserve(LATER, ["c"], Answering(69_999_998))


def test_names_that_are_no_nights_and_no_products_say_nothing(folders: Folders):
    folders.show(OLD, "VMPA9000000.fits", "VMPA900000012.fits", ".VMPA90000005.fits", ours=False)
    other = folders.archive / "20251101_bak" / "vgen2"
    other.mkdir(parents=True)
    (other / "VMPA90000009.fits").touch()
    folders.ledger.reserve(NIGHT, ["a"], LOCAL)
    assert folders.numbers(NIGHT) == [90_000_001]
