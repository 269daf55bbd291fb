"""Crews: an order ends in one proven product, whoever carries it out and however often."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.crew.hosts import CrewSite, wait_for_places
from tests.support.daemon.running import PATIENCE_S, wait_until
from tests.support.tools.packing import FRAMELIST, prepare
from vampd.disk.pace import Flag, SharedPace, SteadyPace
from vampd.disk.shared import SharedMeter
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.errors import ClaimLost, DataError, WorkerLost
from vampd.fits.products import pack_cube
from vampd.model.crew import Packed, PackOrder
from vampd.model.cubes import Framelist
from vampd.ports import Crew


@dataclass(frozen=True)
class Yard:
    """A crew, the root that it packs below, and the flag by which its daemon pauses it."""

    crew: Crew
    root: Path
    pause: Flag
    # Whether the pause has reached whoever packs.
    is_paused: Callable[[], bool]


@pytest.fixture(scope="module", params=["local", "dask"])
def yard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("crew")
    workers = WorkerPool(2, PATIENCE_S)
    with ExitStack() as stack:
        stack.callback(workers.close)
        local = LocalCrew(workers)
        if request.param == "local":
            pause = Flag.create(folder / "pause")
            yield Yard(local, folder, pause, lambda: pause.is_raised)
            return
        site = CrewSite(folder)
        stack.callback(site.close)
        site.start_scheduler()
        site.start_worker("w1")
        crew = stack.enter_context(site.crew(local))
        wait_for_places(crew, 2)
        yield Yard(crew, site.root, site.pause, site.tells_pause)


@dataclass(frozen=True)
class Work:
    """A night with one framelist, its order, and what steers who carries it out."""

    crew: Crew
    framelist: Framelist
    order: PackOrder
    pause: Flag
    stop: Flag
    meter: SharedMeter

    def pack(self, order: PackOrder | None = None) -> Packed:
        pace = SharedPace(self.pause, self.stop)
        return self.crew.pack(order or self.order, pace, self.meter)

    @property
    def product(self) -> Path:
        return self.order.folder / self.framelist.packed_path

    def writers(self) -> set[int]:
        """The processes that write a product now."""
        hidden = self.product.parent.glob(".vampd-*.tmp")
        return {int(path.name.split("-")[1]) for path in hidden}


@pytest.fixture
def work(yard: Yard, tmp_path: Path) -> Iterator[Work]:
    place = Path(mkdtemp(dir=yard.root))
    _, framelist = prepare(place)
    folder = place / "20251106"
    (place / FRAMELIST).rename(folder / framelist.path)
    yard.pause.lower()
    stop, meter = Flag.create(tmp_path / "stop"), SharedMeter.create(tmp_path / "meter")
    order = PackOrder(folder, framelist.path, "full")
    yield Work(yard.crew, framelist, order, yard.pause, stop, meter)
    yard.pause.lower()
    wait_until(lambda: not yard.is_paused(), "the end of a pause")


@pytest.fixture
def held(yard: Yard, work: Work) -> Iterator[Future[Packed]]:
    """An order that is paused while its product is written; it goes on when the test ends."""
    work.pause.raise_()
    wait_until(yard.is_paused, "a pause")
    with ThreadPoolExecutor(1) as threads:
        try:
            order = threads.submit(work.pack)
            wait_until(lambda: work.writers() or order.done(), "a writer")
            yield order
        finally:
            work.stop.raise_()


def without_time(packed: Packed) -> Packed:
    return replace(packed, reading=replace(packed.reading, at=0.0))


def test_there_is_a_place(work: Work) -> None:
    assert work.crew.places >= 1


def test_the_product_is_the_one_of_its_framelist(work: Work) -> None:
    packed = work.pack()
    folder = work.order.folder
    alone = folder / "alone.fits.fz"
    pack_cube(work.framelist, folder, alone, folder / "alone.txt", "full", SteadyPace())
    assert work.product.read_bytes() == alone.read_bytes()
    assert [receipt.path for receipt in packed.receipts] == [
        work.framelist.packed_path,
        work.framelist.sidecar_path,
    ]
    status = work.product.stat()
    assert (packed.reading.file.size, packed.reading.file.mtime_ns) == (
        status.st_size,
        status.st_mtime_ns,
    )
    assert work.meter.counts[0] == work.framelist.frames


def test_an_order_twice_one_after_the_other_is_one_product(work: Work) -> None:
    first = work.pack()
    inode = work.product.stat().st_ino
    assert without_time(work.pack()) == without_time(first)
    assert work.product.stat().st_ino == inode


def test_an_order_twice_at_once_is_one_product(work: Work) -> None:
    with ThreadPoolExecutor(2) as threads:
        orders = [threads.submit(work.pack) for _ in range(2)]
        first, second = (without_time(order.result(PATIENCE_S)) for order in orders)
    assert first == second
    assert not work.writers()


def test_a_proven_product_that_is_there_is_only_read(work: Work) -> None:
    first = work.pack()
    for raw in work.framelist.sources:
        (work.order.folder / raw.path).unlink()
    again = work.pack(replace(work.order, proven=first.receipts))
    assert without_time(again) == without_time(first)


def test_what_cannot_be_made_as_it_was_proven_gets_no_name(work: Work) -> None:
    product, sidecar = work.pack().receipts
    work.product.unlink()
    with pytest.raises(DataError) as caught:
        work.pack(replace(work.order, proven=(replace(product, sha256="0" * 64), sidecar)))
    assert caught.value.code == "product_missing"
    assert not work.product.exists()


def test_an_order_without_its_framelist_is_refused(work: Work) -> None:
    (work.order.folder / work.order.framelist).unlink()
    with pytest.raises(FileNotFoundError):
        work.pack()
    assert not work.product.exists()


def test_a_framelist_that_is_none_is_named(work: Work) -> None:
    (work.order.folder / work.order.framelist).write_text("nonsense")
    with pytest.raises(DataError, match=work.order.framelist):
        work.pack()


def test_a_paused_order_names_nothing_and_goes_on(work: Work, held: Future[Packed]) -> None:
    assert not held.done()
    assert not work.product.exists()
    work.pause.lower()
    assert held.result(PATIENCE_S).reading.path == work.framelist.packed_path


def test_a_stopped_order_ends_and_names_nothing(work: Work, held: Future[Packed]) -> None:
    work.stop.raise_()
    with pytest.raises(ClaimLost) as caught:
        held.result(PATIENCE_S)
    assert caught.value.code == "stopped"
    assert not work.product.exists()
    assert not work.writers()


def test_who_is_stopped_before_there_is_a_place_does_nothing(work: Work) -> None:
    work.stop.raise_()
    with pytest.raises(ClaimLost):
        work.pack()
    assert not work.product.exists()


def test_a_worker_that_is_killed_costs_a_try(work: Work, held: Future[Packed]) -> None:
    (lost,) = work.writers()
    os.kill(lost, signal.SIGKILL)
    wait_until(lambda: work.writers() - {lost} or held.done(), "another worker")
    work.pause.lower()
    assert held.result(PATIENCE_S).reading.path == work.framelist.packed_path


def test_an_order_that_costs_every_worker_is_given_up(work: Work, held: Future[Packed]) -> None:
    killed: set[int] = set()
    while not held.done():
        for writer in work.writers() - killed:
            os.kill(writer, signal.SIGKILL)
            killed.add(writer)
    with pytest.raises(WorkerLost):
        held.result()
    assert 1 < len(killed) < 10
    assert not work.product.exists()


def test_more_orders_than_places_are_all_carried_out(work: Work) -> None:
    count = 2 * work.crew.places + 1
    with ThreadPoolExecutor(count) as threads:
        orders = [threads.submit(work.pack) for _ in range(count)]
        found = {without_time(order.result(PATIENCE_S)).receipts for order in orders}
    assert len(found) == 1
