"""Bad cubes, bad disks, bad destinations: each costs only itself, and waits or tells."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builders.nights import make_night
from tests.support.builders.products import check_sums
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import (
    Daemon,
    log_of,
    run_until_idle,
    running,
    settle,
    vampctl,
    wait_until,
)
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import (
    accept_archive,
    audit,
    history_of,
    product_tree,
    raw_state,
    record_of,
)
from tests.support.examples import others_in_soak
from tests.support.worlds.sites.busy_site import has_status
from vampd.model.nights import EventName, Kind, NightId, StageName, Status

Tool = Callable[[str], str]
NIGHT = NightId("20251106", Kind.ARCHIVE)
FAST = {
    "retry": {"first_delay_s": 0.2, "max_delay_s": 0.5, "attempts": 1000},
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, **FAST)


def assert_done(site: Site, night: NightId) -> None:
    record = record_of(site, night)
    assert record.state.status is Status.DONE, (record.code, record.error)
    shown = audit(site, night)
    assert shown["balanced"], shown["findings"]
    assert not [name for name in product_tree(site.folder(night)) if "/." in f"/{name}"]


# --- cubes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [Kind.ARCHIVE, pytest.param(Kind.ENGINEERING, marks=pytest.mark.soak)],
    ids=str,
)
def test_each_bad_cube_costs_only_itself(site: Site, tool: Tool, kind: Kind) -> None:
    night, truth = make_night(site.root, kind=kind, preset="defects")
    raw = raw_state(site.folder(night))
    settle_here(site)
    assert_done(site, night)
    shown = audit(site, night)
    reasons = {entry["path"]: entry for entry in shown["rejected"]}
    bad = {cube.path: cube for cube in truth.cubes if cube.family is not None}
    assert set(reasons) == set(bad)
    assert len(bad) >= 10
    for path, cube in bad.items():
        assert cube.family is not None
        assert cube.family.holds(reasons[path]["code"]), reasons[path]
        assert len(reasons[path]["reason"]) > 10
        assert (site.copy(night) / "vbad" / path).read_bytes() == (
            site.folder(night) / path
        ).read_bytes()
    assert shown["product_frames"] == sum(c.frames for c in truth.cubes if c.path not in bad)
    check_sums(tool("sha256sum"), site.copy(night))
    assert raw_state(site.folder(night)) == raw


def test_strange_names_in_a_stream_do_not_stop_the_night(site: Site) -> None:
    # Most of its cubes are none.
    configure(site, sync={"hold_when_unexpected": False})
    night, truth = make_smallest(site.root)
    stream = site.folder(night) / "vcam1"
    (stream / "folder.fits").mkdir()
    (stream / "dangling.fits").symlink_to("nowhere.fits")
    (stream / "dangling.txt").symlink_to("/nowhere/at/all.txt")
    (stream / "loop.fits").symlink_to("loop.fits")
    (stream / "empty.fits").touch()
    (stream / ".hidden.fits").write_text("an editor's")
    (stream / "text.fits").write_text("This is no FITS file.\n" * 200)
    os.mkfifo(stream / "pipe.fits")
    (stream / "tab\tline\nend.fits").write_bytes(b"\xff" * 5000)
    (stream / os.fsdecode(b"no-utf8-\xff.fits")).write_text("what a name")
    settle_here(site)
    assert_done(site, night)
    shown = {entry["path"]: entry for entry in audit(site, night)["rejected"]}
    expected = {"folder", "dangling", "loop", "empty", "text", "pipe", "tab\tline\nend"}
    assert {f"vcam1/{name}.fits" for name in expected} <= shown.keys()
    assert "vcam1/.hidden.fits" not in shown
    good = sum(cube.frames for cube in truth.cubes if cube.defect is None)
    assert audit(site, night)["product_frames"] == good
    assert (stream / "dangling.fits").is_symlink()


def test_a_night_of_bad_cubes_only_ends_done(site: Site) -> None:
    night = NightId("20251106", Kind.ARCHIVE)
    configure(site, **FAST, sync={"hold_when_unexpected": False})
    stream = site.folder(night) / "vcam1"
    stream.mkdir(parents=True)
    (stream / "vcam1_05:00:00.000000000.fits").write_text("no cube\n" * 1000)
    settle_here(site)
    assert_done(site, night)
    assert len(audit(site, night)["rejected"]) == 1


def test_names_that_are_no_nights_are_left_alone(site: Site) -> None:
    night, _ = make_smallest(site.root)
    for name in ("20250101_bak", "20259999", "lost+found", "2025-11-06", "00000000"):
        shutil.copytree(site.folder(night), site.root / name)
        shutil.copytree(site.folder(night), site.root / "ARCHIVED_DATA" / name)
    (site.root / "20251105").write_text("a file that is named like a night")
    (site.root / "20251104").symlink_to("nowhere")
    before = {path: path.lstat().st_mtime_ns for path in site.root.glob("2*/**/*")}
    settle_here(site)
    assert_done(site, night)
    # A link that leads nowhere may be a night, whose disk is not mounted.
    shown = json.loads(vampctl(site, "status", "--json").stdout)
    assert {one["date"]: one["note_code"] for one in shown} == {
        "20251104": "night_unreadable",
        night.date: None,
    }
    assert {path: path.lstat().st_mtime_ns for path in site.root.glob("2*/**/*")} == before


@pytest.mark.soak
def test_a_stream_that_cannot_be_listed_does_not_stop_other_nights(site: Site) -> None:
    bad = site.root / "20251101"
    bad.mkdir()
    (bad / "vcam1").symlink_to("vcam1")  # to list it is an error: too many links
    night, _ = make_smallest(site.root)
    settle_here(site)
    assert_done(site, night)
    record = record_of(site, NightId("20251101", Kind.ENGINEERING))
    assert record.state.status is Status.FILLING
    assert record.note_code == "night_unreadable"


@pytest.mark.soak
def test_an_empty_night_goes_nowhere_and_stops_nobody(site: Site) -> None:
    (site.root / "20251105").mkdir()
    night, _ = make_smallest(site.root)
    settle_here(site)
    assert_done(site, night)
    record = record_of(site, NightId("20251105", Kind.ENGINEERING))
    assert record.state.status is Status.FILLING
    assert not list((site.root / "20251105").iterdir())


# --- destinations ---------------------------------------------------------------------------------


def is_waiting(site: Site, night: NightId, *codes: str, attempts: int = 2) -> Callable[[], bool]:
    def look() -> bool:
        if not site.database.exists():
            return False
        failed = [e for e in history_of(site, night) if e.event is EventName.FAILED]
        assert all(e.code in codes for e in failed), failed
        return len(failed) >= attempts

    return look


def is_done(site: Site, night: NightId) -> Callable[[], bool]:
    return lambda: record_of(site, night).state.status is Status.DONE


def test_a_destination_that_is_missing_is_waited_for_and_never_made(site: Site) -> None:
    night, _ = make_smallest(site.root)
    site.archive_destination.rmdir()
    with running(site) as daemon:
        wait_until(is_waiting(site, night, "archive_folder_missing"), "waiting")
        record = record_of(site, night)
        assert record.state.stage is StageName.TRANSFER
        assert str(site.archive_destination) in (record.error or "")
        assert not site.archive_destination.exists()
        site.archive_destination.mkdir()
        wait_until(is_done(site, night), "done")
        assert daemon.stop() == 0
    assert_done(site, night)


def test_a_host_that_does_not_answer_is_waited_for(site: Site) -> None:
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    # Nobody listens on port 1.
    ssh = ["ssh", "-p", "1", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"]
    configure(
        site,
        **FAST,
        transfer={"ssh": ssh},
        transfer_engineering={"destination": "127.0.0.1:/mnt/tier1"},
    )
    with running(site) as daemon:
        wait_until(is_waiting(site, night, "archive_unreachable"), "waiting")
        assert "127.0.0.1" in (record_of(site, night).error or "")
        configure(site, **FAST)
        daemon.signal(signal.SIGHUP)
        wait_until(is_done(site, night), "done")
        assert daemon.stop() == 0
    assert_done(site, night)


def test_what_fails_again_and_again_needs_a_person_and_is_still_tried(site: Site) -> None:
    configure(site, retry={"first_delay_s": 0.2, "max_delay_s": 0.4, "attempts": 3})
    night, _ = make_smallest(site.root)
    site.archive_destination.rmdir()
    settle(site)
    record = record_of(site, night)
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.WAITING)
    assert (record.code, record.state.attempts) == ("archive_folder_missing", 3)
    assert record.needs_person
    shown = json.loads(vampctl(site, "status", night.date, "--json").stdout)[0]
    assert shown["needs_person"]
    assert shown["note"].startswith("needs a person: archive_folder_missing")
    waits = [e for e in history_of(site, night) if e.event is EventName.FAILED]
    assert all(e.not_before is not None and e.not_before > e.at for e in waits)
    site.archive_destination.mkdir()
    with running(site):
        wait_until(has_status(site, night, Status.DONE), "done by itself")
    assert not record_of(site, night).needs_person


# --- disks ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tool: Tool) -> Iterator[Callable[[Path, int], Path]]:
    """Mount a disk of so many KB over a folder; needs root, as CI has it."""
    mounted: list[Path] = []

    def mount(folder: Path, kilobytes: int) -> Path:
        subprocess.run(
            [tool("mount"), "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], check=True
        )
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run([tool("umount"), "-l", folder], check=True)


def fill(folder: Path, leave_bytes: int) -> Path:
    """A file that leaves so much space."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):  # whoever writes there as well takes some, too
            while True:
                file.write(bytes(4096))
        file.truncate(max(0, file.tell() - leave_bytes))
    return ballast


