"""The folder of requests is exchanged while vampd runs: said once, and nothing else is touched.

Only the owner and root can do so, and do: to move it to another disk, or by a restored backup.
"""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.worlds.hostile.request_world import World, request_world
from tests.support.worlds.hostile.three_users import STRANGER
from vampd.cli.checks.reader import examine_request_folder
from vampd.cli.shared.finding import BAD, OK, WARN
from vampd.disk.rights import claimed_folder
from vampd.model.nights import EventName


@pytest.fixture
def world() -> Iterator[World]:
    with request_world() as made:
        yield made


def put_link(folder: Path) -> None:
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir()
    (elsewhere / "thesis.tex").write_text("of years")
    folder.symlink_to(elsewhere)


def put_folder_of_another(folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, STRANGER.uid, -1)


PUT: dict[str, Callable[[Path], None]] = {
    "a link": put_link,
    "no folder": Path.touch,
    "a folder of": put_folder_of_another,
}


@pytest.mark.parametrize("found", PUT)
@pytest.mark.parametrize("place", [lambda folder: folder, claimed_folder])
def test_what_takes_the_place_of_the_folder_is_refused_and_said_once(
    world: World, found: str, place: Callable[[Path], Path]
):
    folder = place(world.folder)
    folder.rmdir()
    PUT[found](folder)
    with capture_logs() as logs:
        for _ in range(3):
            world.attend()
    (said,) = logs
    assert (said["event"], said["log_level"]) == ("requests.refused", "error")
    assert f"{folder} is {found}" in said["error"]
    assert "move it away" in said["error"]
    elsewhere = folder.with_name("elsewhere")
    assert not elsewhere.exists() or (elsewhere / "thesis.tex").read_text() == "of years"
    shown = examine_request_folder(world.folder)
    assert (shown.state, shown.found) == (BAD, said["error"])
    # The cure is what the message says, and needs no restart.
    folder.rename(folder.with_name("away"))
    with capture_logs() as logs:
        world.attend()
        world.place(world.request())
        world.attend()
    assert [log["event"] for log in logs] == ["requests.mended", "request.answered"]
    assert world.events == [EventName.HELD]
    assert examine_request_folder(world.folder).state == OK


def test_a_disk_that_is_mounted_there_is_refused_and_stops_nothing(
    world: World, tool: Callable[[str], str]
):
    subprocess.run([tool("mount"), "-t", "tmpfs", "tmpfs", world.folder], check=True)
    try:
        with capture_logs() as logs:
            for _ in range(3):
                world.attend()
        assert [log["event"] for log in logs] == ["requests.refused"]
        assert "is a file system of its own" in logs[0]["error"]
        assert examine_request_folder(world.folder).state == BAD
    finally:
        subprocess.run([tool("umount"), world.folder], check=True)
    world.attend()
    world.place(world.request())
    world.attend()
    assert world.events == [EventName.HELD]


def test_a_folder_that_is_missing_is_made_again_and_that_is_said(world: World):
    world.folder.rmdir()
    assert examine_request_folder(world.folder).state == WARN
    with capture_logs() as logs:
        for _ in range(3):
            world.attend()
    assert [log["event"] for log in logs] == ["requests.mended"]
    assert "was missing" in logs[0]["error"]
    world.place(world.request())
    world.attend()
    assert world.events == [EventName.HELD]


@pytest.mark.parametrize("mode", [0o770, 0o777, 0o1777, 0o700])
def test_a_folder_that_is_no_longer_sticky_is_mended_and_that_is_said(world: World, mode: int):
    world.folder.chmod(mode)
    shown = examine_request_folder(world.folder)
    assert shown.state == BAD
    assert "`chmod 1770 " in shown.found
    with capture_logs() as logs:
        for _ in range(3):
            world.attend()
    assert [log["event"] for log in logs] == ["requests.mended"]
    assert logs[0]["error"] == shown.found
    assert world.folder.stat().st_mode & 0o7777 & ~0o2000 == 0o1770
    assert examine_request_folder(world.folder).state == OK


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_folder_for_a_while_stops_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int
):
    def refuse(name: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        raise OSError(number, os.strerror(number))

    world.folder.rmdir()
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(os, "mkdir", refuse)
        for _ in range(3):
            world.attend()
    (said,) = logs
    assert (said["event"], os.strerror(number) in said["error"]) == ("requests.refused", True)
    world.attend()
    world.place(world.request())
    world.attend()
    assert world.events == [EventName.HELD]
