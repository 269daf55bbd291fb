"""A worker that is lost writes nothing more once its cube is tried again, and leaves nothing."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.builders.settings import make_settings
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import PATIENCE_S, held_worker, wait_until
from tests.support.daemon.site import make_site
from tests.support.daemon.state import product_tree, record_of
from tests.support.tools.packing import prepare
from vampd.disk.durable import names_in
from vampd.disk.pace import Flag, SharedPace, SteadyPace
from vampd.disk.shared import SharedMeter
from vampd.engine import sight
from vampd.engine.execute import AttemptTools, execute_wave
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.errors import DataError, TransientError, WorkerLost
from vampd.fits.worker import pack_framelist
from vampd.model.crew import Packed, PackOrder
from vampd.model.cubes import Framelist
from vampd.model.nights import Kind, NightId, StageName, Status
from vampd.model.plan import Action, Pack
from vampd.model.proofs import PackingReceipt, Receipt
from vampd.ports import Pace

OUR_TIME = 1_000.0


@dataclass(frozen=True)
class Packing:
    """A night folder with one framelist in it, by its path there."""

    folder: Path
    framelist: Framelist

    @property
    def product(self) -> Path:
        return self.folder / self.framelist.packed_path

    def pack(self) -> Packed:
        pace: Any = SteadyPace()
        meter = SharedMeter.create(self.folder.parent / "meter")
        return pack_framelist(PackOrder(self.folder, self.framelist.path, "full"), pace, meter)


@pytest.fixture
def packing(tmp_path: Path) -> Packing:
    _, framelist = prepare(tmp_path)
    night = tmp_path / "20251106"
    (tmp_path / "night.framelist").rename(night / framelist.path)
    return Packing(night, framelist)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """As a process does that packs this framelist, or writes this file, or is dying with it."""
    held_fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(held_fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held_fd)


def is_waited_for(path: Path) -> bool:
    """Whether the kernel has somebody wait for the lock on this file."""
    inode = f":{path.stat().st_ino} "
    waiting = [line for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(inode in line for line in waiting)


def test_nobody_packs_a_framelist_while_another_still_lives(packing: Packing) -> None:
    path = packing.folder / packing.framelist.path
    with ThreadPoolExecutor(1) as executor:
        with locked(path):
            future = executor.submit(packing.pack)
            wait_until(lambda: is_waited_for(path), "a packer that waits")
            assert not packing.product.exists()
        assert future.result(PATIENCE_S).reading.file.path == packing.framelist.packed_path
    assert packing.product.exists()


class LosingPool(WorkerPool):
    """Loses one worker after another, each after what it did last, and then packs."""

    def __init__(self, last_deeds: list[Callable[[], object]], packing: Packing) -> None:
        self.workers, self.last_deeds, self.packing = 1, last_deeds, packing
        self.lost: list[str] = []

    @contextmanager
    def place(self, pace: Pace) -> Iterator[None]:
        yield

    def submit(self, *_: object) -> Future[Any]:
        return Future()

    def result(self, *_: object) -> Any:
        if self.last_deeds:
            self.last_deeds.pop(0)()
            self.lost.append("lost")
            raise WorkerLost("worker_died", "a worker process died")
        return self.packing.pack()


@dataclass
class KeptReceipts:
    kept: list[Receipt] = field(default_factory=list)
    recorded: list[PackingReceipt] = field(default_factory=list)

    def keep(self, _: NightId, receipts: list[Receipt]) -> None:
        assert self.recorded, "a reading before its receipt"
        self.kept += receipts

    def record(self, _: NightId, receipts: tuple[PackingReceipt, ...], *, at: float) -> None:
        assert at > 0
        self.recorded += receipts


def execute_pack(packing: Packing, pool: LosingPool) -> KeptReceipts:
    nothing: Any = None
    receipts: Any = KeptReceipts()
    flags = packing.folder.parent
    pace = SharedPace(Flag.create(flags / "pause"), Flag.create(flags / "stop"))
    tools = AttemptTools(
        night=NightId("20251106", Kind.ENGINEERING),
        actor="vampd",
        folder=packing.folder,
        settings=make_settings(packing.folder.parent),
        reader=nothing,
        cubes=nothing,
        receipts=receipts,
        packing_receipts=receipts,
        changed_raw=nothing,
        ledger=nothing,
        authority=nothing,
        archive_host=nothing,
        lanes=nothing,
        workers=pool,
        crew=LocalCrew(pool),
        pace=pace,
        mail=nothing,
        low_space=nothing,
        clock=lambda: OUR_TIME,
    )
    framelist = packing.framelist
    pack = Pack(framelist.path, framelist.packed_path, framelist.frames, 1)
    execute_wave(tools, (pack,), progress=Unheard())
    return cast("KeptReceipts", receipts)


class Unheard:
    def done(self, action: Action) -> None:
        """No one asks."""

    def look(self) -> None:
        """No one asks."""


def nothing_done() -> None:
    """The last deed of a worker that did not get far."""


def test_a_product_that_the_lost_worker_had_named_is_packed_again_and_compared(
    packing: Packing,
) -> None:
    shown: list[Packed] = []
    pool = LosingPool([nothing_done, lambda: shown.append(packing.pack())], packing)
    receipts = execute_pack(packing, pool)
    assert len(pool.lost) == 2
    assert [(each.file, each.sha256) for each in receipts.kept] == [
        (shown[0].reading.file, shown[0].reading.sha256)
    ]
    assert tuple(receipts.recorded) == shown[0].receipts


def test_a_product_that_stands_before_any_worker_is_no_truth(packing: Packing) -> None:
    packing.product.write_text("theirs")
    with pytest.raises(DataError) as caught:
        execute_pack(packing, LosingPool([], packing))
    assert caught.value.code == "product_damaged"
    assert packing.product.read_text() == "theirs"
    assert not [path for path in packing.product.parent.iterdir() if path.name.startswith(".")]


def test_a_cube_that_loses_every_worker_is_given_up(packing: Packing) -> None:
    pool = LosingPool([nothing_done] * 10, packing)
    with pytest.raises(WorkerLost):
        execute_pack(packing, pool)
    assert len(pool.lost) == 3


def test_a_reading_has_the_time_of_who_keeps_it(packing: Packing) -> None:
    (kept,) = execute_pack(packing, LosingPool([], packing)).kept
    assert kept.at == OUR_TIME


def test_nothing_is_recorded_of_a_product_that_is_not_seen_here(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "SEEN_WITHIN_S", 0.0)
    shown = packing.pack()
    packing.product.unlink()
    recorded: list[object] = []
    monkeypatch.setattr(KeptReceipts, "record", lambda *_, **__: recorded.append(_))
    pool = LosingPool([], packing)
    monkeypatch.setattr(pool, "result", lambda *_: shown)
    with pytest.raises(TransientError) as caught:
        execute_pack(packing, pool)
    assert caught.value.code == "product_unseen"
    assert not recorded


def test_a_wave_ends_when_its_products_are_listed(
    packing: Packing, monkeypatch: pytest.MonkeyPatch
) -> None:
    listings = [0, 0, 1]
    seen = []

    def names_late(folder: Path) -> list[str]:
        seen.append(folder)
        return names_in(folder) if listings.pop(0) else []

    monkeypatch.setattr(sight, "names_in", names_late)
    execute_pack(packing, LosingPool([], packing))
    assert seen == [packing.product.parent] * 3


def test_a_stage_ends_only_after_its_last_writer(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    products = site.folder(night) / "vgen2"
    with held_worker(site, "--until-idle") as (daemon, gate, worker):
        (temporary,) = products.glob(f".vampd-{worker}-*.tmp")
        os.kill(worker, signal.SIGKILL)
        # The kernel gives us the lock when the worker is dead; we play on as if it were not yet.
        with locked(temporary):
            gate.open()
            wait_until(lambda: not list(products.glob("*.framelist")), "all packed")
            record = record_of(site, night)
            assert (record.state.stage, record.state.status) == (StageName.FPACK, Status.RUNNING)
        assert daemon.process.wait(PATIENCE_S) == 0
    assert record_of(site, night).state.status is Status.DONE
    assert not [name for name in product_tree(site.folder(night)) if "/." in f"/{name}"]