def wait_on_full_disk(
    site: Site, night: NightId, ballast: Path, daemon: Daemon, *codes: str
) -> None:
    wait_until(is_waiting(site, night, *codes), f"waiting with {codes}")
    assert daemon.process.poll() is None
    ballast.unlink()
    wait_until(is_done(site, night), "done")
    assert daemon.stop() == 0
    assert_done(site, night)


# 100 KB: enough for framelists, too little for the products; 12 KB: not even for those.
@pytest.mark.parametrize(
    "leave_bytes",
    others_in_soak([100_000, 0, 12_000, 220_000]),
)
def test_a_full_disk_is_waited_for_and_nothing_is_half_written(
    site: Site, small_disk: Callable[[Path, int], Path], leave_bytes: int, tool: Tool
) -> None:
    small_disk(site.root, 2048)
    (site.root / "ARCHIVED_DATA").mkdir()
    night, _ = make_smallest(site.root)
    raw = raw_state(site.folder(night))
    ballast = fill(site.root, leave_bytes)
    with running(site) as daemon:
        wait_until(is_waiting(site, night, "disk_full", "disk_low"), "waiting")
        for path in (site.folder(night) / "vgen2").glob("*.fits.fz"):
            subprocess.run([tool("fitsverify"), "-q", path], check=True, capture_output=True)
        wait_on_full_disk(site, night, ballast, daemon, "disk_full", "disk_low")
    assert raw_state(site.folder(night)) == raw
    assert not [e for e in log_of(site).events if e.get("code") == "bug"]


