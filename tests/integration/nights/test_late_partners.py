"""Camera 2 comes when camera 1 is in products: a person decides, before an ID is taken."""

from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site, make_site
from tests.support.daemon.state import audit, ledger_rows, product_tree, record_of
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Gate, Kind, NightId, StageName, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture(scope="module")
def late_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A mailed night of camera 1, whose camera 2 has come and was synchronized."""
    made = make_site(tmp_path_factory.mktemp("site"))
    make_smallest(made.root)
    aside = made.base / "vcam2"
    (made.folder(NIGHT) / "vcam2").rename(aside)
    settle_here(made)
    # Triggered frames of one camera alone are not as expected.
    assert vampctl(made, "release", "20251106").returncode == 0
    settle_here(made)
    assert vampctl(made, "mail", "20251106", "--mark-sent").returncode == 0
    aside.rename(made.folder(NIGHT) / "vcam2")
    settle_here(made)
    return made


@pytest.fixture
def site(late_site: Site, tmp_path: Path) -> Site:
    return copy_site(late_site, tmp_path / "own")


def assert_held(site: Site) -> str:
    record = record_of(site, NIGHT)
    assert (record.state.stage, record.state.status) == (StageName.FRAMEIDS, Status.HELD)
    assert record.code == "late_partners", record.error
    return record.error or ""


def test_the_night_says_so_before_an_id_is_taken_and_names_what_was_mailed(site: Site) -> None:
    message = assert_held(site)
    assert message.startswith("16 frames that are in products already would have partners")
    assert "manifest_VMP_20251106.csv: mailed 20" in message
    assert all(row.applied for row in ledger_rows(site))
    why = vampctl(site, "why", "20251106").stdout
    assert "vampctl release 20251106" in why
    assert "vampctl restore 20251106" in why
    # Trying again is no answer.
    assert vampctl(site, "retry", "20251106").returncode == 0
    settle_here(site)
    assert_held(site)


def test_released_it_keeps_both_apart_and_a_later_one_asks_again(site: Site) -> None:
    before = product_tree(site.folder(NIGHT) / "vgen2")
    assert vampctl(site, "release", "20251106").returncode == 0
    assert record_of(site, NIGHT).released == {Gate.LATE_PARTNERS}
    settle_here(site)
    # That camera 2 of the late generation is alone is what was asked: not asked twice.
    record = record_of(site, NIGHT)
    assert record.state.status is Status.DONE
    assert Gate.LATE_PARTNERS not in record.released
    after = product_tree(site.folder(NIGHT) / "vgen2")
    # Lists that grow.
    del before["name_changes.txt"], before["receipts.tsv"]
    assert before.items() <= after.items()
    assert audit(site, NIGHT)["balanced"]
    # Camera 1 of a later run, then its camera 2.
    add_late_cubes(site.root)
    streams = site.folder(NIGHT) / "vcam2"
    late = [path for path in streams.iterdir() if "_06:" in path.name]
    assert late
    for path in late:
        path.rename(site.base / path.name)
    settle_here(site)
    assert vampctl(site, "release", "20251106").returncode == 0
    settle_here(site)
    assert record_of(site, NIGHT).state.status is Status.DONE
    for path in late:
        (site.base / path.name).rename(path)
    settle_here(site)
    assert "(generation 4)" in assert_held(site)


@pytest.mark.soak
def test_it_says_so_too_when_the_raw_cubes_of_the_partners_were_removed(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", **TABLES)
    make_smallest(site.root)
    folder, aside = site.folder(NIGHT), site.base / "vcam2"
    (folder / "vcam2").rename(aside)
    own = InProcess(site)
    own.advance()
    for path in folder.glob("vcam1/*"):
        path.unlink()
    aside.rename(folder / "vcam2")
    own.advance()
    message = assert_held(site)
    assert "late ones (generation 2)" in message
    assert "raw cubes of the night were removed" in message
    assert all(row.applied for row in ledger_rows(site))


@pytest.mark.soak
def test_restored_it_pairs_them(site: Site) -> None:
    assert vampctl(site, "restore", "20251106", "--yes").returncode == 0
    assert vampctl(site, "retry", "20251106").returncode == 0
    settle_here(site)
    record = record_of(site, NIGHT)
    # The same cubes get the same IDs, and other bytes than were mailed.
    assert (record.state.stage, record.code) == (StageName.TRANSFER, "manifest_stale")
    assert not (site.folder(NIGHT) / "vgen2" / "generation_0002.json").exists()
