"""Framelists of one wave: each durable before it has its name, all names durable before they count.

The order of effects is recorded at the system calls themselves.
"""

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.raw_cubes import raw_timing, write_raw_cube
from tests.support.fakes.progress import HeardProgress
from tests.support.worlds.sites.sync_site import SyncSite
from vampd.engine.execute import execute_wave
from vampd.model.cubes import SUFFIX
from vampd.model.nights import Stream
from vampd.model.plan import Action, WriteFramelist

_CUBES = 5


def _site(tmp_path: Path) -> SyncSite:
    site = SyncSite(tmp_path)
    for number in range(_CUBES):
        timing = raw_timing(4, first_us=1_762_424_400_000_000 + number * 60_000_000)
        write_raw_cube(site.folder, Stream.VCAM1, timing=timing, changes={"EXTTRIG": False})
    site.execute(site.plan().waves[0])  # the generation
    return site


def test_one_sync_of_the_folder_serves_all_names_of_a_wave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _site(tmp_path)
    wave = site.plan().waves[0]
    assert len(wave) == _CUBES
    assert all(isinstance(action, WriteFramelist) for action in wave)
    events: list[tuple[str, str]] = []
    lock = threading.Lock()
    sync, rename = os.fsync, os.rename

    def record(what: str, name: str) -> None:
        with lock:
            events.append((what, name))

    def recorded_sync(descriptor: int) -> None:
        sync(descriptor)
        record("synced", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)

    def recorded_rename(old: str, new: str, **folders: int) -> None:
        record("renamed", old)
        rename(old, new, **folders)

    def done(action: Action) -> None:
        assert isinstance(action, WriteFramelist)
        record("done", action.product.name)

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "rename", recorded_rename)
    execute_wave(site.tools(), wave, HeardProgress(done))
    renamed = [name for what, name in events if what == "renamed"]
    assert len(set(renamed)) == _CUBES
    for name in renamed:
        assert events.index(("synced", name)) < events.index(("renamed", name))
    assert events.count(("synced", "vgen2")) == 1
    folder = events.index(("synced", "vgen2"))
    assert all(what != "renamed" for what, _ in events[folder:])
    assert [what for what, _ in events[folder + 1 :]] == ["done"] * _CUBES


def test_in_a_long_wave_no_name_counts_before_a_sync_of_the_folder_that_came_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _site(tmp_path)
    wave = site.plan().waves[0]
    monkeypatch.setattr("vampd.engine.execute._NAMES_TOGETHER", 2)
    renamed, synced, durable, done = [0], [0], [0], list[int]()
    lock = threading.Lock()
    sync, rename = os.fsync, os.rename

    def counted_sync(descriptor: int) -> None:
        before = renamed[0]
        sync(descriptor)
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).name == "vgen2":
            durable[0] = before
            synced[0] += 1

    def counted_rename(old: str, new: str, **folders: int) -> None:
        rename(old, new, **folders)
        with lock:
            renamed[0] += 1

    monkeypatch.setattr(os, "fsync", counted_sync)
    monkeypatch.setattr(os, "rename", counted_rename)
    execute_wave(site.tools(), wave, HeardProgress(lambda _: done.append(durable[0])))
    assert all(count <= names for count, names in enumerate(done, start=1))
    assert synced[0] == 3  # of two, two and one


def test_of_a_long_wave_few_actions_wait_in_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _site(tmp_path)
    wave = site.plan().waves[0] * 10
    waiting, most, lock = [0], [0], threading.Lock()
    submit = ThreadPoolExecutor.submit

    def counted(threads: ThreadPoolExecutor, *call: Any) -> Future[None]:
        with lock:
            waiting[0] += 1
            most[0] = max(waiting)
        future: Future[None] = submit(threads, *call)
        future.add_done_callback(lambda _: leave())
        return future

    def leave() -> None:
        with lock:
            waiting[0] -= 1

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counted)
    execute_wave(site.tools(), wave, HeardProgress())
    assert most[0] <= 2 * 4 + 1


def test_a_framelist_that_cannot_be_made_keeps_no_other_from_its_end(tmp_path: Path) -> None:
    site = _site(tmp_path)
    wave = site.plan().waves[0]
    broken = sorted((site.folder / "vcam1").glob("*.txt"))[2]
    broken.write_bytes(b"")
    shown: list[Action] = []
    with pytest.raises(Exception, match="has changed since sync"):
        execute_wave(site.tools(), wave, HeardProgress(shown.append))
    assert len(shown) == _CUBES - 1
    assert len(list((site.folder / "vgen2").glob(f"*{SUFFIX}"))) == _CUBES - 1
    assert not list((site.folder / "vgen2").glob(".*"))
