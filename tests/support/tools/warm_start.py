"""Programs of ours, started from a process that has imported them already.

A start of vampd or vampctl costs more than a second of processor time, nearly all of it for
imports, and the tests start them a thousand times. ``python -m tests.support.tools.warm_start``
imports the libraries and vampd's modules, lets them make once what they make at their first use,
and forks one process per request. That process is as one
that was started from the shell: a session of its own, the environment, folder and standard streams
that were asked for, and the failpoints of that environment, which is all that vampd reads of it
while it is imported. Only its command line in /proc is the helper's, and a test may ask for a
shorter wait than vampd's. `tests/system` and `make demo` start the real commands.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import re
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from typing import IO, Any, NoReturn, Self

import vampd
from tests.support.daemon.site import make_site
from tests.support.worlds.records import databases

# What vampd imports lazily, and what its libraries do.
LIBRARIES = (
    "alembic.command",
    "alembic.config",
    "multiprocessing.forkserver",
    "multiprocessing.popen_forkserver",
    "numpy.ma",
    "pebble",
    "rich",
    "smtplib",
    "sqlalchemy.dialects.sqlite",
    "systemd.daemon",
    "systemd.journal",
)
# Heavy, and hardly ever asked for; migrations are no modules of anybody's.
_LEFT_OUT = ("vampd.cli.plotting", "vampd.simulate", "vampd.store.migrations")
# Those of vampctl that start workers.
_PACKING_COMMANDS = frozenset({"process-all", "run"})
_ROOT = Path(__file__).parents[3]
_REQUEST_BYTES = 1 << 20
_asking = threading.Lock()
# The exit status of a program that has run to its end in this process.
_status: int | None = None


class WarmProcess:
    """A started program, as `subprocess.Popen` shows one."""

    def __init__(self, pid: int, status_fd: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status_fd = status_fd
        self._ended = selectors.DefaultSelector()
        self._ended.register(status_fd, selectors.EVENT_READ)

    def poll(self) -> int | None:
        """The exit status if it has ended, negative for a signal."""
        if self.returncode is None and self._ended.select(0):
            self._end()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not self._ended.select(timeout):
                raise subprocess.TimeoutExpired(f"pid {self.pid}", timeout or 0.0)
            self._end()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def _end(self) -> None:
        self.returncode = int(os.read(self._status_fd, 16))
        self._ended.close()
        os.close(self._status_fd)


def start(
    command: Sequence[str],
    environ: Mapping[str, str],
    stdout: IO[bytes],
    stderr: IO[bytes],
    times_s: Mapping[str, float] | None = None,
    uid: int | None = None,
    gids: Sequence[int] = (),
) -> WarmProcess:
    """Start the script ``command[0]`` in a session of its own, with nothing on standard input.

    ``times_s``: other values of constants of vampd, by module and name. ``uid``: as this user, for
    which the test must be root, in the group of its number or in ``gids``, its own one first.
    """
    helper = _helper()
    status_r, status_w = os.pipe()
    with open(os.devnull, "rb") as stdin:
        asked = {
            "command": list(command),
            "environ": dict(environ),
            "times_s": times_s or {},
            "uid": uid,
            "gids": list(gids),
            "umask": _umask(),
        }
        request = json.dumps(asked).encode()
        handed = [stdin.fileno(), stdout.fileno(), stderr.fileno(), status_w]
        try:
            with _asking:
                socket.send_fds(helper, [request], handed)
                pid = int(helper.recv(16))
        finally:
            os.close(status_w)
    return WarmProcess(pid, status_r)


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


@functools.cache
def _helper() -> socket.socket:
    """The connection to this process's own helper, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.support.tools.warm_start", str(theirs.fileno())]
        process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[theirs.fileno()])
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _REQUEST_BYTES)

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _serve(requests: socket.socket) -> Callable[[], None] | None:
    """Fork on request and tell of ends; what a forked process is to do, None at the end of all."""
    woken_r, woken_w = os.pipe()
    os.set_blocking(woken_w, False)
    signal.set_wakeup_fd(woken_w)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    status_fds: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(woken_r, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd == woken_r:
                    os.read(woken_r, 4096)
                    _tell_ends(status_fds)
                    continue
                request, handed, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 4)
                if not request:
                    return None
                pid = os.fork()
                if not pid:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for unused_fd in (woken_r, woken_w, handed[3], *status_fds.values()):
                        os.close(unused_fd)
                    return functools.partial(_become, json.loads(request), handed[:3])
                for handed_fd in handed[:3]:
                    os.close(handed_fd)
                status_fds[pid] = handed[3]
                requests.send(str(pid).encode())


