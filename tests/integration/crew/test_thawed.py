"""A packer that slept past its ttl names nothing, whatever became of its night meanwhile.

It sleeps at any moment from when it has read its framelist until just before a name is given, and
holds no lock that another host sees. Its order was carried out by another, and is named no more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.tools.packing import FRAMELIST, prepare
from vampd.disk import leased
from vampd.disk.durable import atomic, wait_until_writers_exit
from vampd.disk.leased import LeasePace, write_lease
from vampd.disk.pace import SteadyPace
from vampd.disk.shared import Unmetered
from vampd.engine.repair.restoring import plan_own, restore_folder
from vampd.errors import ClaimLost
from vampd.fits import worker
from vampd.fits.products import packed, packing
from vampd.fits.worker import pack_framelist
from vampd.model.crew import PackOrder
from vampd.model.cubes import Framelist
from vampd.model.lease import LEASE_EVERY_S, Lease, Term

TERM = Term("0" * 16, "a" * 16, 1)
MOMENTS = (
    "atomic.temporary.made",
    "atomic.replacing.written",
    "atomic.replacing.file_synced",
    "packed.sidecar_written",
    "packed.heap_written",
    "packed.streamed",
    "packed.file_synced",
    "packed.proven",
    "atomic.creating.written",
    "atomic.creating.file_synced",
)


@dataclass(frozen=True)
class Night:
    """A night folder with one framelist in it, and its order."""

    folder: Path
    framelist: Framelist

    @property
    def order(self) -> PackOrder:
        return PackOrder(self.folder, self.framelist.path, "full")

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Inode and content of each file, without what a writer has not named yet."""
        return {
            path.name: (path.stat().st_ino, path.read_bytes())
            for path in (self.folder / "vgen2").iterdir()
            if not path.name.startswith(".vampd-")
        }

    def pack(self, pace: Any) -> None:
        meter: Any = _Uncounted()
        pack_framelist(self.order, pace, meter)


class _Uncounted(Unmetered):
    def begin(self) -> None:
        """Nobody counts."""


@pytest.fixture
def night(tmp_path: Path) -> Night:
    _, framelist = prepare(tmp_path)
    folder = tmp_path / "20251106"
    (tmp_path / FRAMELIST).rename(folder / framelist.path)
    return Night(folder, framelist)


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As between hosts of which one lost its locks to the file server while it slept."""
    unseen = SimpleNamespace(
        flock=lambda *_: None, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB
    )  # fmt: skip
    monkeypatch.setattr(worker, "fcntl", unseen)
    monkeypatch.setattr(atomic, "fcntl", unseen)


def redo_and_retire(night: Night) -> None:
    """Another host carries the order out, and the framelist of the proven product is retired."""
    night.pack(SteadyPace())
    (night.folder / night.framelist.path).unlink()


def redo_and_restore(night: Night) -> None:
    """And the night is brought back to raw."""
    redo_and_retire(night)
    for path in (night.framelist.packed_path, night.framelist.sidecar_path):
        (night.folder / path).unlink()


@pytest.mark.usefixtures("without_locks")
@pytest.mark.parametrize("meanwhile", [redo_and_retire, redo_and_restore])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_packer_that_thaws_names_nothing(
    night: Night,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    meanwhile: Callable[[Night], None],
) -> None:
    lease = Lease(TERM.token, 1, orders=frozenset({TERM.order}))
    write_lease(tmp_path / "lease", lease)
    now = [50.0]
    monkeypatch.setattr(leased, "_seconds_since_boot", lambda: now[0])
    undisturbed: list[dict[str, tuple[int, bytes]]] = []

    def sleep(name: str) -> None:
        if name == moment and not undisturbed:
            undisturbed.append({})
            meanwhile(night)
            write_lease(tmp_path / "lease", Lease(TERM.token, 2))
            now[0] += LEASE_EVERY_S
            undisturbed[0] = night.tree()

    for module in (atomic, packed, packing):
        monkeypatch.setattr(module, "failpoint", sleep)
    with pytest.raises(ClaimLost):
        night.pack(LeasePace(tmp_path / "lease", TERM))
    assert undisturbed == [night.tree()]
    assert not list((night.folder / "vgen2").glob(".*"))


def end_the_attempt(night: Night) -> None:
    """As the engine does before it says that a stage has ended."""
    wait_until_writers_exit(night.folder / "vgen2", 0.0)


def redo_and_end(night: Night) -> None:
    """Another host carries the order out, and its attempt ends."""
    redo_and_retire(night)
    end_the_attempt(night)


def give_up_and_end(night: Night) -> None:
    """Nobody carries it out again, and the attempt fails."""
    end_the_attempt(night)


def redo_and_restore_folder(night: Night) -> None:
    """Another host carries it out, and the night's folder is brought back to raw."""
    redo_and_retire(night)
    restore_folder(night.folder, plan_own(night.folder))
    # As sync makes it when the night goes on.
    (night.folder / "vgen2").mkdir()


@pytest.mark.usefixtures("without_locks")
@pytest.mark.parametrize("meanwhile", [redo_and_end, give_up_and_end, redo_and_restore_folder])
@pytest.mark.parametrize("call", ["rename", "link"])
def test_a_packer_frozen_between_its_last_look_and_its_name_gives_none(
    night: Night,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    meanwhile: Callable[[Night], None],
) -> None:
    write_lease(tmp_path / "lease", Lease(TERM.token, 1, orders=frozenset({TERM.order})))
    given = getattr(os, call)
    undisturbed: list[dict[str, tuple[int, bytes]]] = []

    def freeze(*arguments: Any, **folders: Any) -> None:
        monkeypatch.setattr(os, call, given)
        meanwhile(night)
        undisturbed.append(night.tree())
        given(*arguments, **folders)

    monkeypatch.setattr(os, call, freeze)
    with pytest.raises(FileNotFoundError):
        night.pack(LeasePace(tmp_path / "lease", TERM))
    assert undisturbed == [night.tree()]
