"""The wrong disk is written to by nobody, and the archive moves at a person's word; P3 and P4."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, copy_site, make_site
from tests.support.daemon.state import connected, history_of, record_of
from tests.support.examples import others_in_soak
from tests.support.tools.sshd import HOST, Sshd, running_sshd
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import EventName, Kind, NightId, StageName, Status
from vampd.model.proofs import Place

OLD = NightId("20251105", Kind.ENGINEERING)
NIGHT = NightId("20251106", Kind.ENGINEERING)
LATER = NightId("20251107", Kind.ENGINEERING)
# Longer and longer: of two nights that wait, one is not always due while the other is tried.
QUICK: dict[str, dict[str, object]] = {
    "retry": {"first_delay_s": 0.1, "max_delay_s": 60, "attempts": 2}
}


@pytest.fixture(scope="module")
def done_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = make_site(tmp_path_factory.mktemp("site"), **QUICK)
    for seed, night in enumerate((OLD, NIGHT)):
        make_smallest(made.root, night.date, night.kind, seed=seed)
    settle_here(made)
    return made


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory, tool: Callable[[str], str]) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd"), tool) as server:
        yield server


@pytest.fixture
def site(done_site: Site, tmp_path: Path) -> Site:
    own = copy_site(done_site, tmp_path / "own")
    configure(own, **QUICK)
    return own


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def damage(path: Path) -> None:
    """One bit, and nothing that a listing could show."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def unmount(site: Site) -> Path:
    """The folder is there, on another disk, and empty; where the archive's disk is now."""
    away = site.base / "unmounted"
    site.destination.rename(away)
    site.destination.mkdir()
    return away


def proofs_of(site: Site, night: NightId) -> set[bool]:
    with connected(site) as connections:
        found = connections.receipts.of(night, Place.ARCHIVE)
    return {not receipt.has_ended for receipt in found.values()}


def assert_waits(
    site: Site, night: NightId, *words: str, way: str = "archive accept engineering"
) -> None:
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.WAITING)
    assert record.code == "archive_unknown"
    shown = " ".join(vampctl(site, "why", night.date).stdout.split())
    for word in (f"vampctl {way}", "vampctl doctor", *words):
        assert word in shown


def test_nothing_is_written_where_the_archives_disk_is_not_mounted(site: Site) -> None:
    archive = unmount(site)
    make_smallest(site.root, LATER.date, LATER.kind, seed=5)
    run_until_idle(site)
    assert files(site.destination) == {}
    assert_waits(site, LATER, "lacks its mark", "mount its disk")
    # Tried again more often than anything else, and never held.
    assert record_of(site, LATER).state.attempts >= 2
    assert vampctl(site, "retry", LATER.date).returncode == 0
    run_until_idle(site)
    assert_waits(site, LATER)
    doctor = vampctl(site, "doctor", "--json")
    found = {line["check"]: line for line in json.loads(doctor.stdout)}
    assert found["engineering mark"]["state"] == "BAD"
    assert "mount its disk" in found["engineering mark"]["found"]
    assert vampctl(site, "verify", NIGHT.date).returncode == 1
    assert record_of(site, NIGHT).safe_at is not None, "what could not be read says nothing"
    site.destination.rmdir()
    archive.rename(site.destination)
    assert vampctl(site, "retry", LATER.date).returncode == 0
    settle_here(site)
    assert record_of(site, LATER).safe_at is not None


