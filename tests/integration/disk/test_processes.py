"""Locks, pace and failpoints: what holds between real processes."""

import errno
import fcntl
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from vampd.disk import pace
from vampd.disk.lock import Lock
from vampd.disk.pace import Flag, SharedPace
from vampd.errors import ClaimLost, StateError


def _run(program: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """A Python program in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


# --- locks

_HOLD = """
import sys, time
from contextlib import suppress
from pathlib import Path
from vampd.disk.lock import Lock
with Lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_claimant_learns_who_holds_the_lock_until_that_one_dies(tmp_path: Path) -> None:
    path = tmp_path / "night.lock"
    with _run(_HOLD, str(path)) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StateError) as caught:
            Lock(path).acquire()
        assert caught.value.code == "locked"
        assert f"pid {holder.pid} on {os.uname().nodename} since 2" in caught.value.message
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with Lock(path) as lock:
            assert lock.is_held
            assert path.read_text().startswith(f"pid {os.getpid()} ")


def test_a_lock_excludes_within_one_process_and_can_be_taken_again(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    for _ in range(2):
        with lock:
            with pytest.raises(StateError):
                Lock(lock.path).acquire()
            assert lock.is_held
        assert not lock.is_held
        assert lock.path.read_text() == ""


def test_a_lock_does_not_outlive_its_holder_in_programs_that_it_started(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with lock, subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        lock.release()
        Lock(lock.path).acquire()
        child.kill()


@pytest.mark.parametrize("call", ["fstat", "ftruncate", "pwrite"])
def test_a_disk_that_refuses_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "night.lock"
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with suppress(OSError), Lock(path):
            pass
    with Lock(path):
        pass


def test_a_removed_lock_file_does_not_let_two_in(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    with lock:
        lock.path.unlink()
        other = Lock(lock.path)
        other.acquire()  # a new file: nothing tells of the first
        with pytest.raises(StateError):
            Lock(lock.path).acquire()
        other.release()


def test_a_lock_file_that_goes_before_it_is_locked_does_not_let_two_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner, really_lock = Lock(tmp_path / "lock"), fcntl.flock

    def lock(file_fd: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", really_lock)
        winner.path.unlink()
        winner.acquire()
        really_lock(file_fd, operation)

    monkeypatch.setattr(fcntl, "flock", lock)
    with pytest.raises(StateError) as caught:
        Lock(winner.path).acquire()
    assert caught.value.code == "locked"
    winner.release()


# --- pace


def _count_until_stopped(pace: SharedPace, counter: object) -> None:
    try:
        while True:
            pace.check()
            counter.value += 1  # type: ignore[attr-defined]
            time.sleep(0.001)
    except ClaimLost:
        counter.value = -1  # type: ignore[attr-defined]


def test_a_worker_process_pauses_goes_on_and_stops_as_the_flags_say(tmp_path: Path) -> None:
    pause, stop = Flag.create(tmp_path / "pause"), Flag.create(tmp_path / "stop")
    spawn = multiprocessing.get_context("spawn")
    counter = spawn.Value("q", 0)
    worker = spawn.Process(target=_count_until_stopped, args=(SharedPace(pause, stop), counter))
    worker.start()
    try:
        _wait_until(lambda: counter.value > 3)
        pause.raise_()
        time.sleep(0.3)
        standing = counter.value
        time.sleep(0.3)
        assert counter.value == standing
        pause.lower()
        _wait_until(lambda: counter.value > standing)
        pause.raise_()
        stop.raise_()  # a paused worker stops too
        worker.join(10)
        assert counter.value == -1
    finally:
        worker.kill()
        worker.join()


def _wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_work_whose_flags_are_gone_stops(tmp_path: Path) -> None:
    pace = SharedPace(Flag.create(tmp_path / "pause"), Flag(tmp_path / "never made"))
    assert pace.stopped
    assert not pace.paused
    with pytest.raises(ClaimLost):
        pace.check()


def test_making_a_flag_again_lowers_it_for_those_who_see_it(tmp_path: Path) -> None:
    flag = Flag.create(tmp_path / "flag")
    flag.raise_()
    seen = pickle.loads(pickle.dumps(flag))
    assert seen.is_raised
    Flag.create(tmp_path / "flag")
    assert not seen.is_raised
    assert not flag.is_raised


def test_a_paused_thread_uses_next_to_no_processor(tmp_path: Path) -> None:
    pause, stop = Flag.create(tmp_path / "pause"), Flag.create(tmp_path / "stop")
    pause.raise_()
    before = time.process_time()
    thread = threading.Timer(0.5, pause.lower)
    thread.start()
    SharedPace(pause, stop).check()
    thread.join()
    assert time.process_time() - before < 0.2


def test_a_pause_of_a_minute_is_looked_at_each_other_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, stop = Flag.create(tmp_path / "pause"), Flag.create(tmp_path / "stop")
    pause.raise_()
    slept: list[float] = []

    def sleep(for_s: float) -> None:
        slept.append(for_s)
        if sum(slept) >= 60:
            pause.lower()

    monkeypatch.setattr(pace, "time", SimpleNamespace(sleep=sleep))
    SharedPace(pause, stop).check()
    assert len(slept) < 40
    assert max(slept) <= 2.0  # that it ends is seen soon, measured by how long a pause lasts
    assert sum(slept[:4]) < 1.0  # and at once where it was short


# --- failpoints

_PASS_FAILPOINTS = """
from vampd.disk.failpoint import failpoint
for name in ("a.b", "a.c", "a.b", "a.b"):
    failpoint(name)
print("survived")
"""


@pytest.mark.parametrize(
    ("wanted", "survives", "hits"),
    [
        ("", True, ["a.b#1", "a.c#1", "a.b#2", "a.b#3"]),
        ("a.b", False, ["a.b#1"]),
        ("a.c", False, ["a.b#1", "a.c#1"]),
        ("a.b#2", False, ["a.b#1", "a.c#1", "a.b#2"]),
        ("a.b#4", True, ["a.b#1", "a.c#1", "a.b#2", "a.b#3"]),
        ("a", True, ["a.b#1", "a.c#1", "a.b#2", "a.b#3"]),
    ],
)
def test_a_failpoint_kills_at_its_hit_and_the_log_shows_the_sequence(
    tmp_path: Path, wanted: str, survives: bool, hits: list[str]
) -> None:
    log = tmp_path / "log"
    with _run(_PASS_FAILPOINTS, VAMPD_FAILPOINT=wanted, VAMPD_FAILPOINT_LOG=str(log)) as process:
        output, _ = process.communicate()
    assert process.returncode == (0 if survives else -signal.SIGKILL)
    assert output == ("survived\n" if survives else "")
    assert log.read_text().splitlines() == hits


_WITH_CHILD = """
import subprocess, sys
from vampd.disk.failpoint import failpoint
child = subprocess.Popen(["sleep", "60"])
print(child.pid, flush=True)
failpoint("a.b")
"""


def _runs(pid: str) -> bool:
    try:
        status = Path("/proc", pid, "stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(") ")[2][0] != "Z"


def test_a_failpoint_takes_the_whole_process_group_with_it() -> None:
    with _run(_WITH_CHILD, VAMPD_FAILPOINT="a.b") as process:
        output, _ = process.communicate(timeout=30)
    child = Path("/proc", output.strip(), "stat")
    _wait_until(
        lambda: not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"
    )


def test_a_gate_holds_whoever_comes_by_until_it_is_opened(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with gate.open("w") as shut:
        fcntl.flock(shut, fcntl.LOCK_EX)
        with _run(_PASS_FAILPOINTS, VAMPD_FAILPOINT_GATE=f"a.c@{gate}") as process:
            _wait_until(gate.read_text)
            assert gate.read_text() == f"{process.pid}\n"
            assert process.poll() is None
            fcntl.flock(shut, fcntl.LOCK_UN)
            assert process.communicate(timeout=30)[0] == "survived\n"


def test_a_gate_whose_keeper_is_gone_is_open(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with _run(_PASS_FAILPOINTS, VAMPD_FAILPOINT_GATE=f"a.b@{gate}") as process:
        assert process.communicate(timeout=30)[0] == "survived\n"
    assert gate.read_text() == f"{process.pid}\n" * 3


def test_failpoints_cost_an_empty_call_when_nobody_asks_for_them() -> None:
    with _run("from vampd.disk import failpoint as f; print(f.failpoint is f._pass_by)") as process:
        assert process.communicate()[0] == "True\n"


def test_no_flag_is_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x")
    (tmp_path / "flag").symlink_to("elsewhere")
    with pytest.raises(OSError, match=r".") as caught:
        Flag.create(tmp_path / "flag")
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "elsewhere").read_bytes() == b"x"
