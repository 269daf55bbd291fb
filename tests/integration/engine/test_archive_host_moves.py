"""What the archive host moves by itself is looked for, read there, and never written to."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site
from tests.support.daemon.state import connected, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.in_process import InProcess
from vampd.cli.shared.finding import BAD
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.proofs import Place

NIGHT = NightId("20251106", Kind.ENGINEERING)


@pytest.fixture(scope="module")
def done_site(settled: SettledSites, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return settled.copy(tmp_path_factory.mktemp("done") / "site", NIGHT.kind)


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    own = copy_site(done_site, tmp_path / "own")
    template = f"{own.base}/sdata/{{date}}/ARCHIVED"
    configure(own, transfer_engineering={"moved_to": [f"{own.base}/no/{{date}}", template]})
    return own


def move(site: Site) -> Path:
    moved = site.base / "sdata" / NIGHT.date / "ARCHIVED"
    moved.parent.mkdir(parents=True)
    site.copy(NIGHT).rename(moved)
    return moved


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file()
    }


def destinations_of(site: Site) -> set[str | None]:
    with connected(site) as connections:
        found = connections.receipts.of(NIGHT, Place.ARCHIVE).values()
    return {receipt.destination for receipt in found if not receipt.has_ended}


def assert_held(site: Site, code: str, *words: str) -> None:
    record = record_of(site, NIGHT)
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.HELD)
    assert (record.code, record.safe_at) == (code, None)
    reported = " ".join(vampctl(site, "why", NIGHT.date).stdout.split())
    for word in words:
        assert word in reported


def test_a_night_that_was_moved_is_safe_where_it_lies_and_nothing_is_sent(site: Site) -> None:
    moved = move(site)
    before = state_of(moved)
    assert vampctl(site, "retry", NIGHT.date, "--from", "transfer").returncode == 0
    settle_here(site)
    assert record_of(site, NIGHT).safe_at is not None
    assert destinations_of(site) == {str(moved)}
    assert state_of(moved) == before
    assert not site.copy(NIGHT).exists()


def test_a_link_that_whoever_moved_it_left_in_its_place_is_not_the_night(site: Site) -> None:
    moved = move(site)
    site.copy(NIGHT).symlink_to(moved)
    assert vampctl(site, "retry", NIGHT.date, "--from", "transfer").returncode == 0
    settle_here(site)
    assert record_of(site, NIGHT).safe_at is not None
    assert destinations_of(site) == {str(moved)}
    # A link alone tells nobody where it may lie, nor who made it.
    configure(site, transfer_engineering={"moved_to": []})
    vampctl(site, "retry", NIGHT.date, "--from", "transfer")
    settle_here(site)
    assert_held(site, "link_found", str(site.copy(NIGHT)))


def test_the_night_itself_behind_a_link_is_no_copy(site: Site) -> None:
    shutil.rmtree(site.copy(NIGHT))
    template = f"{site.base}/tier2/{{date}}"
    configure(site, transfer_engineering={"moved_to": [template]})
    (site.base / "tier2").symlink_to(site.folder(NIGHT).parent)
    read = vampctl(site, "verify", NIGHT.date)
    assert (read.returncode, "destination_is_source" in read.stdout) == (1, True), read.stdout
    raw = state_of(site.folder(NIGHT) / "vcam1")
    purged = vampctl(site, "purge", NIGHT.date, "--yes", "--same-disk", NIGHT.date)
    assert (purged.returncode, "night's own folder" in purged.stderr) == (1, True), purged.stderr
    assert state_of(site.folder(NIGHT) / "vcam1") == raw


def test_a_destination_that_leads_into_a_stream_here_is_never_written_to(site: Site) -> None:
    stream = site.folder(NIGHT) / "vcam1"
    (site.base / "disk").symlink_to(stream)
    before = state_of(stream)
    own = InProcess(site)
    moved = own.command("archive", "moved", "engineering", "--to", f"{site.base}/disk", "--yes")
    assert (moved.status == 0, "lies in, the folder of the root" in moved.text) == (False, True)
    assert state_of(stream) == before
    assert record_of(site, NIGHT).safe_at is not None


PLACES = (
    (lambda site: site.folder(NIGHT), "the folder of the root"),
    (lambda site: site.root, "the folder of the root"),
    (lambda site: site.database.parent, "the folder of the state"),
    (lambda _: Path("/"), "leads to /"),
)


@pytest.mark.parametrize(("place", "why"), others_in_soak(PLACES, few=2))
def test_what_is_no_place_of_an_archive_is_one_at_nobodys_word(
    site: Site, place: Callable[[Site], Path], why: str
) -> None:
    own, link = InProcess(site), site.base / "disk"
    link.symlink_to(place(site))
    before = state_of(site.folder(NIGHT))
    moved = own.command("archive", "moved", "engineering", "--to", str(link), "--yes")
    # The disk of the destination itself is gone, and so is its mark.
    destination = site.copy(NIGHT).parent
    destination.rename(site.base / "gone")
    destination.symlink_to(place(site))
    accepted = own.command("archive", "accept", "engineering", "--yes")
    for said in (moved, accepted):
        assert (said.status == 0, why in said.text) == (False, True), said.text
    found = {one["check"]: one for one in json.loads(own.command("doctor", "--json").text)}
    said_there = found["engineering destination"]
    assert (said_there["state"], why in said_there["found"]) == (BAD, True), said_there
    assert "engineering probe" not in found
    assert state_of(site.folder(NIGHT)) == before


def test_a_hard_link_to_a_product_here_is_no_copy(site: Site) -> None:
    own = min(site.folder(NIGHT).glob("vgen2/*.fits.fz"))
    path = own.relative_to(site.folder(NIGHT))
    copy = site.copy(NIGHT) / path
    copy.unlink()
    copy.hardlink_to(own)
    read = vampctl(site, "verify", NIGHT.date)
    assert (read.returncode, path.as_posix() in read.stdout) == (1, True), read.stdout
    assert record_of(site, NIGHT).safe_at is None
    # It is equal to itself; what is sent takes its place nevertheless.
    vampctl(site, "retry", NIGHT.date, "--from", "transfer")
    InProcess(site).advance()
    assert record_of(site, NIGHT).safe_at is not None
    assert (copy.stat().st_nlink, copy.read_bytes()) == (1, own.read_bytes())


@pytest.mark.soak
def test_a_night_of_the_other_kind_is_not_taken_for_one_that_was_moved(site: Site) -> None:
    own, other = InProcess(site), NightId(NIGHT.date, Kind.ARCHIVE)
    make_smallest(site.root, kind=Kind.ARCHIVE, seed=6)
    own.advance()
    moved = move(site)
    shutil.rmtree(moved)
    shutil.move(site.copy(other), moved)
    there = state_of(moved)
    answer = own.command("verify", NIGHT.date, "--kind", "engineering")
    assert (answer.status, "nothing of it is left" in " ".join(answer.text.split())) == (1, True)
    assert (str(moved) in answer.text, state_of(moved)) == (False, there)


def test_verify_proves_it_there_too(site: Site) -> None:
    moved = move(site)
    done = vampctl(site, "verify", NIGHT.date)
    assert (done.returncode, str(moved) in done.stdout) == (0, True)
    assert destinations_of(site) == {str(moved)}
    assert record_of(site, NIGHT).safe_at is not None


def test_what_it_lacks_is_sent_by_a_person_and_then_read_there(site: Site) -> None:
    moved = move(site)
    victim = min(moved.glob("vgen2/*.fits.fz"))
    victim.unlink()
    vampctl(site, "retry", NIGHT.date, "--from", "transfer")
    settle_here(site)
    assert_held(site, "night_moved", f"vampctl transfer {NIGHT.date} --print", str(moved))
    assert (victim.exists(), site.copy(NIGHT).exists()) == (False, False)
    shown = vampctl(site, "transfer", NIGHT.date, "--print")
    assert (shown.returncode, shown.stderr) == (0, "")
    subprocess.run(["bash", "-ec", shown.stdout], check=True, timeout=60, capture_output=True)
    assert victim.exists()
    vampctl(site, "retry", NIGHT.date)
    settle_here(site)
    assert record_of(site, NIGHT).safe_at is not None
    assert destinations_of(site) == {str(moved)}
    assert not site.copy(NIGHT).exists()


def test_a_night_that_is_gone_from_both_is_not_safe_and_never_sent_by_itself(site: Site) -> None:
    moved = move(site)
    shutil.rmtree(moved)
    assert vampctl(site, "verify", NIGHT.date).returncode == 1
    assert record_of(site, NIGHT).safe_at is None
    for _ in range(2):
        vampctl(site, "retry", NIGHT.date, "--from", "transfer")
        settle_here(site)
        assert_held(site, "night_gone", f"vampctl release {NIGHT.date}")
        assert not site.copy(NIGHT).exists()
    assert vampctl(site, "release", NIGHT.date).returncode == 0
    settle_here(site)
    assert record_of(site, NIGHT).safe_at is not None
    assert destinations_of(site) == {str(site.destination)}
    # That word was about the copy that was gone, and not about the next one.
    shutil.rmtree(site.copy(NIGHT))
    vampctl(site, "retry", NIGHT.date, "--from", "transfer")
    settle_here(site)
    assert_held(site, "night_gone")
