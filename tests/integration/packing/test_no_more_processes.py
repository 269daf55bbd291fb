"""Where the service may have no more processes, that is said: who never worked did not die."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.examples import others_in_soak
from vampd.disk.machine import processes_left

# No other process is this user's, nor of those next to it, so that none counts.
LONE = 4519
# OpenBLAS ends a process where it gets no threads by SIGINT. A shell that starts the tests in the
# background lets all of them ignore that, and the fork server would go on to compile.
SCRIPT = """
import os, resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from vampd.disk.pace import SteadyPace
from vampd.engine.workers import WorkerPool
from vampd.errors import WorkerLost
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NPROC, (most, 1000))
os.setresgid(*3 * [int(sys.argv[2])])
os.setresuid(*3 * [int(sys.argv[2])])
try:
    print("done", WorkerPool(2, 60, 5).run(SteadyPace(), {}, abs, -1), flush=True)
except WorkerLost as error:
    print(error.code, error.message, flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("most", others_in_soak([3, 1, 6, 8, 5, 7, 9, 10], few=2))
def test_a_limit_of_processes_is_named_and_no_worker_died(most: int) -> None:
    with tempfile.TemporaryDirectory(prefix="vampd-") as home:
        os.chmod(home, 0o777)
        environ = {**os.environ, "TMPDIR": home, "NUMBA_CACHE_DIR": home}
        command = [sys.executable, "-c", SCRIPT, str(most), str(LONE + most)]
        shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    (said,) = (line for line in shown.stdout.splitlines() if line.startswith(("worker_", "done")))
    # Those that are enough for one worker may be enough.
    if not said.startswith("done"):
        assert said.startswith("worker_not_started ")
        assert "no more processes" in said or "how many processes" in said
        assert "TasksMax=" in said


# As many of the user's processes as are left alone meanwhile.
AGAIN = """
import os, resource, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from vampd.disk.pace import SteadyPace
from vampd.engine.workers import WorkerPool
from vampd.errors import WorkerLost
resource.setrlimit(resource.RLIMIT_NPROC, (20, 20))
os.setresgid(*3 * [int(sys.argv[2])])
os.setresuid(*3 * [int(sys.argv[2])])
others = [subprocess.Popen(["sleep", "600"]) for _ in range(int(sys.argv[1]))]
pool = WorkerPool(2, 60, 5)
try:
    print("done", pool.run(SteadyPace(), {}, abs, -1), flush=True)
except WorkerLost as error:
    print(error.code, flush=True)
for other in others:
    other.kill()
    other.wait()
print("then", pool.run(SteadyPace(), {}, abs, -1), flush=True)
os._exit(0)
"""


@pytest.mark.soak
@pytest.mark.parametrize("others", [16, 14, 12, 10])
def test_work_goes_on_once_there_are_processes_again(others: int) -> None:
    with tempfile.TemporaryDirectory(prefix="vampd-") as home:
        os.chmod(home, 0o777)
        environ = {**os.environ, "TMPDIR": home, "NUMBA_CACHE_DIR": home}
        # Each a user of its own: the tests may run beside each other.
        command = [sys.executable, "-c", AGAIN, str(others), str(LONE + others)]
        shown = subprocess.run(
            command, env=environ, capture_output=True, text=True, check=False, timeout=200
        )
    said = [line for line in shown.stdout.splitlines() if line.startswith(("worker_", "done"))]
    assert said == ["worker_not_started" if others > 10 else "done 1"], shown.stderr
    assert "then 1" in shown.stdout.splitlines(), shown.stderr


def make_process(proc: Path, number: int, threads: int) -> None:
    (proc / str(number)).mkdir(parents=True)
    (proc / str(number) / "status").write_text(f"Name:\tx\nThreads:\t{threads}\n")


@pytest.mark.parametrize(
    ("limit", "tasks_max", "left"),
    [(10, None, 3), (10, 9, 3), (10, 5, 1), (6, None, 0), (-1, 5, 1), (-1, None, None)],
)
def test_what_is_left_is_the_least_of_the_limits_that_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, tasks_max: int, left: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(os, "getuid", lambda: 4519)
    proc, group = tmp_path / "proc", tmp_path / "cgroup" / "a" / "b"
    group.mkdir(parents=True)
    for number, threads in ((11, 5), (12, 2)):
        make_process(proc, number, threads)
        os.chown(proc / str(number), LONE, -1)
    make_process(proc, 13, 99)
    (proc / "self").mkdir()
    (proc / "self" / "cgroup").write_text("0::/a/b\n")
    (group / "pids.max").write_text("max\n")
    (group / "pids.current").write_text("1\n")
    if tasks_max is not None:
        (group.parent / "pids.max").write_text(f"{tasks_max}\n")
        (group.parent / "pids.current").write_text("4\n")
        left = min(left, tasks_max - 4) if limit >= 0 else tasks_max - 4
    assert processes_left(proc, tmp_path / "cgroup") == left
