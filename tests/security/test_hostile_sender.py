"""What an archive host sends comes under the names that were asked for, as plain files, or not."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.examples import others_in_soak
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer, write_file
from vampd.adapters.archive import open_archive_host
from vampd.disk.pace import SteadyPace
from vampd.errors import TransientError
from vampd.model.plan import Compare

ASKED = "a.fits.fz"
FILE, LINK, FOLDER = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755
DEVICE, PIPE, SOCKET = (kind | 0o666 for kind in (stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK))
ENTRIES = {
    "a name that leads out": (FILE, "../evil"),
    "a link under the name": (LINK, ASKED),
    "a folder under the name": (FOLDER, ASKED),
    "one through a folder": (FILE, "vgen2/../../evil"),
    "one from the top": (FILE, "/{tmp}/evil"),
    "one that nobody asked for": (FILE, "evil"),
    "a hidden one of vampd's": (FILE, ".vampd/id"),
    "the folder itself": (stat.S_IFDIR | 0o777, "."),
    "the folder above": (FOLDER, ".."),
    "a device under the name": (DEVICE, ASKED),
    "a character device": (stat.S_IFCHR | 0o666, ASKED),
    "a pipe under the name": (PIPE, ASKED),
    "a socket under the name": (SOCKET, ASKED),
    "no kind at all": (0o644, ASKED),
}


def everything(base: Path) -> dict[str, int]:
    """Each path below, with its mode."""
    return {str(path.relative_to(base)): path.lstat().st_mode for path in base.rglob("*")}


@pytest.mark.parametrize("sent", others_in_soak(ENTRIES, few=3))
def test_what_nobody_asked_for_is_not_received(tmp_path: Path, sent: str) -> None:
    mode, name = ENTRIES[sent]
    entry = f"{mode:o}:{name.format(tmp=tmp_path)}"
    ssh = tmp_path / "ssh"
    program = f"tests.support.worlds.hostile.hostile_rsync '{entry}'"
    ssh.write_text(f'#!/bin/sh\ncd {ROOT}; exec {sys.executable} -m {program} "$@"\n')
    ssh.chmod(0o755)
    here = tmp_path / "here" / NIGHT.date
    (here / "vgen2").mkdir(parents=True)
    before = everything(tmp_path)
    host = open_archive_host(ssh_transfer(tmp_path / "disk", [str(ssh)]), NIGHT.kind)
    with pytest.raises(TransientError):
        host.fetch(NIGHT, here, [f"vgen2/{ASKED}"], Compare.SIZE_AND_TIME, SteadyPace())
    after = everything(tmp_path)
    assert {path: after[path] for path in before} == before
    assert after.keys() == before.keys()


def test_a_mode_that_a_host_sends_is_none_that_gives_rights(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(
        '#!/bin/sh\nwhile [ "$1" != 127.0.0.1 ]; do shift; done; shift; exec sh -c "$*"\n'
    )
    ssh.chmod(0o755)
    disk, here = tmp_path / "disk", tmp_path / "here" / NIGHT.date
    write_file(disk / NIGHT.date, f"vgen2/{ASKED}", FakeFile(b"own"))
    (disk / NIGHT.date / "vgen2" / ASKED).chmod(0o7777)
    here.mkdir(parents=True)
    host = open_archive_host(ssh_transfer(disk, [str(ssh)]), NIGHT.kind)
    host.fetch(NIGHT, here, [f"vgen2/{ASKED}"], Compare.SIZE_AND_TIME, SteadyPace())
    got = (here / "vgen2" / ASKED).stat().st_mode
    assert stat.S_ISREG(got)
    assert not got & (0o7000 | stat.S_IWGRP | stat.S_IWOTH)
