"""No ID is asked for before ledger, file names, headers and name_changes.txt agree."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.fakes.authorities import Answering
from tests.support.worlds.daemon import (
    Site,
    audit,
    configure,
    ledger_rows,
    make_site,
    product_tree,
    record_of,
    settle,
    vampctl,
)
from vampd.adapters.authority import LocalAuthority
from vampd.errors import FrameIdConflict
from vampd.fits.header import format_header
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.cubes import parse_generation
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId, Status
from vampd.store.engine import Access, open_store

NIGHT, LATER, OLD = (NightId(date, Kind.ARCHIVE) for date in ("20251106", "20251107", "20251101"))
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
def test_a_cube_whose_header_cannot_be_read_tells_no_id(folders: Folders, content: bytes):
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


@pytest.fixture(scope="module")
def done_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with one archive night that is done; tests leave it as it is."""
    site = make_site(tmp_path_factory.mktemp("site"))
    make_smallest(site.root)
    settle(site)
    return site


@pytest.fixture
def own_site(done_site: Site, tmp_path: Path) -> Site:
    """A copy of the finished site that a test may change."""
    own = Site(tmp_path / "own")
    shutil.copytree(done_site.base, own.base, symlinks=True)
    configure(own)
    return own


def reviewed(site: Site) -> tuple[int, dict]:
    done = vampctl(site, "frameids", "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_name_changes_list_every_product_under_both_names(done_site: Site):
    vgen2 = done_site.folder(NIGHT) / "vgen2"
    told = [line.split("\t") for line in (vgen2 / "name_changes.txt").read_text().splitlines()]
    generation = parse_generation((vgen2 / "generation_0001.json").read_text())
    assert sorted(old for old, _ in told) == sorted(f"{p.name}.fits" for p in generation.products)
    assert [new for _, new in told] == sorted(
        path.name.removesuffix(".fz") for path in vgen2.glob("*.fits.fz")
    )
    ids = {f"{row.identity}": f"VMPA{row.number:08d}.fits" for row in ledger_rows(done_site)}
    assert dict(told) == {f"{p.name}.fits": ids[p.identity] for p in generation.products}


def test_a_site_in_order_is_told_so(done_site: Site):
    status, told = reviewed(done_site)
    rows = ledger_rows(done_site)
    assert (status, told["agrees"], told["findings"], told["gaps"]) == (0, True, [], [])
    assert told["nights"] == [
        {
            "date": "20251106",
            "kind": "archive",
            "first": "VMPA90000001",
            "last": f"VMPA{90_000_000 + len(rows)}",
            "granted": len(rows),
            "bound": len(rows),
            "applied": len(rows),
            "unused": 0,
        }
    ]
    people = vampctl(done_site, "frameids", "--quick")
    assert people.returncode == 0
    assert f"{len(rows)} frame IDs, 0 unused" in people.stdout
    assert "in order" in people.stdout


def copied_to_another_night(site: Site) -> None:
    other = site.root / LATER.folder / "vgen2"
    other.mkdir(parents=True)
    shutil.copy(site.folder(NIGHT) / "vgen2" / "VMPA90000001.fits.fz", other)


def renamed(site: Site) -> None:
    vgen2 = site.folder(NIGHT) / "vgen2"
    (vgen2 / "VMPA90000001.fits.fz").rename(vgen2 / "VMPA90000009.fits.fz")


def swapped(site: Site) -> None:
    vgen2 = site.folder(NIGHT) / "vgen2"
    one, two = vgen2 / "VMPA90000001.fits.fz", vgen2 / "VMPA90000002.fits.fz"
    one.rename(vgen2 / "aside")
    two.rename(one)
    (vgen2 / "aside").rename(two)


def changed_names(site: Site) -> None:
    path = site.folder(NIGHT) / "vgen2" / "name_changes.txt"
    path.write_text(path.read_text().replace("VMPA90000002", "VMPA90000001"))


def torn_ledger(site: Site) -> None:
    site.ledger.write_bytes(site.ledger.read_bytes().replace(b"\tVMPA90000002", b"\tVMPA90000008"))


def shorter_ledger(site: Site) -> None:
    lines = site.ledger.read_bytes().splitlines(keepends=True)
    site.ledger.write_bytes(b"".join(lines[:-2]))


def truncated_product(site: Site) -> None:
    path = site.folder(NIGHT) / "vgen2" / "VMPA90000001.fits.fz"
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (copied_to_another_night, "VMPA90000001"),
        (renamed, "VMPA90000009"),
        (swapped, "carries FRAMEID 'VMPA90000002'"),
        (changed_names, "to two products"),
        (torn_ledger, "line"),
        (shorter_ledger, "the database has"),
        (truncated_product, "cannot be read"),
    ],
)
def test_whatever_is_told_twice_or_otherwise_is_found(own_site: Site, spoil, told: str):
    spoil(own_site)
    status, review = reviewed(own_site)
    assert status == 1
    assert not review["agrees"]
    assert any(told in finding for finding in review["findings"]), review["findings"]
    people = vampctl(own_site, "frameids")
    assert people.returncode == 1
    assert "NOT in order" in people.stdout


