"""A site that went back to the old tools for a while, and came again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import audit, product_tree, record_of
from tests.support.worlds.sites.old_products import make_old_products
from vampd.config import load_settings
from vampd.model.nights import TITLES, Kind, NightId, Status
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)


def list_for_the_old_tools(site: Site) -> None:
    """Write the table of vampd over their log, so that their cron leaves its nights alone."""
    shown = vampctl(site, "table", "archive", "--csv")
    assert "True" in shown.stdout
    (site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv").write_text(shown.stdout)


@pytest.mark.parametrize("is_lost", [False, True], ids=["the same database", "a new one"])
def test_a_night_that_vampd_listed_for_the_old_tools_is_still_its_own(
    settled: SettledSites, tmp_path: Path, is_lost: bool
) -> None:
    site = settled.copy(tmp_path / "site")
    folder = site.folder(NIGHT)
    list_for_the_old_tools(site)
    before = product_tree(folder)
    if is_lost:
        for path in site.database.parent.glob("*.db*"):
            path.unlink()
        open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
        # Its products have their IDs, so that it needs nobody who gives any.
        configure(site, frameids={"authority": "none"})
        settle_here(site)
        assert vampctl(site, "archive", "accept", "archive", "--yes").returncode == 0
    assert is_lost or vampctl(site, "retry", NIGHT.date).returncode == 0
    settle_here(site)
    record = record_of(site, NIGHT)
    assert (record.state.status, record.error) == (Status.DONE, None)
    assert record.safe_at is not None
    assert product_tree(folder) == before
    assert audit(site, NIGHT)["balanced"]


def test_a_night_that_was_brought_back_to_raw_and_that_they_processed_is_adopted(
    settled: SettledSites, tmp_path: Path
) -> None:
    site = settled.copy(tmp_path / "site", Kind.ENGINEERING)
    folder = site.folder(ENGINEERING)
    assert vampctl(site, "restore", ENGINEERING.date, "--yes").returncode == 0
    for camera in ("vcam1", "vcam2"):
        shutil.rmtree(folder / camera)
    make_old_products(folder, packed=(1, 2), names="vsync_{:02d}.cam1")
    row = f"/mnt/fuuu/{ENGINEERING.date},2025-11-06,True,,False,,False,"
    (site.root / "PROCESSING_LOG.csv").write_text(f"{','.join(TITLES)}\n{row}\n")
    assert vampctl(site, "retry", ENGINEERING.date).returncode == 0
    settle_here(site)
    held = record_of(site, ENGINEERING)
    assert (held.state.status, held.code) == (Status.HELD, "old_tools")
    assert f"vampctl adopt {ENGINEERING.date}" in str(held.error)
    theirs = product_tree(folder)
    done = vampctl(site, "adopt", ENGINEERING.date)
    assert done.returncode == 0, done.stderr
    assert record_of(site, ENGINEERING).state.status is Status.LEGACY
    assert product_tree(folder) == theirs
    settle_here(site)
    assert record_of(site, ENGINEERING).state.status is Status.LEGACY
