"""Archive hosts of every kind with a look behind them, for the tests of one contract."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_archive import FakeArchive
from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.tools.sshd import HOST, Sshd
from vampd.adapters.archive import open_archive_host
from vampd.config import Transfer
from vampd.model.nights import Kind, NightId
from vampd.ports import MarkedHost

NIGHT = NightId("20251106", Kind.ENGINEERING)


class Site(Protocol):
    """An archive host and a person who works on it."""

    @property
    def host(self) -> MarkedHost: ...

    def put(self, path: str, file: FakeFile) -> None: ...

    def get(self, path: str) -> FakeFile | None: ...

    def take_away(self) -> None: ...


class MemorySite:
    """The fake."""

    def __init__(self) -> None:
        self.host = FakeArchive()

    def put(self, path: str, file: FakeFile) -> None:
        self.host.trees.setdefault(NIGHT.date, {})[path] = file

    def get(self, path: str) -> FakeFile | None:
        return self.host.trees.get(NIGHT.date, {}).get(path)

    def take_away(self) -> None:
        self.host.reachable = False


class FolderSite:
    """A real folder behind a real adapter."""

    def __init__(self, folder: Path, transfer: Transfer) -> None:
        self.folder = folder
        self.host = open_archive_host(transfer, NIGHT.kind)

    def put(self, path: str, file: FakeFile) -> None:
        write_file(self.folder / NIGHT.date, path, file)

    def get(self, path: str) -> FakeFile | None:
        there = self.folder / NIGHT.date / path
        if not there.exists():
            return None
        return FakeFile(there.read_bytes(), there.stat().st_mtime_ns)

    def take_away(self) -> None:
        self.folder.rename(self.folder.with_name("taken away"))


def local_transfer(folder: Path, **others: object) -> Transfer:
    """Settings for a destination on this machine."""
    return _transfer(str(folder), **others)


def ssh_transfer(folder: Path, ssh: Sequence[str], **others: object) -> Transfer:
    """Settings for a destination behind these words of ssh."""
    return _transfer(f"{HOST}:{folder}", ssh=tuple(ssh), **others)


def ssh_beside(base: Path) -> str:
    """The path of an ssh that leads to this machine itself, without a connection."""
    program = base / "ssh-beside"
    # vampd's own commands have -- before the host, rsync's have none.
    program.write_text('#!/bin/sh\ntest "$1" = -- && shift\nshift\nexec sh -c "$*"\n')
    program.chmod(0o755)
    return str(program)


def make_site(kind: str, folder: Path, sshd: Sshd) -> Site:
    """A site of a kind: memory, local or ssh."""
    if kind == "memory":
        return MemorySite()
    folder.mkdir()
    transfer = local_transfer(folder) if kind == "local" else ssh_transfer(folder, sshd.ssh)
    return FolderSite(folder, transfer)


def write_file(folder: Path, path: str, file: FakeFile) -> None:
    """A real file with the content and mtime of one in memory."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(file.content)
    os.utime(folder / path, ns=(file.mtime_ns, file.mtime_ns))


def _transfer(destination: str, **others: object) -> Transfer:
    tables = {"archive": {"destination": destination}, "engineering": {"destination": destination}}
    return make_settings(transfer={**tables, "timeout_s": 20, **others}).transfer
