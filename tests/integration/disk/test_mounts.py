"""What lies on another disk, and which folder has two names: known without asking that disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from vampd.disk.machine import Mounts
from vampd.disk.reading import find_twin
from vampd.engine.nights.foreign_entries import refuse_twin
from vampd.engine.nights.night_listing import find_nights, find_strangers
from vampd.model.nights import Kind, NightId


def mounted(base: Path, home: Path, points: Iterable[tuple[str, str]]) -> Mounts:
    """Mounts as the kernel lists them: the system, and these points with their devices."""
    lines = [
        f"{number} 1 {device} / {point} rw,relatime shared:1 - xfs /dev/x rw\n"
        for number, (point, device) in enumerate([("/", "8:1"), *points])
    ]
    (base / "mountinfo").write_text("".join(lines))
    return Mounts(home, base / "mountinfo")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_the_way_to_a_path_ends_at_the_first_disk_that_is_not_homes(home: Path) -> None:
    base = home.parent
    (home / "a" / "b").mkdir(parents=True)
    (home / "plain").symlink_to("a/b")
    (home / "there").symlink_to(base / "nas" / "x" / ".." / "y")
    (home / "up").symlink_to("../nas")
    (home / "twice").symlink_to("there/z")
    (home / "circle").symlink_to("circle")
    (home / "a" / "own disk").mkdir()
    own = str(home / "a" / "own disk")
    points = [(str(base), "8:2"), (str(base / "nas"), "0:9"), (own.replace(" ", r"\040"), "8:3")]
    mounts = mounted(base, home, points)
    nas = str(base / "nas")
    found = {name: mounts.crossed(home / name) for name in ("a/b", "plain/c", "circle", "none")}
    assert set(found.values()) == {None}
    assert {mounts.crossed(home / name) for name in ("there", "up/1", "twice")} == {nas}
    assert mounts.crossed(home / "a" / "own disk" / "x") == own
    # Home is on the nearest of the disks around it.
    assert [mounts.device(point) for point in (None, nas, own)] == ["8:2", "0:9", "8:3"]


def test_home_need_not_lie_on_a_listed_mount(home: Path) -> None:
    # As in a folder that a process has been confined to (chroot).
    (home.parent / "mountinfo").write_text("41 1 0:9 / /nas rw - nfs4 host:/x rw\n")
    mounts = Mounts(home, home.parent / "mountinfo")
    (home / "there").symlink_to("/nas")
    assert mounts.crossed(home / "there") == "/nas"
    assert mounts.device(mounts.crossed(home / "here")) not in (None, mounts.device("/nas"))


def test_a_twin_is_found_and_no_disk_is_asked_that_is_not_ones_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = home.parent
    for name in ("own", "other", "silent", "twin's"):
        (home / name).mkdir()
    (base / "nas").mkdir()
    (home / "link").symlink_to(base / "nas")
    mounts = mounted(
        base,
        home,
        [(str(home / "silent"), "0:9"), (str(base / "nas"), "0:9"), (str(home / "twin's"), "8:1")],
    )
    asked: list[Path] = []
    really = os.stat

    def stat(path: Path) -> os.stat_result:
        asked.append(path)
        # As if it were mounted there once more.
        return really(home / "own" if path.name == "twin's" else path)

    monkeypatch.setattr(os, "stat", stat)
    own = [home / "own", home / "missing"]
    others = [home / name for name in ("silent", "link", "other")]
    assert find_twin(home, own, others, mounts) is None
    assert {path.name for path in asked} == {"own", "missing", "other"}
    asked.clear()
    assert find_twin(home, own, [*others, home / "twin's"], mounts) == (own[0], home / "twin's")


def test_nights_are_named_and_no_disk_is_asked_that_is_not_the_roots(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "20251106").mkdir()
    (home / "20251107").symlink_to("/proc/none")
    (home / "20251108").symlink_to("20251106")
    (home / "20251109").symlink_to("/etc/hosts")
    asked: list[str] = []
    really = os.stat

    def stat(path: Path) -> os.stat_result:
        asked.append(path.name)
        return really(path)

    monkeypatch.setattr(os, "stat", stat)
    # A link to another disk may be a night: who looks at it is told.
    assert [night.date for night in find_nights(home)] == ["20251106", "20251107", "20251108"]
    assert [stranger.path.name for stranger in find_strangers(home)] == ["20251109"]
    assert set(asked) == {"20251108", "20251109"}


def test_archive_nights_on_a_disk_of_their_own_are_not_asked_for_an_engineering_night(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "20251106").mkdir()
    (home / "20251107").mkdir()
    (home / "ARCHIVED_DATA").symlink_to("/proc")
    listed: list[Path] = []
    really = os.scandir

    def scandir(path: Path) -> Any:
        listed.append(path)
        return really(path)

    monkeypatch.setattr(os, "scandir", scandir)
    refuse_twin(home, NightId("20251106", Kind.ENGINEERING))
    assert set(listed) == {home}
    # There its own twins are.
    refuse_twin(home, NightId("20251106", Kind.ARCHIVE))
    assert home / "ARCHIVED_DATA" in listed
