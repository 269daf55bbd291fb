"""How many workers are busy at once, and what the machine says to it."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.daemon.running import wait_until
from tests.support.fakes.paces import SteeredPace
from vampd.disk.machine import available_memory_bytes, count_cores
from vampd.disk.pace import SteadyPace
from vampd.engine import workers as workers_module
from vampd.engine.workers import WorkerPool
from vampd.errors import ClaimLost, ConfigError, WorkerLost

GB = 10**9


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the machine has left, to be changed by the test; and short waits."""
    left = [64 * GB]
    monkeypatch.setattr(workers_module, "available_memory_bytes", lambda: left[0])
    monkeypatch.setattr(workers_module, "_LOOK_S", 0.02)
    return left


@pytest.fixture
def workers() -> Iterator[WorkerPool]:
    made = WorkerPool(4, 60)
    yield made
    made.close()


def _most_at_once(workers: WorkerPool, actions: int, expected: int) -> int:
    """How many of so many actions were ever in their places together; all wait for ``expected``."""
    inside, most = 0, 0
    changed = threading.Condition()

    def act() -> None:
        nonlocal inside, most
        with workers.place(SteadyPace()):
            with changed:
                inside += 1
                most = max(most, inside)
                changed.notify_all()
                changed.wait_for(lambda: most >= expected, 20)
            time.sleep(0.05)  # for one more, who must not come
            with changed:
                inside -= 1

    threads = [threading.Thread(target=act) for _ in range(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    return most


def test_with_memory_all_workers_are_busy_and_without_it_one_after_the_other(
    workers: WorkerPool, memory: list[int]
) -> None:
    assert _most_at_once(workers, 12, 4) == 4
    memory[0] = 0
    assert _most_at_once(workers, 4, 1) == 1
    memory[0] = 64 * GB
    assert _most_at_once(workers, 12, 4) == 4


def test_one_who_waits_for_memory_begins_when_it_comes_and_ends_when_stopped(
    workers: WorkerPool, memory: list[int]
) -> None:
    memory[0] = 0
    pace = SteeredPace()
    begun = threading.Event()
    ended: list[str] = []

    def act(pace: SteeredPace) -> None:
        try:
            with workers.place(pace):
                begun.set()
        except ClaimLost as error:
            ended.append(error.code)

    with workers.place(SteadyPace()), capture_logs() as logs:
        waiting = threading.Thread(target=act, args=(pace,))
        waiting.start()
        assert not begun.wait(0.2)
        memory[0] = 64 * GB
        assert begun.wait(10)
        waiting.join(10)
        memory[0] = 0
        stopped = threading.Thread(target=act, args=(pace,))
        stopped.start()
        # Once each time that memory gets short, not at every look.
        wait_until(lambda: len(logs) == 2, "it is told a second time", 10)
        pace.stop()
        stopped.join(10)
    assert ended == ["stopped"]
    for shown in logs:
        assert (shown["event"], shown["log_level"]) == ("workers.limited", "warning")
        assert (shown["workers"], shown["all_workers"], shown["available_bytes"]) == (1, 4, 0)
    assert len(logs) == 2


def test_a_place_is_free_again_after_an_error(workers: WorkerPool, memory: list[int]) -> None:
    memory[0] = 0
    for _ in range(3):
        with pytest.raises(KeyError), workers.place(SteadyPace()):
            raise KeyError
    with workers.place(SteadyPace()):
        pass


def test_no_number_of_workers_means_one_a_core() -> None:
    made = WorkerPool(0, 60)
    assert made.workers == len(os.sched_getaffinity(0)) == count_cores()
    made.close()


def test_packing_gives_way_to_what_keeps_a_link_or_a_disk_at_work(workers: WorkerPool) -> None:
    assert workers.result(workers.submit(os.nice, 0), SteadyPace()) == min(19, os.nice(0) + 5)


def test_memory_is_read_from_what_the_kernel_shows(tmp_path: Path) -> None:
    assert 10**6 < available_memory_bytes() < 10**15
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  24000000 kB\nMemFree: 1 kB\nMemAvailable:   123456 kB\n")
    assert available_memory_bytes(meminfo) == 123456 * 1024
    meminfo.write_text("MemTotal:  24000000 kB\n")
    with pytest.raises(OSError, match="MemAvailable"):
        available_memory_bytes(meminfo)


def test_an_action_that_no_worker_ever_begins_is_lost(memory: list[int]) -> None:
    del memory
    workers = WorkerPool(1, 60, begin_within_s=0.1)
    nobodys: Future[None] = Future()
    try:
        with pytest.raises(WorkerLost, match="none began"):
            workers.result(nobodys, SteadyPace())
    finally:
        workers.close()
    assert nobodys.cancelled()


@pytest.mark.parametrize(
    ("where", "what", "shown"),
    [
        ("launch_process", EOFError(), "before it had work"),
        ("launch_process", ConnectionRefusedError("refused"), "its fork server died"),
        ("launch_process", BlockingIOError(errno.EAGAIN, "no more"), "can be started: .*no more"),
        ("channels", OSError(errno.ENOSPC, "No space"), "can be started: .*No space.*/dev/shm"),
        ("channels", FileNotFoundError(errno.ENOENT, "missing"), "can be started: .*missing"),
        ("launch_thread", RuntimeError("can't start new thread"), "can't start new thread"),
    ],
)
def test_a_pool_that_cannot_start_costs_one_action(
    monkeypatch: pytest.MonkeyPatch, where: str, what: Exception, shown: str
) -> None:
    workers = WorkerPool(1, 60)

    def fail(*_: object) -> None:
        raise what

    try:
        with monkeypatch.context() as failing:
            failing.setattr(f"pebble.pool.process.{where}", fail)
            for _ in range(2):
                with pytest.raises(WorkerLost, match=shown):
                    workers.submit(abs, -1)
        assert workers.result(workers.submit(abs, -1), SteadyPace()) == 1
    finally:
        workers.close()


def test_workers_have_what_their_first_action_needs_from_the_fork_server(
    workers: WorkerPool,
) -> None:
    workers.prepare()
    # A function of no module of ours, so that nothing of ours is imported to call it.
    names = workers.run(SteadyPace(), {}, eval, "sorted(__import__('sys').modules)")
    assert {"vampd.config", "vampd.stages.sync", "vampd.fits.rice.kernels"} <= set(names)


def test_a_temporary_folder_without_room_for_a_socket_is_reported_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(tempfile, "tempdir", "/" + "x" * 75)
        with pytest.raises(ConfigError, match=r"TMPDIR is /x.*shorter") as shown:
            WorkerPool(1, 60)
        assert shown.value.code == "tmpdir_too_long"
        elsewhere.setattr(tempfile, "tempdir", "/" + "x" * 74)
        WorkerPool(1, 60).close()