def test_a_lost_database_waits_until_a_person_has_accepted_the_archive(site: Site) -> None:
    mark = (site.destination / ".vampd/id").read_text()
    for path in site.database.parent.glob("vampd.db*"):
        path.unlink()
    before = files(site.destination)
    run_until_idle(site)
    assert files(site.destination) == before
    assert_waits(site, NIGHT, "not known here")
    done = vampctl(site, "archive", "accept", "engineering", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 nights, 20251105 to 20251106" in done.stdout
    assert mark.split()[-1] in done.stdout
    for night in (OLD, NIGHT):
        vampctl(site, "retry", night.date)
    settle_here(site)
    assert files(site.destination) == before
    assert {record_of(site, night).safe_at is None for night in (OLD, NIGHT)} == {False}
    with connected(site) as connections:
        known = connections.destinations.known(Kind.ENGINEERING)
    assert known is not None
    assert (known.origin, known.actor != "vampd") == ("accepted", True)
    again = vampctl(site, "archive", "accept", "engineering", "--yes")
    assert "already" in again.stdout


def test_a_lost_mark_is_replaced_at_a_persons_word_and_all_is_read_again(site: Site) -> None:
    shutil.rmtree(site.destination / ".vampd")
    damage(min(site.copy(OLD).glob("vgen2/*.fits.fz")))
    asked = vampctl(site, "archive", "accept", "engineering")
    assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
    assert vampctl(site, "archive", "accept", "engineering", "--yes").returncode == 0
    assert proofs_of(site, OLD) == {False}
    assert record_of(site, OLD).safe_at is None
    settle_here(site)
    here, there = files(site.folder(OLD) / "vgen2"), files(site.copy(OLD) / "vgen2")
    assert {path: here[path] for path in there} == there
    assert record_of(site, OLD).safe_at is not None
    assert proofs_of(site, OLD) == {True}


def move_archive(site: Site, how: str) -> tuple[str, Path]:
    new = site.base / "new disk"
    shutil.copytree(site.destination, new)
    shutil.rmtree(new / ".vampd")
    return (f"{HOST}:{new}" if how == "ssh" else str(new)), new


@pytest.mark.parametrize("how", ["local", pytest.param("ssh", marks=pytest.mark.soak)])
def test_a_moved_archive_is_read_file_by_file_and_what_differs_is_found(
    site: Site, sshd: Sshd, how: str
) -> None:
    destination, new = move_archive(site, how)
    victim = min((new / NIGHT.date).glob("vgen2/*.fits.fz"))
    good = victim.read_bytes()
    damage(victim)
    tables: dict[str, dict[str, object]] = {
        **QUICK,
        "transfer": {"ssh": list(sshd.ssh)},
        "transfer_engineering": {"destination": destination},
    }
    configure(site, **tables)
    assert vampctl(site, "retry", NIGHT.date, "--from", "transfer").returncode == 0
    run_until_idle(site)
    assert_waits(site, NIGHT, way=f"archive moved engineering --to {destination}")
    assert victim.read_bytes() != good, "the changed setting alone makes nights wait"
    done = vampctl(site, "archive", "moved", "engineering", "--to", destination, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert {record_of(site, night).safe_at for night in (OLD, NIGHT)} == {None}
    make_smallest(site.root, LATER.date, LATER.kind, seed=5)
    kept = {path: path.stat().st_ino for path in new.rglob("*") if path.is_file()}
    vampctl(site, "retry", NIGHT.date)
    settle_here(site)
    assert victim.read_bytes() == good
    now = {path: path.stat().st_ino for path in kept if path != victim}
    assert now == {path: inode for path, inode in kept.items() if path != victim}
    with connected(site) as connections:
        for night in (OLD, NIGHT, LATER):
            found = connections.receipts.of(night, Place.ARCHIVE).values()
            assert {receipt.destination for receipt in found} == {destination}
    assert {record_of(site, night).safe_at is None for night in (OLD, NIGHT, LATER)} == {False}
    moved = [event for event in history_of(site, OLD) if event.code == "archive_moved"]
    assert [event.event for event in moved] == [EventName.RETRIED]


@pytest.mark.soak
def test_the_night_itself_by_ssh_is_not_where_the_archive_host_has_moved_it(
    site: Site, sshd: Sshd
) -> None:
    archive = site.copy(NIGHT).parent
    destination = f"{HOST}:{archive}"
    # By a mount of its own, as another host has this disk.
    (site.base / "mnt").symlink_to(site.root)
    moved_to = [f"{site.base}/mnt/{{date}}"]
    configure(
        site,
        transfer={"ssh": list(sshd.ssh)},
        transfer_engineering={"destination": destination, "moved_to": moved_to},
    )
    own = InProcess(site)
    said = own.command("archive", "moved", "engineering", "--to", destination, "--yes")
    assert said.status == 0, said.text
    shutil.rmtree(archive / NIGHT.date)
    before = files(site.folder(NIGHT))
    answer = own.command("verify", NIGHT.date)
    assert (answer.status, "destination_is_source" in answer.text) == (1, True), answer.text
    own.advance()
    record = record_of(site, NIGHT)
    assert (record.state.status, record.safe_at) == (Status.WAITING, None)
    assert record.code == "destination_is_source"
    assert files(site.folder(NIGHT)) == before
    # Corrected as it says, the night is where it is: nowhere.
    configure(
        site,
        transfer={"ssh": list(sshd.ssh)},
        transfer_engineering={"destination": destination},
    )
    own.advance()
    assert record_of(site, NIGHT).code == "night_gone"


def test_the_word_may_come_before_the_setting(site: Site) -> None:
    destination, _ = move_archive(site, "local")
    done = vampctl(site, "archive", "moved", "engineering", "--to", destination, "--yes")
    assert "nights wait until" in done.stdout
    run_until_idle(site)
    assert record_of(site, NIGHT).code == "archive_unknown"
    configure(site, **QUICK, transfer_engineering={"destination": destination})
    for night in (OLD, NIGHT):
        vampctl(site, "retry", night.date)
    settle_here(site)
    assert {record_of(site, night).safe_at is None for night in (OLD, NIGHT)} == {False}
    again = vampctl(site, "archive", "moved", "engineering", "--to", destination, "--yes")
    assert "already" in again.stdout
    bad = vampctl(site, "archive", "moved", "engineering", "--to", "relative", "--yes")
    assert (bad.returncode, "absolute" in bad.stderr) == (2, True)


def test_what_is_no_place_of_the_nights_is_refused_and_left_as_it_was(site: Site) -> None:
    (site.base / "link").symlink_to(site.database.parent)
    (site.base / "empty").mkdir()
    (site.root / "disk").mkdir()
    state = site.database.parent
    places = {
        **dict.fromkeys(("/", "/.", f"{HOST}:/", str(state), f"{state}/x"), ": name "),
        **dict.fromkeys((f"{site.base}/link", f"{site.root}/disk"), ": name "),
        str(site.folder(NIGHT) / "vgen2"): ": name ",
        f"{site.base}/empty": "none of the 2 nights",
    }
    safe = {night: record_of(site, night).safe_at for night in (OLD, NIGHT)}
    for place, words in places.items():
        done = vampctl(site, "archive", "moved", "engineering", "--to", place, "--yes")
        assert (done.returncode, words in done.stderr) == (2, True), (place, done.stderr)
    assert not list(state.rglob(".vampd/*"))
    assert not any((site.base / "empty").iterdir())
    assert not any((site.root / "disk").iterdir())
    assert {night: record_of(site, night).safe_at for night in safe} == safe
    moved = ("archive", "moved", "engineering", "--to", f"{site.base}/empty", "--without-nights")
    assert vampctl(site, *moved, "--yes").returncode == 0


@pytest.mark.parametrize(
    "moment",
    others_in_soak(
        [
            "archive.change.committed",
            "archive.mark.placed",
            "store.destinations.recorded",
            "archive.mark.recorded",
            "mark.folder_made",
            "archive.mark.confirmed",
        ],
        few=2,
    ),
)
def test_a_move_that_is_killed_proves_nothing_by_itself_and_resumes(
    site: Site, moment: str
) -> None:
    destination, new = move_archive(site, "local")
    damage(min((new / OLD.date).glob("vgen2/*.fits.fz")))
    words = ("archive", "moved", "engineering", "--to", destination, "--yes")
    killed = vampctl(site, *words, VAMPD_FAILPOINT=moment)
    assert killed.returncode == -signal.SIGKILL
    configure(site, **QUICK, transfer_engineering={"destination": destination})
    is_safe = record_of(site, OLD).safe_at is not None
    assert is_safe is (moment == "store.destinations.recorded"), "as before, or all at once"
    assert vampctl(site, *words).returncode == 0
    settle_here(site)
    here, there = files(site.folder(OLD) / "vgen2"), files(new / OLD.date / "vgen2")
    assert {path: here[path] for path in there} == there
    assert record_of(site, OLD).safe_at is not None
    assert [path.name for path in (new / ".vampd").iterdir()] == ["id"]
