"""What is wrong with one night, one row or the state's disk is told there, and ends nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import (
    BIN,
    log_of,
    running,
    vampctl,
    wait_until,
)
from tests.support.daemon.site import Site
from tests.support.daemon.state import connected
from tests.support.worlds.hostile.unprivileged import unprivileged_copy
from tests.support.worlds.sites.busy_site import wait_for_event
from tests.support.worlds.sites.looked_at import World
from vampd.config import load_settings
from vampd.engine.nights import folder_reader
from vampd.engine.nights.night_listing import sign_files
from vampd.engine.nights.strays import find_strays
from vampd.model.nights import (
    CAMERA_STREAMS,
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
)
from vampd.store.database.opening import Access, open_store

# A user without a process.
LONE = 64_999
CLOSED = NightId("20251105", Kind.ENGINEERING)


def spoil_rows(database: Path) -> None:
    """Rows of nights that no version of vampd wrote."""
    open_store(f"sqlite:///{database}", Access.MIGRATE).close()
    with closing(sqlite3.connect(database)) as connection, connection:
        for date, column, value in (
            ("20250101", "status", "asleep"),
            ("20250102", "attempts", "many"),
            ("20250103", "released", "all of them"),
            ("20259999", "status", "done"),
        ):
            connection.execute(
                "INSERT INTO nights (date, kind, stage, status, attempts, claim, frames, bytes,"
                " done_actions, all_actions, discovered_at, changed_at, released)"
                " VALUES (?, 'engineering', 'sync', 'filling', 0, 0, 0, 0, 0, 0, 1.0, 1.0, '')",
                (date,),
            )
            connection.execute(f"UPDATE nights SET {column} = ? WHERE date = ?", (value, date))


def test_a_closed_folder_and_spoiled_rows_name_themselves_and_delay_no_night(site: Site) -> None:
    night, _ = make_smallest(site.root, "20251106", Kind.ENGINEERING)
    spoil_rows(site.database)
    with unprivileged_copy(site) as (own, uid):
        closed = own.folder(CLOSED)
        closed.mkdir(mode=0)
        if uid is not None:
            os.chown(closed, 0, 0)
        (own.root / "20250101").mkdir()
        os.chmod(own.root / "20250101", 0o755)
        with running(own, uid=uid) as daemon:
            wait_for_event(own, "night.settled")
            wait_for_event(own, "night.unreadable")
            shown = vampctl(own, "status", "--problems", uid=uid).stdout
            assert daemon.process.poll() is None
        ended = log_of(own)
    assert [each["night"] for each in ended.named("night.unreadable")] == [CLOSED.date]
    assert "Traceback" not in ended.log
    rows = {each["night"].split()[0] for each in ended.named("night.row_refused")}
    assert rows == {"20250101", "20250102", "20250103", "20259999"}
    assert len(ended.named("night.row_refused")) == len(rows)
    for date in (CLOSED.date, *rows):
        assert date in shown
    assert night.date not in shown


def test_raw_beside_the_streams_is_listed_and_said_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    night, _ = make_smallest(tmp_path, "20251106", Kind.ENGINEERING)
    folder = tmp_path / night.folder
    for name in ("b.fits.gz", "a.fits", "a.txt", "SHA256SUMS", ".c.fits"):
        (folder / name).touch()
    with capture_logs() as logs:
        for _ in range(3):
            world.scan()
            world.now_s += 10
            world.still_s += 10
    said = [log for log in logs if log["event"] == "night.raw_ignored"]
    assert [(log["night"], log["path"], log["files"]) for log in said] == [
        ("20251106", "a.fits", 2)
    ]
    (found,) = find_strays(tmp_path, [night])
    assert found.path == folder / "a.fits"
    assert found.why == "lies beside the camera streams with 1 more such files"


def test_a_night_whose_folder_is_gone_is_said_once_and_shows_nothing_of_what_lay_there(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    filled, _ = make_smallest(tmp_path, "20251106", Kind.ENGINEERING)
    stray, closed = (NightId(date, Kind.ENGINEERING) for date in ("20251104", "20251105"))
    (tmp_path / stray.folder / "vcam1").mkdir(parents=True)
    (tmp_path / stray.folder / "vcam1" / "x.tmp").touch()
    (tmp_path / closed.folder).symlink_to("/nowhere")
    world.scan()
    assert [world.note(night)[0] for night in (stray, closed)] == [
        "unknown_files",
        "night_unreadable",
    ]
    away = tmp_path / "away"
    away.mkdir()
    for night in (filled, stray, closed):
        (tmp_path / night.folder).rename(away / night.date)
    with capture_logs() as logs:
        for _ in range(3):
            world.scan()
    assert [(log["event"], log["night"]) for log in logs] == [("night.unreadable", filled.date)]
    code, text = world.note(filled)
    assert (code, f"{tmp_path / filled.folder} is not there" in str(text)) == (
        "night_unreadable",
        True,
    )
    for night in (stray, closed):
        code, text = world.note(night)
        assert (code, "x.tmp" in str(text)) == ("no_cubes", False)
    (away / filled.date).rename(tmp_path / filled.folder)
    world.scan()
    assert world.note(filled)[0] != "night_unreadable"


@pytest.fixture
def small_state(site: Site, tool: Callable[[str], str]) -> Iterator[Path]:
    """The state's folder on a full disk of its own."""
    state = site.database.parent
    options = "size=64k,nr_inodes=64"
    subprocess.run([tool("mount"), "-t", "tmpfs", "-o", options, "tmpfs", state], check=True)
    (state / "ballast").write_bytes(bytes(60_000))
    yield state
    subprocess.run([tool("umount"), "-l", state], check=True)


