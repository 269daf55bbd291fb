"""vampctl doctor proves a destination: what would stop a transfer, stops its probe."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.sshd import HOST
from vampd.adapters.archive import probe as archive_probe
from vampd.adapters.archive.scripts import PROBE_PREFIX
from vampd.cli.checks.archive import examine_archives
from vampd.cli.shared.finding import BAD, OK, Finding
from vampd.config import Settings
from vampd.model.nights import ARCHIVE_FOLDER, Kind


def settings_for(base: Path, destination: str, **transfer: object) -> Settings:
    kinds = {"engineering": {"destination": destination}, "archive": {"destination": str(base)}}
    return make_settings(base / "fuuu", transfer={**kinds, "timeout_s": 20, **transfer})


def found_at(settings: Settings) -> dict[str, Finding]:
    """The findings of the engineering destination."""
    return {
        found.check.removeprefix("engineering "): found
        for found in examine_archives(settings)
        if isinstance(found, Finding) and found.check.startswith("engineering ")
    }


def assert_probe_fails(settings: Settings, *shown: str) -> None:
    probe = found_at(settings)["probe"]
    assert probe.state == BAD, probe
    for words in shown:
        assert words in probe.found


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    subprocess.run(["mount", *options, folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("way", ["local", "ssh"])
def test_a_good_destination_is_proven_and_stays_as_it_was(disk, sshd, tmp_path, way):
    destination = str(disk) if way == "local" else f"{HOST}:{disk}"
    found = found_at(settings_for(tmp_path, destination, ssh=sshd.ssh))
    assert [one for one in found.values() if one.state == BAD] == []
    assert "was sent to" in found["probe"].found
    assert list(disk.iterdir()) == []
    if way == "ssh":
        assert "rsync" in found["programs"].found
        assert found["clock"].state == OK


def test_a_destination_that_is_read_only_is_found(disk, tmp_path):
    with mounted(disk, "-t", "tmpfs", "-o", "ro", "vampd-test"):
        assert_probe_fails(settings_for(tmp_path, str(disk)), "mounted read-only")


def test_a_destination_without_inodes_is_found(disk, tmp_path, tool):
    image = tmp_path / "small.img"
    with image.open("wb") as file:
        file.truncate(2 << 20)
    subprocess.run([tool("mke2fs"), "-q", "-t", "ext4", "-N", "16", image], check=True)
    with mounted(disk, "-o", "loop", str(image)):
        for number in range(16):
            try:
                (disk / str(number)).touch()
            except OSError:
                break
        assert_probe_fails(settings_for(tmp_path, str(disk)), "no inodes")


def test_a_destination_of_another_user_is_found_with_names(disk, sshd, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may log in as another user")
    # Not the folder of everybody's temporary files, in which they lie.
    for folder in takewhile(lambda each: not each.stat().st_mode & stat.S_ISVTX, disk.parents):
        folder.chmod(0o755)
    disk.chmod(0o755)
    keys = Path(sshd.ssh[sshd.ssh.index("-i") + 1]).parent
    authorized = keys / "authorized_keys"
    before = authorized.read_text()
    words = "setpriv --reuid=65534 --regid=65534 --clear-groups sh -c"
    authorized.write_text(f'command="{words} \\"$SSH_ORIGINAL_COMMAND\\"" {before}')
    try:
        settings = settings_for(tmp_path, f"{HOST}:{disk}", ssh=sshd.ssh)
        assert_probe_fails(settings, "permission is denied: nobody may not write", "owner root")
    finally:
        authorized.write_text(before)


@pytest.mark.parametrize("missing", ["rsync", "sha256sum"])
def test_a_missing_program_is_found(disk, tmp_path, tool, missing):
    programs = tmp_path / "programs"
    programs.mkdir()
    names = {"bash", "sh", "find", "stat", "sync", "dd", "rm", "ln", "head", "date", "id"}
    for name in (names | {"rsync", "sha256sum"}) - {missing}:
        (programs / name).symlink_to(tool(name))
    ssh = tmp_path / "ssh-to-a-bare-host"
    # As ssh does: rsync passes host and command as words, vampd a command as one.
    ssh.write_text(f'#!/bin/sh\nshift; shift; PATH={programs} exec {tool("sh")} -c "$*"\n')
    ssh.chmod(0o755)
    settings = settings_for(tmp_path, f"{HOST}:{disk}", ssh=[str(ssh)])
    found = found_at(settings)
    assert found["programs"].state == BAD
    assert f"missing on {HOST}: {missing}" in found["programs"].found
    assert found["probe"].state == BAD
    assert list(disk.iterdir()) == []


def test_a_login_that_prints_is_found(disk, tmp_path, tool):
    ssh = tmp_path / "ssh-to-a-talking-host"
    ssh.write_text('#!/bin/sh\necho Welcome to sc6l\nshift; test "$1" = -- && shift\n'
                   'case "$1" in 127*) shift;; esac; exec sh -c "$*"\n')  # fmt: skip
    ssh.chmod(0o755)
    found = found_at(settings_for(tmp_path, f"{HOST}:{disk}", ssh=[str(ssh)]))
    assert found["login"].state == BAD
    assert "'Welcome to sc6l'" in found["login"].found
    assert found["probe"].state == BAD


@pytest.mark.parametrize("folder", ["", ARCHIVE_FOLDER])
def test_the_nights_own_folder_is_no_destination_by_any_name(sshd, tmp_path, folder):
    settings = settings_for(tmp_path, f"{HOST}:{tmp_path / 'another name'}", ssh=sshd.ssh)
    here = settings.watch.root / folder
    here.mkdir(parents=True, exist_ok=True)
    (tmp_path / "another name").symlink_to(here)
    assert_probe_fails(settings, "holds the nights themselves")
    assert not list(here.glob(f"{PROBE_PREFIX}*"))


def test_what_a_killed_probe_left_is_recognized_and_removed(disk, tmp_path, monkeypatch):
    monkeypatch.setattr(archive_probe, "_remove", lambda *_: None)
    archive_probe.probe_destination(settings_for(tmp_path, str(disk)).transfer, Kind.ENGINEERING)
    monkeypatch.undo()
    (left,) = disk.iterdir()
    pid = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True, check=True)
    dead = left.rename(left.with_name(left.name.replace(str(os.getpid()), pid.stdout.strip())))
    (theirs := disk / f"{PROBE_PREFIX}another-host-1-0123abcd").mkdir()
    transfer = settings_for(tmp_path, str(disk)).transfer
    assert archive_probe.remove_old_probes(transfer, Kind.ENGINEERING) == (theirs.name, dead.name)
    assert [path.name for path in disk.iterdir()] == [theirs.name]
