"""A night of which vampd made one part and the old tools another has one way out: `adopt`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import connected, product_tree
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.sites.old_products import make_old_products, write_old_manifest
from vampd.config import load_settings
from vampd.model.nights import TITLES, Kind, NightId, NightRecord, Status
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251107", Kind.ARCHIVE)
THEIRS = {"VMPA00420001", "VMPA00420002"}


def old_tools_worked(site: Site, *, takes_raw: bool) -> None:
    """What their cron does to the night while it lives: products, name changes, a manifest."""
    folder, made = site.folder(NIGHT), site.base / "theirs" / NIGHT.date
    made.mkdir(parents=True)
    names = make_old_products(made, packed=(1, 2))
    shutil.copytree(made, folder, dirs_exist_ok=True)
    write_old_manifest(folder, names)
    if takes_raw:
        for camera in ("vcam1", "vcam2"):
            shutil.copytree(folder / camera, folder / f"{camera}_hlinkbak", dirs_exist_ok=True)
            shutil.rmtree(folder / camera)
    row = f"/mnt/fuuu/ARCHIVED_DATA/{NIGHT.date},2025-11-06,True,,False,,False,"
    (site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv").write_text(f"{','.join(TITLES)}\n{row}\n")


def forget_database(site: Site) -> None:
    for path in site.database.parent.glob("*.db*"):
        path.unlink()
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()


@pytest.fixture(scope="module")
def done_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("shared") / "site")
    make_smallest(site.root)
    InProcess(site).advance()
    return site


def shared_site(base: Path, stood: str, done: Site) -> Site:
    """A night that the old tools took when vampd had begun, numbered or done it."""
    if stood == "done":
        site = copy_site(done, base / "site")
    else:
        site = make_site(base / "site")
        make_smallest(site.root)
        wanted = "vgen2/VMPA*.framelist" if stood == "numbered" else "vgen2/*.framelist"
        kill_at = 20
        while not list(site.folder(NIGHT).glob(wanted)):
            InProcess(site).advance(kill_at=kill_at)
            kill_at += 7
    old_tools_worked(site, takes_raw=True)
    forget_database(site)
    InProcess(site).advance()
    return site


def record_of(own: InProcess, night: NightId = NIGHT) -> NightRecord:
    return own.records()[night]


@pytest.mark.parametrize("stood", ["numbered", *others_in_soak(["begun", "done"])])
def test_adopt_leaves_it_for_good_and_no_frame_gets_another_id(
    tmp_path: Path, done_site: Site, stood: str
) -> None:
    site = shared_site(tmp_path, stood, done_site)
    own = InProcess(site)
    held = record_of(own)
    assert (held.state.status, held.code) == (Status.HELD, "old_tools")
    assert f"`vampctl adopt {NIGHT.date}`" in str(held.error)
    before = product_tree(site.folder(NIGHT))
    # As long as nobody has said so, no night gets an ID.
    make_smallest(site.root, OTHER.date, seed=5)
    own.advance()
    stuck = record_of(own, OTHER)
    assert stuck.code == "frame_ids_disagree", stuck
    assert "where the old tools worked on a night of vampd" in str(stuck.error)
    shown = own.command("adopt", NIGHT.date)
    assert (shown.status, "2 of them new on record" in shown.text) == (0, True), shown.text
    assert "left alone for good" in shown.text
    assert product_tree(site.folder(NIGHT)) == before
    with connected(site) as connections:
        assert set(map(str, connections.ledger.foreign(NIGHT))) == THEIRS
    assert record_of(own).state.status is Status.LEGACY
    # It stands in nobody's way, and nothing leads to other IDs.
    own.command("archive", "accept", "archive", "--yes")
    own.command("retry", OTHER.date)
    own.advance()
    assert record_of(own, OTHER).state.status is Status.DONE
    with connected(site) as connections:
        bound = [one for one in connections.ledger.listing().ids if one.identity is not None]
    assert THEIRS.isdisjoint(str(one.frame_id) for one in bound)
    assert {one.night for one in bound} - {OTHER} == (set() if stood == "begun" else {NIGHT})
    for words in (("restore", NIGHT.date, "--yes"), ("adopt", NIGHT.date, "--continue", "--yes")):
        refused = own.command(*words)
        assert refused.status == 1, refused.text
    assert own.command("retry", NIGHT.date).status == 2
    own.advance()
    assert record_of(own).state.status is Status.LEGACY
    assert product_tree(site.folder(NIGHT)) == before
    again = own.command("adopt", NIGHT.date)
    assert (again.status, "0 of them new on record" in again.text) == (0, True), again.text
    assert own.command("frameids").status == 0


def test_a_done_night_stays_vampds_and_theirs_may_go_once_their_ids_are_on_record(
    tmp_path: Path, done_site: Site
) -> None:
    site = copy_site(done_site, tmp_path / "site")
    own, folder = InProcess(site), site.folder(NIGHT)
    before = product_tree(folder)
    manifest = (folder / f"manifest_VMP_{NIGHT.date}.csv").read_bytes()
    old_tools_worked(site, takes_raw=False)
    own.advance()
    shown = own.command("adopt", NIGHT.date)
    assert (shown.status, "vampd goes on with what is its own" in shown.text) == (0, True)
    assert record_of(own).state.status is Status.DONE
    assert own.command("retry", NIGHT.date, "--from", "manifest").status == 0
    own.advance()
    held = record_of(own)
    assert held.code == "product_unproven"
    for name in THEIRS:
        for path in folder.glob(f"vgen2/{name}.*"):
            path.unlink()
    (folder / "vgen2/name_changes.txt").unlink()
    shutil.rmtree(folder / "vcam1_hlinkbak")
    (folder / f"{NIGHT.date}_process.log").unlink()
    (folder / f"manifest_VMP_{NIGHT.date}.csv").write_bytes(manifest)
    assert own.command("retry", NIGHT.date).status == 0
    own.advance()
    assert record_of(own).state.status is Status.DONE, record_of(own).error
    assert product_tree(folder) == before
    assert own.command("frameids").status == 0
    with connected(site) as connections:
        assert set(map(str, connections.ledger.foreign(NIGHT))) == THEIRS


def test_what_is_vampds_and_not_on_record_is_named_and_not_taken_for_others(
    tmp_path: Path, done_site: Site
) -> None:
    site = copy_site(done_site, tmp_path / "site")
    own = InProcess(site)
    old_tools_worked(site, takes_raw=True)
    site.ledger.unlink()
    forget_database(site)
    own.advance()
    shown = own.command("adopt", NIGHT.date)
    assert (shown.status, shown.text.count("`vampctl rebuild-ledger`")) == (1, 5), shown.text
    # The ledger comes back when theirs is out of its way, and keeps their IDs.
    unclear = own.command("rebuild-ledger", "--yes")
    assert (unclear.status, "`vampctl adopt NIGHT`" in unclear.text) == (1, True), unclear.text
    vgen2 = site.folder(NIGHT) / "vgen2"
    for path in (*vgen2.glob("VMPA0042*"), vgen2 / "name_changes.txt"):
        path.unlink()
    assert own.command("rebuild-ledger", "--yes").status == 0
    assert own.command("frameids").status == 0
    with connected(site) as connections:
        assert set(map(str, connections.ledger.foreign(NIGHT))) == THEIRS


def test_a_night_of_vampd_alone_is_not_adopted(done_site: Site) -> None:
    refused = InProcess(done_site).command("adopt", NIGHT.date)
    assert (refused.status, "not_legacy" in refused.text) == (2, True), refused.text