def test_a_database_that_lags_behind_the_file_is_told_and_is_no_fault(own_site: Site):
    line = own_site.ledger.read_bytes().splitlines(keepends=True)[-1]
    assert line.startswith(b"applied")
    for path in own_site.database.parent.glob("vampd.db*"):
        path.unlink()
    open_store(f"sqlite:///{own_site.database}", Access.MIGRATE).close()
    status, review = reviewed(own_site)
    assert (status, review["findings"]) == (0, [])
    assert review["records_behind"] == len(own_site.ledger.read_bytes().splitlines())


def restore(site: Site) -> None:
    """The night's folder as the logger left it, by a person's hand."""
    for path in site.folder(NIGHT).iterdir():
        if path.name in ("vcam1", "vcam2"):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("database", ["kept", "lost"])
def test_a_night_that_is_restored_and_processed_again_has_the_same_ids_to_the_byte(
    own_site: Site, database: str
):
    tree = product_tree(own_site.folder(NIGHT))
    rows, ledger = ledger_rows(own_site), own_site.ledger.read_bytes()
    restore(own_site)
    if database == "lost":
        for path in own_site.database.parent.glob("vampd.db*"):
            path.unlink()
    else:
        assert vampctl(own_site, "retry", NIGHT.date, "--from", "sync").returncode == 0
    settle(own_site)
    assert record_of(own_site, NIGHT).state.status is Status.DONE
    again = product_tree(own_site.folder(NIGHT))
    manifest = f"manifest_VMP_{NIGHT.date}.csv"
    assert {**again, manifest: ""} == {**tree, manifest: ""}
    assert ledger_rows(own_site) == rows
    assert own_site.ledger.read_bytes() == ledger
    assert audit(own_site, NIGHT)["balanced"]


def test_names_of_late_cubes_are_appended(own_site: Site):
    path = own_site.folder(NIGHT) / "vgen2" / "name_changes.txt"
    before = path.read_text()
    add_late_cubes(own_site.root)
    settle(own_site)
    after = path.read_text()
    assert record_of(own_site, NIGHT).state.status is Status.DONE
    assert after.startswith(before)
    assert len(after) > len(before)
    assert reviewed(own_site)[0] == 0


def lose_everything(site: Site) -> None:
    for path in (site.ledger, *site.database.parent.glob("vampd.db*")):
        path.unlink()


def test_without_ledger_and_database_no_night_gets_an_id_until_the_ledger_is_written_anew(
    own_site: Site,
):
    before = {row.identity: row.number for row in ledger_rows(own_site)}
    tree = product_tree(own_site.folder(NIGHT))
    lose_everything(own_site)
    night, _ = make_smallest(own_site.root, LATER.date)
    settle(own_site)
    for each in (NIGHT, night):
        record = record_of(own_site, each)
        assert record.state.status is not Status.DONE
    held = record_of(own_site, NIGHT)
    assert (held.state.status, held.code) == (Status.HELD, "frame_id_conflict")
    assert ledger_rows(own_site) == []
    vgen2 = own_site.folder(night) / "vgen2"
    assert not [path for path in vgen2.iterdir() if re.match("VMPA", path.name)]
    # Not even a person's word that it may pass the older night gives it a used ID.
    assert vampctl(own_site, "release", night.date).returncode == 0
    settle(own_site)
    record = record_of(own_site, night)
    assert (record.state.status, record.code) == (Status.HELD, "frame_ids_disagree")

    for each in (NIGHT, night):
        assert "  vampctl rebuild-ledger  " in vampctl(own_site, "why", each.date).stdout
    asked = vampctl(own_site, "rebuild-ledger")
    assert (asked.returncode, f"{len(before)} frame IDs more" in asked.stdout) == (2, True)
    assert ledger_rows(own_site) == []
    assert vampctl(own_site, "rebuild-ledger", "--yes").returncode == 0
    assert {row.identity: row.number for row in ledger_rows(own_site)} == before
    for each in (NIGHT, night):
        assert vampctl(own_site, "retry", each.date).returncode == 0
    settle(own_site)
    for each in (NIGHT, night):
        assert record_of(own_site, each).state.status is Status.DONE
    assert product_tree(own_site.folder(NIGHT)) == tree
    new = {row.number for row in ledger_rows(own_site)} - set(before.values())
    assert min(new) == max(before.values()) + 1
    assert reviewed(own_site)[0] == 0


@pytest.mark.parametrize("spoil", [copied_to_another_night, renamed, swapped, changed_names])
def test_no_ledger_is_written_from_folders_that_contradict_each_other(own_site: Site, spoil):
    spoil(own_site)
    lose_everything(own_site)
    open_store(f"sqlite:///{own_site.database}", Access.MIGRATE).close()
    if spoil is copied_to_another_night:
        shutil.copy(
            own_site.folder(NIGHT) / "vgen2" / "generation_0001.json",
            own_site.folder(LATER) / "vgen2",
        )
    refused = vampctl(own_site, "rebuild-ledger", "--yes")
    assert refused.returncode == 1
    assert "nothing was changed" in refused.stderr
    assert "VMPA9000000" in refused.stderr
    assert not own_site.ledger.exists()
    assert ledger_rows(own_site) == []


def test_a_conflict_in_the_ledger_is_logged_and_the_daemon_goes_on(own_site: Site):
    shorter_ledger(own_site)
    make_smallest(own_site.root, LATER.date, Kind.ENGINEERING)
    ended = settle(own_site)
    [told] = ended.named("ledger.refused")
    assert told["code"] == "ledger_conflict"
    engineering = record_of(own_site, NightId(LATER.date, Kind.ENGINEERING))
    assert engineering.state.status is Status.DONE
