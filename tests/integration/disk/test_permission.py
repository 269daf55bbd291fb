"""Access rights say what may be removed, before anything is tried."""

import array
import fcntl
import os
from pathlib import Path

import pytest

from vampd.disk.rights import Obstacle, find_obstacles, permission


def obstacles(folder: Path) -> list[Obstacle]:
    return list(find_obstacles(sorted(folder.iterdir()), [folder]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    for name in ("one", "two"):
        (made / name).touch()
    (made / "link").symlink_to("nowhere")
    return made


def test_what_may_be_removed_has_no_obstacle_and_what_is_gone_neither(folder: Path) -> None:
    assert obstacles(folder) == []
    assert list(find_obstacles([folder / "gone"], [])) == []


def test_a_closed_folder_is_named_once_and_not_with_each_of_its_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def refuse(path: Path, mode: int, **how: bool) -> bool:
        asked.append((path, mode, how))
        return False

    monkeypatch.setattr(os, "access", refuse)
    (found,) = obstacles(folder)
    assert found.path == folder
    assert asked == [(folder, os.R_OK | os.W_OK | os.X_OK, {"effective_ids": True})]


@pytest.mark.parametrize("flag", [0x10, 0x20])
def test_an_immutable_or_append_only_file_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, flag: int
) -> None:
    marked = (folder / "two").stat().st_ino

    def tell_flags(file_fd: int, _: int, flags: "array.array[int]") -> int:
        flags[0] = flag if os.fstat(file_fd).st_ino == marked else 0
        return 0

    monkeypatch.setattr(fcntl, "ioctl", tell_flags)
    (found,) = obstacles(folder)
    assert found.path == folder / "two"
    marked = folder.stat().st_ino
    (found,) = obstacles(folder)
    assert found.path == folder


@pytest.mark.parametrize(
    ("uid", "capabilities", "stays"), [(77, 0, True), (77, 1 << 3, False), (None, 0, False)]
)
def test_in_a_sticky_folder_only_owners_and_those_with_the_capability_remove(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    uid: int | None,
    capabilities: int,
    stays: bool,
) -> None:
    folder.chmod(0o1777)
    monkeypatch.setattr(permission, "_capabilities", lambda: capabilities)
    if uid is not None:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert len(obstacles(folder)) == (3 if stays else 0)
