"""Temporary folders go with their makers, also with those that are killed."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from vampd.disk.temporary import temporary_folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_folder_is_its_owners_alone_and_goes_with_all_in_it(place: Path) -> None:
    with temporary_folder("vampd-x-") as made:
        assert made.parent == place.resolve()
        assert made.stat().st_mode & 0o777 == 0o700
        (made / "0").mkdir()
        (made / "0" / "link").symlink_to(place)
    assert list(place.iterdir()) == []


def test_what_a_killed_maker_left_goes_with_the_next_one(place: Path) -> None:
    left, others = place / "vampd-x-dead", place / "vampd-y-dead"
    for folder in (left, others):
        (folder / "0").mkdir(parents=True)
        (folder / "0" / "link").symlink_to("/proc/self/fd/0")
    with temporary_folder("vampd-x-"):
        assert not left.exists()
    assert list(place.iterdir()) == [others]


def test_the_folder_of_a_living_maker_stays(place: Path) -> None:
    with temporary_folder("vampd-x-") as first, temporary_folder("vampd-x-") as second:
        assert first != second
        assert {first, second} == set(place.resolve().iterdir())


def test_what_is_no_folder_of_ours_stays(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "vampd-x-file").touch()
    (place / "vampd-x-link").symlink_to(place)
    (place / "vampd-x-theirs").mkdir()
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    with temporary_folder("vampd-x-"):
        pass
    assert len(list(place.iterdir())) == 3


def test_one_that_was_taken_for_abandoned_before_it_was_locked_is_made_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, removed = fcntl.flock, list[Path]()

    def lock_late(folder_fd: int, how: int) -> None:
        if not removed:
            removed.append(Path(os.readlink(f"/proc/self/fd/{folder_fd}")))
            removed[0].rmdir()
        lock(folder_fd, how)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with temporary_folder("vampd-x-") as made:
        assert made.is_dir()
        assert made != removed[0]
    assert list(place.iterdir()) == []
