"""An archive that was moved or damaged behind vampd's back proves nothing until it is read."""

import os
from pathlib import Path

import pytest

from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site
from tests.support.daemon.state import connected, history_of, record_of
from vampd.model.nights import EventName, Kind, NightId, Status
from vampd.model.proofs import Place

NIGHT = NightId("20251106", Kind.ENGINEERING)


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return settled.copy(tmp_path_factory.mktemp("done") / "site", NIGHT.kind)


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    return copy_site(done_site, tmp_path / "own")


def damage(path: Path) -> None:
    """One bit, and nothing that a listing could show."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def proofs_of(site: Site) -> list[bool]:
    with connected(site) as connections:
        found = connections.receipts.of(NIGHT, Place.ARCHIVE)
    return [not receipt.has_ended for receipt in found.values()]


def test_a_retry_from_transfer_reads_every_file_and_mends_what_is_bad(site: Site) -> None:
    victim = min(site.copy(NIGHT).glob("vgen2/*.fits.fz"))
    good = victim.read_bytes()
    damage(victim)
    others = {path: path.stat().st_ino for path in site.copy(NIGHT).rglob("*") if path != victim}
    assert vampctl(site, "retry", NIGHT.date, "--from", "transfer").returncode == 0
    assert not any(proofs_of(site))
    settle_here(site)
    assert victim.read_bytes() == good
    assert {path: path.stat().st_ino for path in others} == others
    assert all(proofs_of(site))
    assert record_of(site, NIGHT).safe_at is not None


def test_a_bad_reading_is_a_row_of_the_history_that_names_damaged_and_missing(site: Site) -> None:
    damaged, missing, *_ = sorted(site.copy(NIGHT).glob("vgen2/*.fits.fz"))
    damage(damaged)
    missing.unlink()
    done = vampctl(site, "verify", NIGHT.date)
    assert done.returncode == 1
    shown = done.stdout.splitlines()
    for what, path in (("damaged:", damaged), ("missing:", missing)):
        assert shown[shown.index(what) + 1] == f"{NIGHT.date}/vgen2/{path.name}"
    record, (*_, last) = record_of(site, NIGHT), history_of(site, NIGHT)
    assert (record.safe_at, record.state.status) == (None, Status.DONE)
    assert (last.event, last.code) == (EventName.DISPROVED, "archive_copy_bad")
    assert last.actor != "vampd"
    assert f"1 file damaged: vgen2/{damaged.name}; 1 file missing: vgen2/{missing.name} at" in str(
        last.message
    )
    assert "disproved" in vampctl(site, "history", NIGHT.date).stdout
