"""dask.distributed as the engine: what is killed costs a try, and what is away is waited for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.crew.hosts import CrewSite, wait_for_places
from tests.support.daemon.running import PATIENCE_S, wait_until
from tests.support.tools.packing import FRAMELIST, prepare
from vampd.adapters.crew import (
    HostCrew,
    Terms,
    ask_hosts,
    make_authority,
    make_certificate,
    now_utc,
    read_signs,
)
from vampd.cli.checks.crew import examine_crew
from vampd.cli.shared.finding import BAD, OK
from vampd.config import load_settings
from vampd.disk.pace import Flag, SharedPace
from vampd.disk.shared import SharedMeter
from vampd.engine.packing import LocalCrew
from vampd.engine.workers import WorkerPool
from vampd.model.crew import Packed, PackOrder

# Longer than a host takes to start on a busy machine.
LOST_AFTER_S = 20.0


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


def make_certificates(folder: Path) -> None:
    """Of an authority in this folder, for any host."""
    folder.mkdir()
    make_authority(folder, now_utc())
    make_certificate(folder, "any", 1, now_utc())


@pytest.fixture
def yard(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Yard]:
    site = CrewSite(tmp_path, places=1, lost_after_s=LOST_AFTER_S)
    if getattr(request, "param", "") == "tls":
        make_certificates(tmp_path / "own")
        site.encrypt(tmp_path / "own")
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


@pytest.mark.soak
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
    wait_until(partial(yard.site.has_said, "w2", "crew.joined"), "another host")
    for _ in range(3):
        begun, product = yard.begin()
        begun.result(PATIENCE_S)
        assert product.exists()
    assert yard.crew.places == 1


@pytest.mark.soak
def test_a_host_that_is_stopped_gives_its_order_back(yard: Yard) -> None:
    yard.hold()
    begun, product = yard.begin()
    packer = wait_for_writer(begun, product)
    yard.site.start_worker("w2")
    wait_for_places(yard.crew, 2)
    yard.site.signal("w1", signal.SIGTERM)
    assert yard.site.processes["w1"].returncode == 0
    wait_until(lambda: packer not in writers(product), "the end of its packer")
    yard.site.pause.lower()
    begun.result(PATIENCE_S)
    assert product.exists()


@pytest.mark.soak
def test_a_host_answers_what_doctor_asks(yard: Yard) -> None:
    answer = ask_hosts(yard.site.root, ["w1"], PATIENCE_S)["w1"]
    assert answer.faults == ()
    assert answer.free_bytes > 0


@pytest.mark.parametrize("yard", ["tls"], indirect=True)
def test_a_crew_meets_by_its_own_certificates_and_refuses_others(
    yard: Yard, tmp_path: Path
) -> None:
    begun, product = yard.begin()
    begun.result(PATIENCE_S)
    assert product.exists()
    # A host with those of another authority, and one with none.
    make_certificates(tmp_path / "other")
    text = yard.site.configuration.read_text()
    for name, wrong in (
        ("w2", text.replace("/own/", "/other/")),
        ("w3", text.replace("tls://", "tcp://")),
    ):
        configuration = tmp_path / f"{name}.toml"
        configuration.write_text(wrong)
        yard.site.start_worker(name, configuration)
        wait_until(partial(yard.site.has_said, name, "crew.disconnected"), "a refusal")
    assert yard.crew.places == 1
    for configuration, state in (
        (tmp_path / "w2.toml", BAD),
        (yard.site.configuration, OK),
    ):
        found = {each.check: each for each in examine_crew(load_settings(configuration))}
        assert found["crew scheduler"].state == state
    # Nobody is told that they pack.
    assert {member.host for member, _ in read_signs(yard.site.root)} == {"w1"}


def test_a_second_host_of_one_name_takes_nothing_from_the_first(yard: Yard, tmp_path: Path) -> None:
    ((first, _),) = read_signs(yard.site.root)
    # Of other places, by which its sign would be known.
    configuration = tmp_path / "second.toml"
    text = yard.site.configuration.read_text()
    configuration.write_text(text.replace("workers = ", "workers = 7"))
    (tmp_path / "second").mkdir()
    second = CrewSite(tmp_path / "second", root=yard.site.root)
    try:
        second.start_worker("w1", configuration)
        wait_until(partial(second.has_said, "w1", "crew.disconnected"), "a refusal")
        assert "name taken" in (second.folder / "w1.log").read_text()
        second.signal("w1", signal.SIGTERM)
    finally:
        second.close()
    ((found, _),) = read_signs(yard.site.root)
    assert found.slots == first.slots
