"""A packer that slept past its ttl names nothing, whatever became of its night meanwhile.

It sleeps at any moment from when it has read its framelist until just before a name is given, and
holds no lock that another host sees. Its order was carried out by another, and is named no more.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.tools.packing import FRAMELIST, prepare
from vampd.disk import leased
from vampd.disk.durable import atomic
from vampd.disk.leased import LeasePace, write_lease
from vampd.disk.pace import SteadyPace
from vampd.disk.shared import Unmetered
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
    unseen = SimpleNamespace(flock=lambda *_: None, LOCK_EX=fcntl.LOCK_EX)
    monkeypatch.setattr(worker, "fcntl", unseen)


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