def test_a_full_disk_of_the_state_is_waited_for_at_start(site: Site, small_state: Path) -> None:
    make_smallest(site.root, "20251106", Kind.ENGINEERING)
    with running(site, times_s={"vampd.wiring.daemon._AGAIN_S": 0.1}) as daemon:
        wait_for_event(site, "store.waited")
        assert [each["code"] for each in log_of(site).named("store.waited")] == ["disk_full"]
        assert not log_of(site).named("daemon.started")
        subprocess.run(
            ["mount", "-o", "remount,size=64m,nr_inodes=1000", str(small_state)], check=True
        )
        wait_for_event(site, "night.settled")
        assert daemon.process.poll() is None
    assert "Traceback" not in log_of(site).log


@pytest.mark.soak
@pytest.mark.parametrize("most", [1, 3])
def test_a_daemon_that_may_start_no_more_threads_waits_and_goes_on_once_it_may(
    site: Site, tool: Callable[[str], str], most: int
) -> None:
    night, _ = make_smallest(site.root, "20251106", Kind.ENGINEERING)
    with unprivileged_copy(site) as (own, _):
        # No other process of this user may count.
        subprocess.run(["chown", "-hR", f"{LONE}:{LONE}", own.base], check=True)
        as_lone = [tool("setpriv"), f"--reuid={LONE}", f"--regid={LONE}", "--clear-groups"]
        limited = [*as_lone, tool("prlimit"), f"--nproc={most}:1000"]
        command = [*limited, sys.executable, str(BIN / "vampd"), "--config", str(own.config)]
        with own.log.open("wb") as log:
            daemon = subprocess.Popen([*command, "--log", "json"], stdout=log, stderr=log)
        try:
            wait_until(lambda: "no thread for" in own.log.read_text(), "the cause")
            lift = [*as_lone, "prlimit", f"--pid={daemon.pid}", "--nproc=1000:"]
            subprocess.run(lift, check=True)
            wait_for_event(own, "night.settled")
            daemon.terminate()
            assert daemon.wait(60) == 0
        finally:
            daemon.kill()
            daemon.wait()
        ended = log_of(own)
    assert [each["night"] for each in ended.named("night.settled")] == [night.date]
    assert len(ended.named("watch.refused")) <= 1
    assert not [each for each in ended.events if each.get("code") == "bug"], ended.log


def test_a_deep_look_at_a_finished_night_lists_its_streams_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stream in CAMERA_STREAMS:
        (site.folder(CLOSED) / stream).mkdir(parents=True)

    open_store(f"sqlite:///{site.database}", Access.MIGRATE).close()

    def again(*_: object) -> NoReturn:
        raise AssertionError("listed a second time")

    # By the reader; the watcher has its own listing.
    monkeypatch.setattr(folder_reader, "list_raw_files", again)
    with connected(site) as connections:
        world = World(site.root, reader=connections.make_reader(load_settings(site.config)))
        world.store.discover(CLOSED, 1.0)
        world.store._nights[CLOSED] = replace(
            world.store._nights[CLOSED],
            state=State(StageName.TRANSFER, Status.DONE),
            safe_at=1.0,
            signature=sign_files(()),
        )
        world.scan()
    assert world.note(CLOSED) == (None, None)


def test_nights_on_record_are_read_again_once_something_is_committed_and_not_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, reads = World(site.root), 0
    nights = world.store.nights

    def read() -> tuple[NightRecord, ...]:
        nonlocal reads
        reads += 1
        return nights()

    monkeypatch.setattr(world.store, "nights", read)
    (site.folder(CLOSED)).mkdir(parents=True)
    for _ in range(3):
        world.scan()  # what is found is put on record
    settled = reads
    world.scan()
    assert reads == settled
    # By anyone: the night is not looked at any more.
    world.store.apply(CLOSED, Event(EventName.HELD), at=2.0, actor="test")
    world.scan()
    assert reads == settled + 1
    assert CLOSED not in world.watcher.open_nights
