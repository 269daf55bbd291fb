"""Packing a framelist twice is no error, one after the other or at once: one product, one proof."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.daemon.running import PATIENCE_S, wait_until
from tests.support.tools.packing import prepare
from vampd.disk.durable import atomic, replacing
from vampd.disk.pace import Flag, SharedPace, SteadyPace
from vampd.disk.shared import SharedMeter, Unmetered
from vampd.engine.workers import WorkerPool
from vampd.errors import DataError
from vampd.fits import worker
from vampd.fits.products import packed, read_product_cards
from vampd.fits.worker import pack_framelist
from vampd.model.crew import Packed, PackOrder
from vampd.model.cubes import Framelist, format_framelist, render_card, render_string


@dataclass(frozen=True)
class Night:
    """A night folder with one framelist in it."""

    folder: Path
    framelist: Framelist

    @property
    def product(self) -> Path:
        return self.folder / self.framelist.packed_path

    @property
    def sidecar(self) -> Path:
        return self.folder / self.framelist.sidecar_path

    @property
    def path(self) -> Path:
        return self.folder / self.framelist.path

    @property
    def order(self) -> PackOrder:
        return PackOrder(self.folder, self.framelist.path, "full")

    def pack(self) -> Packed:
        pace: Any = SteadyPace()
        meter: Any = _Uncounted()
        return pack_framelist(self.order, pace, meter)

    def names(self) -> set[str]:
        return {path.name for path in self.product.parent.iterdir()}


class _Uncounted(Unmetered):
    def begin(self) -> None:
        """Nobody counts."""


@pytest.fixture
def night(tmp_path: Path) -> Night:
    _, framelist = prepare(tmp_path)
    folder = tmp_path / "20251106"
    (tmp_path / "night.framelist").rename(folder / framelist.path)
    return Night(folder, framelist)


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As between hosts whose file system keeps the locks of each to itself."""

    unseen = SimpleNamespace(flock=lambda *_: None, LOCK_EX=fcntl.LOCK_EX)
    monkeypatch.setattr(worker, "fcntl", unseen)


def proof_of(packed: Packed) -> object:
    """What a receipt says, without the moment of its reading."""
    return packed.receipts, replace(packed.reading, at=0.0)


def meeting(at: str) -> Callable[[str], None]:
    """A failpoint where the first two threads wait for each other."""
    beside, left = threading.Barrier(2), [None, None]

    def hit(name: str) -> None:
        if name == at and left:
            left.pop()
            beside.wait(PATIENCE_S)

    return hit


def is_waited_for(file_fd: int) -> bool:
    """Whether the kernel has somebody wait for the lock on this file."""
    inode = f":{os.fstat(file_fd).st_ino} "
    waiting = [line for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(inode in line for line in waiting)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    made = WorkerPool(2, PATIENCE_S)
    yield made
    made.close()


def test_an_order_that_is_carried_out_again_ends_in_the_same_receipts(night: Night) -> None:
    first = night.pack()
    inode = night.product.stat().st_ino
    assert proof_of(night.pack()) == proof_of(first)
    assert night.product.stat().st_ino == inode


def test_two_processes_with_one_order_make_one_product(
    night: Night, pool: WorkerPool, tmp_path: Path
) -> None:
    pace = SharedPace(Flag.create(tmp_path / "pause"), Flag.create(tmp_path / "stop"))
    orders = [
        pool.submit(
            pack_framelist,
            night.order,
            pace,
            SharedMeter.create(tmp_path / f"meter{number}"),
        )
        for number in range(2)
    ]
    first, second = (pool.result(order, pace) for order in orders)
    assert proof_of(first) == proof_of(second)
    assert night.names() == {night.product.name, night.sidecar.name, night.path.name}


@pytest.mark.usefixtures("without_locks")
def test_where_no_lock_reaches_two_workers_make_one_product_too(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both have looked, and neither has named it.
    monkeypatch.setattr(packed, "failpoint", meeting("packed.proven"))
    with ThreadPoolExecutor(2) as threads:
        orders = [threads.submit(night.pack) for _ in range(2)]
        first, second = (order.result(PATIENCE_S) for order in orders)
    assert proof_of(first) == proof_of(second)
    assert night.names() == {night.product.name, night.sidecar.name, night.path.name}


@pytest.mark.usefixtures("without_locks")
def test_two_workers_complete_one_lost_sidecar(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = night.pack()
    night.sidecar.unlink()
    monkeypatch.setattr(atomic, "failpoint", meeting("atomic.creating.file_synced"))
    with ThreadPoolExecutor(2) as threads:
        orders = [threads.submit(night.pack) for _ in range(2)]
        found = [proof_of(order.result(PATIENCE_S)) for order in orders]
    assert found == [proof_of(first)] * 2
    assert night.sidecar.is_file()


@pytest.mark.usefixtures("without_locks")
def test_another_product_that_came_first_stays(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    def come_first(name: str) -> None:
        if name == "packed.proven" and not night.product.exists():
            night.product.write_text("theirs")

    monkeypatch.setattr(packed, "failpoint", come_first)
    with pytest.raises(DataError) as caught:
        night.pack()
    assert caught.value.code == "product_damaged"
    assert night.product.read_text() == "theirs"


def test_what_is_no_file_has_the_name_for_itself(night: Night) -> None:
    night.product.symlink_to("nowhere")
    with pytest.raises(DataError) as caught:
        night.pack()
    assert caught.value.code == "already_exists"
    assert night.product.is_symlink()


def held_back(night: Night, then: Callable[[], object]) -> Packed:
    """Packed by a worker that had to wait for its framelist, after what was done meanwhile."""
    with ThreadPoolExecutor(1) as threads:
        with night.path.open("r+b") as framelist:
            fcntl.flock(framelist, fcntl.LOCK_EX)
            order = threads.submit(night.pack)
            wait_until(lambda: is_waited_for(framelist.fileno()), "a worker that waits")
            then()
        return order.result(PATIENCE_S)


def test_a_framelist_that_was_retired_meanwhile_is_not_packed(night: Night) -> None:
    with pytest.raises(FileNotFoundError):
        held_back(night, night.path.unlink)
    assert night.names() == set()


def test_a_framelist_that_was_replaced_meanwhile_is_packed_as_it_is_now(night: Night) -> None:
    cards = night.framelist.cards.replaced([render_card("OBJECT", render_string("later"), "")])
    edited = replace(night.framelist, cards=cards)

    def edit() -> None:
        with replacing(night.path) as file:
            file.write(format_framelist(edited).encode())

    held_back(night, edit)
    assert read_product_cards(night.product).string("OBJECT") == "later"