@pytest.mark.soak
def test_a_full_archive_disk_is_waited_for(
    site: Site, small_disk: Callable[[Path, int], Path]
) -> None:
    night, _ = make_smallest(site.root)
    small_disk(site.archive_destination, 1024)
    ballast = fill(site.archive_destination, 120_000)
    with running(site) as daemon:
        wait_until(is_waiting(site, night, "archive_full", "disk_low"), "waiting")
        products = {p.name: p.stat().st_size for p in (site.folder(night) / "vgen2").glob("*.fz")}
        for path in (site.copy(night) / "vgen2").glob("*.fits.fz"):
            assert path.stat().st_size == products[path.name]
        wait_on_full_disk(site, night, ballast, daemon, "archive_full", "disk_low")


def test_a_full_state_disk_ends_nobody(site: Site, small_disk: Callable[[Path, int], Path]) -> None:
    night, _ = make_smallest(site.root)
    small_disk(site.database.parent, 4096)
    with running(site) as daemon:
        wait_until(lambda: site.database.exists() and history_of(site, night), "a history")
        ballast = fill(site.database.parent, 0)
        wait_until(
            lambda: log_of(site).named("store.waited") or log_of(site).named("night.waits"),
            "trouble with the store",
        )
        assert daemon.process.poll() is None
        ballast.unlink()
        wait_until(is_done(site, night), "done")
        assert daemon.stop() == 0
    assert_done(site, night)


# --- the database ---------------------------------------------------------------------------------


def _garbage(database: Path) -> None:
    database.write_bytes(b"this is no database\n" * 500)


def _empty(database: Path) -> None:
    database.write_bytes(b"")


def _damaged_page(database: Path) -> None:
    with database.open("r+b") as file:
        for page in range(1, database.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)


def _foreign(database: Path) -> None:
    database.unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


@pytest.mark.parametrize(
    "spoil", others_in_soak([_damaged_page, _foreign, _garbage, _empty], few=2)
)
def test_a_corrupt_database_is_reported_and_left_as_it_is(
    settled: SettledSites, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    site, night = settled.copy(tmp_path / "own"), NIGHT
    tree = product_tree(site.folder(night))
    for side in ("-wal", "-shm"):
        Path(f"{site.database}{side}").unlink(missing_ok=True)
    spoil(site.database)
    before = site.database.read_bytes()
    ended = run_until_idle(site)
    assert ended.status == 1
    assert str(site.database) in ended.log
    assert "Traceback" not in ended.log
    assert site.database.read_bytes() == before
    assert product_tree(site.folder(night)) == tree


def test_a_lost_database_gives_no_frame_id_twice(settled: SettledSites, tmp_path: Path) -> None:
    site, night = settled.copy(tmp_path / "own"), NIGHT
    before = product_tree(site.folder(night))
    for path in site.database.parent.glob("vampd.db*"):
        path.unlink()
    accept_archive(site, night.kind)
    later, _ = make_smallest(site.root, "20251107", seed=8)
    settle(site)
    assert_done(site, later)
    ids = [path.name for path in site.root.rglob("VMPA*.fits.fz")]
    assert len(ids) == len(set(ids))
    after = product_tree(site.folder(night))
    assert {name: after[name] for name in before} == before
