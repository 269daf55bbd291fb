"""An older copy put back of what is here: the archive may hold products that nothing here knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes
from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.state import record_of
from tests.support.worlds.archive.safe_night import SafeNight, flip_bit, products_of, tree_there
from tests.support.worlds.proof.witness import digest, tree_of
from vampd.model.nights import Kind, NightId, Status

SUMS = "SHA256SUMS"


@pytest.fixture
def safe(settled: SettledSites, tmp_path: Path) -> SafeNight:
    """A night that is done and safe, which a test may change."""
    return SafeNight.of(settled.copy(tmp_path / "site"), NightId("20251106", Kind.ARCHIVE))


def make_other(safe: SafeNight) -> Path:
    """Another product in the place of one at the archive, where the listing calls it whole."""
    first, second = products_of(safe)[:2]
    there = safe.copy / "vgen2" / first.name
    old, new = (digest(path.read_bytes()) for path in (first, second))
    shutil.copyfile(second, there)
    listing = safe.copy / SUMS
    listing.write_text(
        listing.read_text().replace(f"{old}  vgen2/{first.name}", f"{new}  vgen2/{first.name}")
    )
    return there


def assert_held_until_released(safe: SafeNight) -> None:
    before = tree_there(safe.site, safe.night)
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.code) == (Status.HELD, "other_products"), record.error
    assert record.safe_at is None
    # Asked again, it is the same.
    vampctl(safe.site, "retry", safe.night.date)
    settle_here(safe.site)
    assert record_of(safe.site, safe.night).code == "other_products"
    assert tree_there(safe.site, safe.night) == before
    assert "vampctl release" in vampctl(safe.site, "why", safe.night.date).stdout
    assert vampctl(safe.site, "release", safe.night.date).returncode == 0
    settle_here(safe.site)
    record = record_of(safe.site, safe.night)
    assert (record.state.status, record.safe_at is None) == (Status.DONE, False), record.error
    assert vampctl(safe.site, "verify", safe.night.date).returncode == 0


def test_a_product_that_only_the_archive_knows_is_never_overwritten_without_a_word(
    safe: SafeNight,
) -> None:
    there = make_other(safe)
    vampctl(safe.site, "retry", safe.night.date, "--from", "transfer")
    settle_here(safe.site)
    assert there.name in (record_of(safe.site, safe.night).error or "")
    assert_held_until_released(safe)


def test_what_the_archive_lists_and_does_not_hold_whole_is_sent_again(safe: SafeNight) -> None:
    flip_bit(make_other(safe))
    vampctl(safe.site, "retry", safe.night.date, "--from", "transfer")
    settle_here(safe.site)
    safe.assert_as_it_was()


def test_ids_that_an_older_backup_gives_again_go_over_no_product_of_the_archive(
    safe: SafeNight,
) -> None:
    site, base = safe.site, safe.site.base
    shutil.copytree(base / "state", base / "state before")
    shutil.copytree(site.root, base / "root before", symlinks=True)
    add_late_cubes(site.root)
    settle_here(site)
    assert record_of(site, safe.night).safe_at is not None
    announced = tree_there(site, safe.night)
    for now, before in ((base / "state", "state before"), (site.root, "root before")):
        shutil.rmtree(now)
        (base / before).rename(now)
    add_late_cubes(site.root, seed=9)
    settle_here(site)
    assert tree_there(site, safe.night) == announced
    assert_held_until_released(SafeNight.of(site, safe.night))


def test_recover_takes_nothing_for_damaged_that_the_folder_calls_whole(safe: SafeNight) -> None:
    # As when an older copy of the database was put back after a restore.
    sidecar = min((safe.folder / "vgen2").glob("VMPA*.txt"))
    old = digest(sidecar.read_bytes())
    sidecar.write_text(sidecar.read_text().swapcase())
    listing = safe.folder / "vgen2" / "receipts.tsv"
    listing.write_text(listing.read_text().replace(old, digest(sidecar.read_bytes())))
    before = tree_of(safe.folder, hidden=True)
    for words in ([], [sidecar.name], ["--from-products"]):
        refused = vampctl(safe.site, "recover", safe.night.date, *words)
        assert (refused.returncode, "different packing receipts" in refused.stderr) == (1, True)
    assert tree_of(safe.folder, hidden=True) == before
    # As the message says, where the database is right.
    listing.rename(safe.site.base / listing.name)
    assert vampctl(safe.site, "recover", safe.night.date).returncode == 0
    assert digest(sidecar.read_bytes()) == old
