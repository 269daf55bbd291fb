"""vampd and vampctl as people start them.

    site = make_site(tmp_path)
    make_night(site.root, kind=Kind.ARCHIVE)
    run_until_idle(site)
    assert record_of(site, night).state.status is Status.DONE

A command runs in a process of its own where that matters. Every daemon leads a session of its own,
so that a failpoint, which kills its process group, kills neither the test nor its runner.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.support.daemon.commands import run_here
from tests.support.daemon.processes import children, command_line, descendants
from tests.support.daemon.site import Site
from tests.support.tools.warm_start import WarmProcess, start

# Far more than a night of these tests takes on a busy machine; pytest-timeout is the last resort.
PATIENCE_S = 60.0
BIN = Path(sys.executable).parent
# Commands that change their process: they start workers, take signals, set up a log, import what is
# large, or become the owner of the nights.
_IN_A_PROCESS = frozenset({"doctor", "pack", "plot", "process-all", "run", "unpack", "watch"})


@dataclass
class Daemon:
    """A running vampd."""

    site: Site
    process: WarmProcess

    def stop(self, within_s: float = 35.0) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def kill(self) -> None:
        """SIGKILL for the daemon alone; its children are left to notice."""
        self.process.kill()
        self.process.wait(10)

    def kill_all(self) -> None:
        """SIGKILL for the daemon's whole process group, of which nothing may be left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        # One that has only just been started leads no group yet.
        self.process.kill()
        self.process.wait(10)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def children(self) -> tuple[int, ...]:
        """The pids of its living descendants."""
        return descendants(self.process.pid)

    def fork_servers(self) -> tuple[int, ...]:
        """The pids of what forks its workers."""
        # The first fork server bears the name of what lends it, see `warm_helper`.
        names = ("forkserver", "warm_helper")
        return tuple(
            pid
            for pid in children(self.process.pid)
            if any(name in command_line(pid) for name in names)
        )

    def workers(self) -> tuple[int, ...]:
        """The pids of its worker processes: the children of its fork server."""
        return tuple(worker for server in self.fork_servers() for worker in children(server))

    def programs(self, name: str) -> tuple[int, ...]:
        """The pids of descendants that run this program."""
        return tuple(
            pid for pid in self.children() if command_line(pid).partition("\0")[0].endswith(name)
        )


@dataclass(frozen=True)
class Ended:
    """How a daemon ended; ``log`` is what it wrote (JSON lines, and anything else)."""

    status: int
    log: str
    events: tuple[Mapping[str, Any], ...] = field(repr=False)

    def named(self, event: str) -> list[Mapping[str, Any]]:
        """The log's records of one event."""
        return [record for record in self.events if record.get("event") == event]


@contextmanager
def running(
    site: Site,
    *options: str,
    times_s: Mapping[str, float] | None = None,
    uid: int | None = None,
    gids: Sequence[int] = (),
    **environ: str,
) -> Iterator[Daemon]:
    """A daemon that runs for ever; killed at the end of the block if it still lives.

    ``times_s``: other values of constants of vampd, by module and name. ``uid``: as this user,
    ``gids``: in these groups.
    """
    process = _start(site, options, environ, times_s, uid, gids)
    daemon = Daemon(site, process)
    try:
        yield daemon
    finally:
        if process.poll() is None:
            daemon.kill_all()


@dataclass
class Gate:
    """A failpoint where every process of a daemon stands still until the gate is opened."""

    failpoint: str
    path: Path

    @property
    def environ(self) -> dict[str, str]:
        """What a daemon has to be started with."""
        return {"VAMPD_FAILPOINT_GATE": f"{self.failpoint}@{self.path}"}

    def arrival(self) -> int:
        """Wait until a process stands at the gate; its pid."""
        wait_until(self._arrivals, f"a process at {self.failpoint}")
        return self._arrivals()[0]

    def open(self) -> None:
        """Let all pass, now and later."""
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def __enter__(self) -> Gate:
        self._lock_fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock_fd)

    def _arrivals(self) -> list[int]:
        return [int(line) for line in self.path.read_text().splitlines()]


