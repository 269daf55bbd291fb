"""File system events hasten a scan; whatever fails there leaves the periodic one."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from watchdog.observers.inotify_c import (
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import log_of, running, wait_until
from tests.support.daemon.site import Site
from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.unprivileged import NOBODY
from tests.support.worlds.sites.busy_site import wait_for_event
from vampd.daemon import watch as watch_module
from vampd.daemon.watch import FolderWatch
from vampd.engine.nights.night_listing import list_night
from vampd.model.nights import Kind

# Follows two folders of this many under a limit, twice; says its threads, watches and warnings.
SCRIPT = """
import os, resource, sys, threading
from pathlib import Path
from structlog.testing import capture_logs
from vampd.daemon.watch import FolderWatch
from tests.integration.daemon.test_hints import watched
root, uid = Path(sys.argv[1]), int(sys.argv[2])
folders = sorted(root.iterdir())
if uid:
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    os.setresuid(uid, uid, uid)
watch = FolderWatch(lambda: None)
with capture_logs() as logs:
    for _ in range(3):
        watch.follow(folders)
print(threading.active_count(), watched(), *(f"{log['event']} {log['error']}" for log in logs))
watch.close()
"""


def watched() -> int:
    """How many folders this process watches, as the kernel knows."""
    count = 0
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            count += info.read_text().count("inotify wd:")
        except FileNotFoundError:  # of the listing itself
            continue
    return count


def instances() -> int:
    links = [fd.name for fd in Path("/proc/self/fd").iterdir()]
    return sum(
        os.path.lexists(path) and os.readlink(path) == "anon_inode:inotify"
        for path in (f"/proc/self/fd/{name}" for name in links)
    )


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


@pytest.fixture
def watch(woken: threading.Event) -> Iterator[FolderWatch]:
    made = FolderWatch(woken.set)
    yield made
    made.close()


def make_folders(root: Path, count: int) -> list[Path]:
    folders = [root / f"{number:05}" for number in range(count)]
    for folder in folders:
        folder.mkdir()
    return folders


def test_thousands_of_nights_are_watched_by_one_thread_and_a_bounded_number_of_watches(
    tmp_path: Path, watch: FolderWatch, woken: threading.Event
) -> None:
    threads, before, were_watched = {*threading.enumerate()}, instances(), watched()
    folders = make_folders(tmp_path, 600)
    with capture_logs() as logs:
        watch.follow([*folders, *(tmp_path / f"gone-{number}" for number in range(14_400))])
    # A thread of an earlier test may end meanwhile.
    assert (len({*threading.enumerate()} - threads), instances() - before) == (1, 1)
    assert watched() - were_watched == watch_module.MOST_WATCHES
    assert not logs
    # The first ones are the ones that matter.
    (folders[0] / "file").touch()
    assert woken.wait(10)
    watch.follow(folders[:2])
    assert watched() - were_watched == 2


@pytest.mark.soak
def test_twenty_thousand_files_in_a_stream_take_one_watch_and_are_all_listed(
    tmp_path: Path, watch: FolderWatch, woken: threading.Event
) -> None:
    stream = tmp_path / "20251106" / "vcam1"
    stream.mkdir(parents=True)
    before = watched()
    with capture_logs() as logs:
        watch.follow([stream])
        # More than the kernel queues while nobody reads (max_queued_events).
        for number in range(20_000):
            (stream / f"{number}.fits").touch()
        assert woken.wait(10)
    assert (watched() - before, logs) == (1, [])
    assert len(list_night(stream.parent).files) == 20_000


@pytest.mark.soak
def test_more_events_than_the_kernel_keeps_are_a_hint_and_no_trouble(site: Site) -> None:
    stream = site.root / "20251101" / "vcam1"
    stream.mkdir(parents=True)
    with running(site) as daemon:
        wait_for_event(site, "night.discovered")
        daemon.signal(signal.SIGSTOP)
        # Two events each, and max_queued_events is 16,384.
        for number in range(20_000):
            (stream / f"{number}.tmp").touch()
        daemon.signal(signal.SIGCONT)
        make_smallest(site.root, "20251106", Kind.ENGINEERING)
        wait_for_event(site, "night.settled")
        assert daemon.stop() == 0
    assert not log_of(site).named("watch.refused")
    assert not log_of(site).named("scan.failed")


def test_a_folder_that_takes_the_place_of_another_is_watched(
    tmp_path: Path, watch: FolderWatch, woken: threading.Event
) -> None:
    (folder,) = make_folders(tmp_path, 1)
    for leave in (lambda: folder.rename(tmp_path / "away"), folder.rmdir):
        watch.follow([folder])
        woken.clear()
        leave()
        assert woken.wait(10)
        folder.mkdir()
    woken.clear()
    watch.follow([folder])
    (folder / "file").touch()
    assert woken.wait(10)


def test_what_lay_in_a_folder_that_was_moved_away_is_watched_where_it_is_made_again(
    tmp_path: Path, watch: FolderWatch, woken: threading.Event
) -> None:
    night = tmp_path / "20251106"
    stream = night / "vcam1"
    stream.mkdir(parents=True)
    watch.follow([night, stream])
    night.rename(tmp_path / "away")
    assert woken.wait(10)
    stream.mkdir(parents=True)
    watch.follow([night, stream])
    woken.clear()
    (stream / "file").touch()
    assert woken.wait(10)
    # One touch is several events.
    while woken.wait(0.2):
        woken.clear()
    (tmp_path / "away" / "vcam1" / "file").touch()
    assert not woken.wait(0.2)


def test_where_watches_are_short_the_first_folders_have_them(
    tmp_path: Path, watch: FolderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = InotifyFD.add_callback

    def add_two(inotify: InotifyFD, *arguments: Any) -> WatchDescriptor:
        if len(inotify._watch_for_wd) >= 2:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return add(inotify, *arguments)

    monkeypatch.setattr(InotifyFD, "add_callback", add_two)
    folders = make_folders(tmp_path, 4)
    with capture_logs() as logs:
        watch.follow(folders[2:])
        watch.follow([folders[0], *folders[2:]])
        assert set(watch._watches) == {folders[0], folders[2]}
        watch.follow(folders)
    assert set(watch._watches) == {*folders[:2]}
    assert [log["event"] for log in logs] == ["watch.refused"]


def test_an_instance_that_cannot_be_used_is_given_back(
    tmp_path: Path, watch: FolderWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    before = len(os.listdir("/proc/self/fd"))
    with monkeypatch.context() as failing:
        failing.setattr("os.pipe", fail)
        watch.follow(make_folders(tmp_path, 1))
    assert len(os.listdir("/proc/self/fd")) == before


def test_two_names_of_one_folder_are_watched_as_one(tmp_path: Path, watch: FolderWatch) -> None:
    (folder,) = make_folders(tmp_path, 1)
    name = tmp_path / "name"
    name.symlink_to(folder)
    with capture_logs() as logs:
        watch.follow([folder, name])
        watch.follow([name])
    assert not logs


def test_lost_events_are_a_hint_too(tmp_path: Path, woken: threading.Event) -> None:
    inotify = watch_module._Inotify(woken.set)
    overflow = Mask(InotifyConstants.IN_Q_OVERFLOW)
    inotify.handle_event(InotifyEvent(WatchDescriptor(-1), overflow, 0, b""))
    assert woken.is_set()
    inotify._is_reading = False
    inotify.close()


def test_a_thread_that_failed_is_reported_once_and_replaced_later(
    tmp_path: Path, woken: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 0.0
    watch = FolderWatch(woken.set, monotonic=lambda: now_s)
    (folder,) = make_folders(tmp_path, 1)

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk of inotify")

    with capture_logs() as logs:
        with monkeypatch.context() as failing:
            failing.setattr("watchdog.observers.inotify_c.InotifyFD.read_events", fail)
            watch.follow([folder])
            wait_until(lambda: not watch._inotify or watch._inotify.failure, "it failed", 10)
        for _ in range(3):
            watch.follow([folder])
        assert watched() == 0
        now_s = watch_module._AGAIN_S
        watch.follow([folder])
    assert [log["event"] for log in logs] == ["watch.refused"]
    (folder / "file").touch()
    assert woken.wait(10)
    watch.close()


@pytest.mark.parametrize(
    ("limits", "uid", "threads", "watches", "cure"),
    others_in_soak(
        [
            ("max_inotify_watches=2", 0, 2, 2, "fs.inotify.max_user_watches"),
            ("", NOBODY, 1, 0, "TasksMax="),
            ("max_inotify_instances=0", 0, 1, 0, "fs.inotify.max_user_instances"),
            ("max_inotify_watches=0", 0, 2, 0, "fs.inotify.max_user_watches"),
        ],
        few=2,
    ),
    ids=["two watches", "no thread", "no instance", "no watch"],
)
def test_a_limit_of_the_system_leaves_the_periodic_scan_with_one_warning(
    tmp_path: Path, limits: str, uid: int, threads: int, watches: int, cure: str
) -> None:
    make_folders(tmp_path, 5)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(uid)]
    if limits:
        name, _, value = limits.partition("=")
        # A user namespace has limits of its own: nobody else's change.
        shell = f'echo {value} > /proc/sys/user/{name} && exec "$@"'
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", shell, "sh", *command]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.stdout.startswith(f"{threads} {watches} watch.refused "), shown.stderr
    assert shown.stdout.count("watch.refused") == 1
    assert cure in shown.stdout
