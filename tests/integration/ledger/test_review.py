"""What `vampctl frameids` finds on a site, and what brings a lost ledger back."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import settle, vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site
from tests.support.daemon.state import accept_archive, audit, ledger_rows, product_tree, record_of
from tests.support.examples import others_in_soak
from vampd.errors import DataError
from vampd.ledger import carried_ids
from vampd.model.cubes import parse_generation
from vampd.model.nights import Kind, NightId, Status
from vampd.store.database.opening import Access, open_store

LATER = NightId("20251107", Kind.ARCHIVE)
NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with one archive night that is done; tests leave it as it is."""
    return settled.copy(tmp_path_factory.mktemp("done") / "site")


@pytest.fixture
def own_site(done_site: Site, tmp_path: Path) -> Site:
    """A copy of the finished site that a test may change."""
    return copy_site(done_site, tmp_path / "own")


def reviewed(site: Site) -> tuple[int, dict]:
    done = vampctl(site, "frameids", "--json")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def test_name_changes_list_every_product_under_both_names(done_site: Site):
    vgen2 = done_site.folder(NIGHT) / "vgen2"
    shown = [line.split("\t") for line in (vgen2 / "name_changes.txt").read_text().splitlines()]
    generation = parse_generation((vgen2 / "generation_0001.json").read_text())
    assert sorted(old for old, _ in shown) == sorted(f"{p.name}.fits" for p in generation.products)
    assert [new for _, new in shown] == sorted(
        path.name.removesuffix(".fz") for path in vgen2.glob("*.fits.fz")
    )
    ids = {f"{row.identity}": f"VMPA{row.number:08d}.fits" for row in ledger_rows(done_site)}
    assert dict(shown) == {f"{p.name}.fits": ids[p.identity] for p in generation.products}


def test_a_site_in_order_is_told_so(done_site: Site):
    status, shown = reviewed(done_site)
    rows = ledger_rows(done_site)
    assert (status, shown["agrees"], shown["findings"], shown["gaps"]) == (0, True, [], [])
    assert shown["nights"] == [
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
    ("spoil", "shown"),
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
def test_whatever_is_said_twice_or_otherwise_is_found(own_site: Site, spoil, shown: str):
    spoil(own_site)
    status, review = reviewed(own_site)
    assert status == 1
    assert not review["agrees"]
    assert any(shown in finding for finding in review["findings"]), review["findings"]
    people = vampctl(own_site, "frameids")
    assert people.returncode == 1
    assert "NOT in order" in people.stdout


def test_a_database_that_lags_behind_the_file_is_reported_and_is_no_fault(own_site: Site):
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


@pytest.mark.parametrize("database", others_in_soak(["lost", "kept"]))
def test_a_night_that_is_restored_and_processed_again_has_the_same_ids_to_the_byte(
    own_site: Site, database: str
):
    tree = product_tree(own_site.folder(NIGHT))
    rows, ledger = ledger_rows(own_site), own_site.ledger.read_bytes()
    restore(own_site)
    if database == "lost":
        for path in own_site.database.parent.glob("vampd.db*"):
            path.unlink()
        accept_archive(own_site, NIGHT.kind)
    else:
        assert vampctl(own_site, "recover", NIGHT.date, "--removed").returncode == 0
        assert vampctl(own_site, "retry", NIGHT.date, "--from", "sync").returncode == 0
    settle_here(own_site)
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
    settle_here(own_site)
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
    settle_here(own_site)
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
    settle_here(own_site)
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
    accept_archive(own_site, NIGHT.kind)
    settle_here(own_site)
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
    [shown] = ended.named("ledger.refused")
    assert shown["code"] == "ledger_conflict"
    engineering = record_of(own_site, NightId(LATER.date, Kind.ENGINEERING))
    assert engineering.state.status is Status.DONE


def test_a_product_that_vanishes_while_it_is_read_shows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It was renamed to its ID; one that stays and cannot be read is a finding."""
    vgen2 = tmp_path / NIGHT.folder / "vgen2"
    vgen2.mkdir(parents=True)
    for name in ("vanishing.fits.fz", "staying.fits.fz"):
        (vgen2 / name).touch()

    def read(path: Path):
        if path.name.startswith("vanishing"):
            path.unlink()
        raise DataError("not_fits", "no header")

    monkeypatch.setattr(carried_ids, "read_product_cards", read)
    shown = [(one.path, one.problem) for one in carried_ids.read_carried_ids(tmp_path, NIGHT)]
    assert shown == [("vgen2/staying.fits.fz", "no header")]
