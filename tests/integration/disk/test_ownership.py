"""Modes of vampd's own files: what is closed, and what is left alone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from vampd.disk.rights import close_to_others, public_umask, reserve_writing

OPEN, CLOSED = 0o664, 0o640


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def an_open_file(path: Path) -> Path:
    path.touch()
    path.chmod(OPEN)
    return path


def test_a_file_of_the_state_is_closed_and_one_that_is_missing_is_no_error(tmp_path: Path) -> None:
    path = an_open_file(tmp_path / "vampd.db")
    close_to_others(path)
    assert mode_of(path) == CLOSED
    close_to_others(tmp_path / "none")


@pytest.mark.parametrize("way", [Path.hardlink_to, Path.symlink_to])
def test_a_file_under_a_second_name_or_behind_a_link_keeps_its_mode(tmp_path: Path, way) -> None:
    target = an_open_file(tmp_path / "another's")
    way(tmp_path / "vampd.db", target)
    close_to_others(tmp_path / "vampd.db")
    assert mode_of(target) == OPEN


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vampd.db", 0o660)
    (tmp_path / "vampd.db").chmod(OPEN)
    close_to_others(tmp_path / "vampd.db")
    assert mode_of(tmp_path / "vampd.db") == OPEN


def test_the_right_to_write_goes_from_group_and_others_and_through_no_link(tmp_path: Path) -> None:
    path = an_open_file(tmp_path / "file")
    for mode in (0o664, 0o646, 0o666):
        path.chmod(mode)
        reserve_writing(path)
        assert mode_of(path) == 0o644
    path.chmod(OPEN)
    (tmp_path / "link").symlink_to(path)
    reserve_writing(tmp_path / "link")
    assert mode_of(path) == OPEN


def test_the_umask_of_whoever_started_vampd_comes_back(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with suppress(FileExistsError), public_umask():
            (tmp_path / "public").mkdir()
            (tmp_path / "public").mkdir()
        (tmp_path / "private").mkdir()
    finally:
        os.umask(before)
    assert (mode_of(tmp_path / "public"), mode_of(tmp_path / "private")) == (0o755, 0o700)
