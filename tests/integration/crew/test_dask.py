"""dask.distributed as the engine: what is killed costs a try, and what is away is waited for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.crew.hosts import CrewSite, wait_for_places
from tests.support.daemon.running import PATIENCE_S, wait_until
from tests.support.tools.packing import FRAMELIST, prepare
from vampd.adapters.crew import HostCrew, Terms
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.model.crew import Packed, PackOrder

LOST_AFTER_S = 10.0


@dataclass
class Yard:
    """Hosts, the crew that they are, and an order."""

    site: CrewSite
    crew: HostCrew
    stop: Flag
    threads: ThreadPoolExecutor

    def begin(self) -> tuple[Future[Packed], Path]:
        """A new order, and where its product will be."""
        place = Path(mkdtemp(dir=self.site.root))
        _, framelist = prepare(place)
        folder = place / "20251106"
        (place / FRAMELIST).rename(folder / framelist.path)
        order = PackOrder(folder, framelist.path, "full")
        meter = SharedMeter.create(place / "meter")
        pace = SharedPace(self.site.pause, self.stop)
        begun = self.threads.submit(self.crew.pack, order, pace, meter)
        return begun, folder / framelist.packed_path

    def hold(self) -> None:
        """Pause whoever packs from now on."""
        self.site.pause.raise_()
        wait_until(self.site.tells_pause, "a pause")


def writers(product: Path) -> list[int]:
    """The processes that write it; what a killed one leaves is removed by the next attempt."""
    named = [int(path.name.split("-")[1]) for path in product.parent.glob(".vampd-*.tmp")]
    return [pid for pid in named if Path(f"/proc/{pid}").exists()]


def wait_for_writer(begun: Future[Packed], product: Path) -> int:
    """Wait for the process that writes it."""
    wait_until(lambda: begun.done() or writers(product), "a writer")
    if begun.done():
        begun.result()
    (writer,) = writers(product)
    return writer


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    site = CrewSite(tmp_path, places=1, lost_after_s=LOST_AFTER_S)
    site.start_scheduler()
    site.start_worker("w1")
    workers = WorkerPool(1, PATIENCE_S)
    stop = Flag.create(tmp_path / "stop")
    try:
        with (
            site.crew(LocalCrew(workers), Terms(0, LOST_AFTER_S, 0)) as crew,
            ThreadPoolExecutor(4) as threads,
        ):
            wait_for_places(crew, 1)
            yield Yard(site, crew, stop, threads)
            stop.raise_()
    finally:
        site.close()
        workers.close()


def test_a_host_that_is_killed_while_it_packs_costs_a_try(yard: Yard) -> None:
    yard.hold()
    begun, product = yard.begin()
    wait_for_writer(begun, product)
    yard.site.start_worker("w2")
    wait_for_places(yard.crew, 2)
    yard.site.signal("w1", signal.SIGKILL)
    yard.site.pause.lower()
    begun.result(PATIENCE_S)
    assert product.exists()


@pytest.mark.soak
def test_a_scheduler_that_is_killed_and_comes_back_costs_a_try(yard: Yard) -> None:
    yard.hold()
    begun, product = yard.begin()
    wait_for_writer(begun, product)
    yard.site.signal("scheduler", signal.SIGKILL)
    yard.site.start_scheduler()
    yard.site.pause.lower()
    begun.result(PATIENCE_S)
    assert product.exists()


@pytest.mark.soak
def test_a_host_that_was_frozen_ends_what_was_done_elsewhere_meanwhile(yard: Yard) -> None:
    yard.hold()
    begun, product = yard.begin()
    packer = wait_for_writer(begun, product)
    yard.site.start_worker("w2")
    wait_for_places(yard.crew, 2)
    # Its packer, which is not frozen, ends by the lease, and gives the lock back.
    yard.site.signal("w1", signal.SIGSTOP)
    wait_until(lambda: packer not in writers(product), "the end of its packer")
    yard.site.pause.lower()
    begun.result(PATIENCE_S)
    inode = product.stat().st_ino
    yard.site.signal("w1", signal.SIGCONT)
    assert not writers(product)
    assert product.stat().st_ino == inode
    # And it packs again.
    wait_for_places(yard.crew, 2)
    again, other = yard.begin()
    again.result(PATIENCE_S)
    assert other.exists()


def test_a_host_of_another_root_gets_no_order(yard: Yard, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    other = CrewSite(elsewhere)
    other.address = yard.site.address
    yard.site.start_worker("w2", other.configure())
    wait_until(lambda: "crew.joined" in yard.site.log_of("w2"), "another host")
    for _ in range(3):
        begun, product = yard.begin()
        begun.result(PATIENCE_S)
        assert product.exists()
    assert yard.crew.places == 1


@pytest.mark.soak
def test_a_host_that_is_stopped_gives_its_order_back(yard: Yard) -> None:
    yard.hold()
    begun, product = yard.begin()
    wait_for_writer(begun, product)
    yard.site.signal("w1", signal.SIGTERM)
    assert yard.site.processes["w1"].returncode == 0
    assert not writers(product)
    yard.site.start_worker("w2")
    yard.site.pause.lower()
    begun.result(PATIENCE_S)
    assert product.exists()
