"""What is written on this machine: into the folder that was walked to, and behind no link."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.archive_sites import (
    NIGHT,
    local_transfer,
    ssh_beside,
    ssh_transfer,
    write_file,
)
from tests.support.worlds.hostile.three_users import MEMBER, OWNER, User
from tests.support.worlds.hostile.unprivileged import made_open_folder
from vampd.adapters.archive import open_archive_host
from vampd.disk.durable import remove_leftovers
from vampd.disk.pace import SteadyPace
from vampd.errors import DataError, VampdError
from vampd.model.plan import Compare

PACE = SteadyPace()
FILES = ("SHA256SUMS", "vgen2/a.fits.fz", "vbad/vcam1/x.fits")


def _swapping(base: Path, folder: Path, elsewhere: Path) -> Path:
    """An rsync in whose first moment a folder becomes a link; what was opened has another name."""
    program = base / "rsync"
    program.write_text(
        f"#!/bin/bash\n"
        f'if test "$1" != --help && test ! -e "{folder}.was"; then\n'
        f'\tmv "{folder}" "{folder}.was" && ln -s "{elsewhere}" "{folder}"\nfi\n'
        f'exec {shutil.which("rsync")} "$@"\n'
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("path", FILES)
def test_rsync_writes_into_no_folder_that_was_exchanged_for_a_link(
    tmp_path: Path, path: str
) -> None:
    there, back = (tmp_path / name / NIGHT.date for name in ("archive", "back"))
    # Where a copy is fetched from, set-aside files lie in their stream.
    write_file(there, path.removeprefix("vbad/"), FakeFile(b"own"))
    folder = (back / path).parent
    folder.mkdir(parents=True)
    (tmp_path / "private").mkdir()
    program = _swapping(tmp_path, folder, tmp_path / "private")
    transfer = ssh_transfer(tmp_path / "archive", [ssh_beside(tmp_path)], rsync=str(program))
    host = open_archive_host(transfer, NIGHT.kind)
    host.fetch(NIGHT, back, (path,), Compare.CHECKSUM, PACE)
    assert folder.is_symlink()
    assert os.listdir(tmp_path / "private") == []
    assert Path(f"{folder}.was", path.rpartition("/")[2]).read_bytes() == b"own"


@dataclass
class SwappingPace:
    """At the nth check, a folder becomes a link; what was opened has another name."""

    folder: Path
    elsewhere: Path
    left: int
    paused = stopped = False

    def check(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.folder.rename(f"{self.folder}.was")
            self.folder.symlink_to(self.elsewhere)


# Before a file is begun, while it is written, and when the next one is.
@pytest.mark.parametrize("check", [1, 2, 3])
@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("written", ["archive", "back"])
def test_a_copy_here_is_written_into_no_folder_that_was_exchanged_for_a_link(
    tmp_path: Path, written: str, path: str, check: int
) -> None:
    here, there, back = (tmp_path / name / NIGHT.date for name in ("here", "archive", "back"))
    paths = (path, f"{path}.2")
    for each in paths:
        write_file(here, each, FakeFile(b"own"))
        if written == "back":
            write_file(there, each.removeprefix("vbad/"), FakeFile(b"own"))
    folder = (tmp_path / written / NIGHT.date / path).parent
    folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / "private").mkdir()
    pace = SwappingPace(folder, tmp_path / "private", check)
    host = open_archive_host(local_transfer(tmp_path / "archive"), NIGHT.kind)
    copy, ours = (host.send, here) if written == "archive" else (host.fetch, back)
    with pytest.raises(DataError, match="is a link"):
        copy(NIGHT, ours, paths, Compare.CHECKSUM, pace)
    assert folder.is_symlink()
    assert os.listdir(tmp_path / "private") == []


@pytest.mark.parametrize("place", ["", "vgen2", "vbad", "vbad/vcam1"])
def test_a_link_at_a_local_destination_is_not_written_behind(tmp_path: Path, place: str) -> None:
    here, there = (tmp_path / name / NIGHT.date for name in ("here", "archive"))
    for path in FILES:
        write_file(here, path, FakeFile(path.encode()))
    (tmp_path / "private").mkdir()
    (there / place).parent.mkdir(parents=True, exist_ok=True)
    (there / place).symlink_to(tmp_path / "private")
    host = open_archive_host(local_transfer(tmp_path / "archive"), NIGHT.kind)
    with pytest.raises(VampdError, match="is a link"):
        host.send(NIGHT, here, FILES, Compare.CHECKSUM, PACE)
    assert os.listdir(tmp_path / "private") == []


@pytest.mark.parametrize("place", ["", "vgen2"])
def test_a_file_where_a_folder_belongs_is_named(tmp_path: Path, place: str) -> None:
    here, there = (tmp_path / name / NIGHT.date for name in ("here", "archive"))
    for path in FILES:
        write_file(here, path, FakeFile(path.encode()))
    (there / place).parent.mkdir(parents=True, exist_ok=True)
    (there / place).write_bytes(b"")
    host = open_archive_host(local_transfer(tmp_path / "archive"), NIGHT.kind)
    with pytest.raises(DataError, match=str(there / place)) as caught:
        host.send(NIGHT, here, FILES, Compare.CHECKSUM, PACE)
    assert caught.value.code == "not_a_file"


def test_the_configured_destination_itself_may_lie_behind_a_link(tmp_path: Path) -> None:
    here, disk = tmp_path / "here" / NIGHT.date, tmp_path / "disk"
    for path in FILES:
        write_file(here, path, FakeFile(path.encode()))
    disk.mkdir()
    (tmp_path / "archive").symlink_to(disk)
    host = open_archive_host(local_transfer(tmp_path / "archive"), NIGHT.kind)
    host.send(NIGHT, here, FILES, Compare.CHECKSUM, PACE)
    assert sorted(host.files(NIGHT)) == sorted(FILES)


@pytest.mark.parametrize("user", [MEMBER, OWNER])
def test_a_lock_of_another_user_on_a_leftover_holds_nothing_up(user: User) -> None:
    with made_open_folder() as folder:
        leftover = folder / ".vampd-1-0123456789abcdef.tmp"
        leftover.touch()
        OWNER.own(folder, 0o755)
        OWNER.own(leftover, 0o644)
        locking = ["flock", "--shared", str(leftover), "sh", "-c", "echo locked; cat"]
        as_user = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gids[0]}", "--clear-groups"]
        with subprocess.Popen(
            [*as_user, *locking], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            removed = OWNER.does(lambda: remove_leftovers(folder))
            holder.communicate()
        assert removed == ((leftover.name,) if user is MEMBER else ())