@contextmanager
def held_worker(
    site: Site, *options: str, times_s: Mapping[str, float] | None = None
) -> Iterator[tuple[Daemon, Gate, int]]:
    """A daemon, one of whose workers stands at a gate before its product is proven; its pid."""
    with (
        Gate("packed.streamed", site.base / "gate") as gate,
        running(site, *options, times_s=times_s, uid=None, gids=(), **gate.environ) as daemon,
    ):
        yield daemon, gate, gate.arrival()


def run_until_idle(site: Site, *options: str, **environ: str) -> Ended:
    """Run ``vampd --until-idle`` to its end, whatever its exit status."""
    size = site.log.stat().st_size if site.log.exists() else 0
    with running(
        site, "--until-idle", *options, times_s=None, uid=None, gids=(), **environ
    ) as daemon:
        status = _wait_while_it_logs(daemon)
    return _ended(site, status, size)


def _wait_while_it_logs(daemon: Daemon) -> int:
    """The exit status; TimeoutExpired for one that has logged nothing for as long as `PATIENCE_S`.

    How long many nights take is the machine's matter, a standstill is the daemon's.
    """
    deadline = time.monotonic() + 10 * PATIENCE_S
    while True:
        before = daemon.site.log.stat().st_size
        try:
            return daemon.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            if daemon.site.log.stat().st_size == before or time.monotonic() > deadline:
                raise


def settle(site: Site) -> Ended:
    """`run_until_idle` that must end well."""
    ended = run_until_idle(site)
    assert ended.status == 0, ended.log
    assert not [e for e in ended.events if e.get("code") == "bug"], ended.log
    return ended


def log_of(site: Site) -> Ended:
    """All that the daemons of this site have logged up to now."""
    return _ended(site, 0, 0)


def _ended(site: Site, status: int, offset: int) -> Ended:
    text = site.log.read_bytes()[offset:].decode()
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return Ended(status, text, tuple(events))


def _start(
    site: Site,
    options: tuple[str, ...],
    environ: Mapping[str, str],
    times_s: Mapping[str, float] | None,
    uid: int | None,
    gids: Sequence[int],
) -> WarmProcess:
    command = [str(BIN / "vampd"), "--config", str(site.config), "--log", "json", *options]
    with site.log.open("ab") as log:
        return start(command, {**os.environ, **environ}, log, log, times_s, uid, gids)


def vampctl(
    site: Site, *words: str, uid: int | None = None, gids: Sequence[int] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as this user in these groups.

    In this process, unless the process matters: to other users, to what is read of the environment
    when a process begins, to several commands at a time, and to some commands.
    """
    is_of_this_user = uid is None and not gids
    is_alone = threading.current_thread() is threading.main_thread()
    if is_of_this_user and is_alone and not environ and not _IN_A_PROCESS.intersection(words[:1]):
        return run_here(_command_line(site, words))
    return vampctl_process(site, *words, uid=uid, gids=gids, **environ)


def vampctl_process(
    site: Site, *words: str, uid: int | None = None, gids: Sequence[int] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    command = _command_line(site, words)
    with TemporaryFile() as out, TemporaryFile() as err:
        status = start(command, {**os.environ, **environ}, out, err, uid=uid, gids=gids).wait(120)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            command, status, out.read().decode(), err.read().decode()
        )


def _command_line(site: Site, words: Sequence[str]) -> list[str]:
    return [str(BIN / "vampctl"), "--config", str(site.config), *words]


def wait_until(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait for something to become true; the seconds that it took."""
    begin, spent_s = time.monotonic(), time.thread_time()
    while not condition():
        waited_s = time.monotonic() - begin
        assert waited_s < within_s, f"not within {within_s} s: {what}"
        # Looking takes no more than a fifth of a core from what is waited for.
        looked_s = time.thread_time() - spent_s
        time.sleep(max(0.02, 4 * looked_s))
        spent_s += looked_s
    return time.monotonic() - begin