def _tell_ends(status_fds: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            status_fd = status_fds.pop(ended[0])
            # A test that failed may no longer listen.
            with suppress(BrokenPipeError):
                os.write(status_fd, str(os.waitstatus_to_exitcode(ended[1])).encode())
            os.close(status_fd)


def _become(request: Mapping[str, object], streams: Sequence[int]) -> None:
    """Run the script as the interpreter would run it, in this process."""
    os.setsid()
    for number, stream_fd in enumerate(streams):
        os.dup2(stream_fd, number)
        os.close(stream_fd)
    # What can be done with the helper's own depends on what they were: a file, say, no terminal.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    environ, command, times_s = (request[name] for name in ("environ", "command", "times_s"))
    assert isinstance(request["umask"], int)
    os.umask(request["umask"])
    if isinstance(uid := request["uid"], int):
        gids = request["gids"] or [uid]
        assert isinstance(gids, list)
        os.setgroups(gids[1:])
        os.setresgid(gids[0], gids[0], gids[0])
        os.setresuid(uid, uid, uid)
    assert isinstance(environ, dict)
    assert isinstance(command, list)
    assert isinstance(times_s, dict)
    os.environ.clear()
    os.environ.update(environ)
    _arm_failpoints()
    for constant, value in times_s.items():
        module, _, name = constant.rpartition(".")
        assert name in vars(sys.modules[module])
        vars(sys.modules[module])[name] = value
    if Path(command[0]).name == "vampd" or _PACKING_COMMANDS.intersection(command):
        _lend_fork_server()
    sys.argv = command
    sys.path[0] = str(Path(command[0]).parent)
    _run(lambda: runpy.run_path(command[0], run_name="__main__"))


def _arm_failpoints() -> None:
    """Give all of vampd's modules the failpoints of the environment that is now."""
    module = import_module("vampd.disk.failpoint")
    unarmed = module.failpoint
    armed = importlib.reload(module).failpoint
    for name, user in list(sys.modules.items()):
        if name.startswith("vampd.") and getattr(user, "failpoint", None) is unarmed:
            vars(user)["failpoint"] = armed


def _run(program: Callable[[], object]) -> None:
    """Run what ends this process; see `_leave`."""
    global _status  # noqa: PLW0603 - a process has one
    try:
        program()
    except SystemExit as ended:
        _status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise
    except BaseException:
        _status = 1
        raise


def _leave() -> None:
    """End as the interpreter does, but leave the libraries to the kernel: that costs nothing."""
    if _status is not None:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
        os._exit(_status)


def _lend_fork_server() -> None:
    """Let the first fork server of this process be a child that has the libraries too."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        ours.close()
        _be_fork_server(theirs)
    theirs.close()
    really_spawn = util.spawnv_passfds

    def spawn(path: Any, args: Sequence[Any], fds: Sequence[int]) -> int:
        if "forkserver" not in args[-1]:
            return really_spawn(path, args, fds)
        vars(util)["spawnv_passfds"] = really_spawn
        with ours:
            socket.send_fds(ours, [args[-1].encode()], fds)
        return child

    vars(util)["spawnv_passfds"] = spawn


def _be_fork_server(requests: socket.socket) -> NoReturn:
    program, handed, _, _ = socket.recv_fds(requests, _REQUEST_BYTES, 2)
    requests.close()
    if program:
        wanted = re.findall(rb"\d+", program)[:2]  # main(LISTENER, ALIVE, ...)
        aside = [fcntl.fcntl(handed_fd, fcntl.F_DUPFD, 100) for handed_fd in handed]
        os.closerange(3, 100)
        for aside_fd, number in zip(aside, wanted, strict=True):
            os.dup2(aside_fd, int(number), inheritable=False)
            os.close(aside_fd)
        _run(lambda: exec(program, {"__name__": "__main__"}))
    os._exit(0)


def _modules_of(folders: Sequence[str], prefix: str) -> Iterator[str]:
    """The names of modules; those that are packages are imported on the way."""
    for _, name, is_package in pkgutil.iter_modules(folders, prefix):
        if name in _LEFT_OUT:
            continue
        yield name
        if is_package:
            yield from _modules_of(import_module(name).__path__, f"{name}.")


def _use_once() -> None:
    """Let pydantic build its validators, SQLAlchemy its mappers, migrations the empty database."""
    config, wiring = import_module("vampd.config"), import_module("vampd.wiring.connections")
    access = import_module("vampd.store.database.opening").Access
    with tempfile.TemporaryDirectory() as folder:
        settings = config.load_settings(make_site(Path(folder)).config)
        with wiring.connected(settings, access.MIGRATE) as connections:
            connections.store.nights()
    databases.new_database()
    vars(import_module("vampd.store.database.opening"))["_migrate"] = databases.migrate_by_copying


def _main() -> None:
    atexit.register(_leave)  # first, so it runs last
    for name in (*LIBRARIES, *_modules_of(vampd.__path__, "vampd.")):
        import_module(name)
    _use_once()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    work = _serve(requests)
    requests.close()
    if work:
        work()


if __name__ == "__main__":
    _main()
