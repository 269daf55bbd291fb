"""Programs of ours, started from a process that has imported them already.

A start of vampd or vampctl costs more than a second of processor time, nearly all of it for
imports, and the tests start them a thousand times. ``python -m tests.support.tools.warm_helper``
imports the libraries and vampd's modules, takes a night through all stages, because a first use
makes much that lasts, and forks one process per request. The processes of a test run share this
helper: each has a connection of its own, which a fork of the helper serves. A program's process is
as one that was started from the shell: a session of its own, the environment, folder and standard
streams that were asked for, and the failpoints of that environment, which is all that vampd reads
of it while it is imported. Only its command line in /proc is the helper's, and a test may ask for a
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
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing import util
from pathlib import Path
from typing import Any, NoReturn

import structlog

import vampd
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import make_site
from tests.support.forked.sharing import REQUEST_BYTES, become, share
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.proof.in_process import InProcess
from tests.support.worlds.records import databases
from vampd.store.database import connection, opening

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
_LEFT_OUT = ("vampd.cli.plotting", "vampd.store.migrations")
# Those of vampctl that start workers.
_PACKING_COMMANDS = frozenset({"process-all", "run"})
# The exit status of a program that has run to its end in this process.
_status: int | None = None


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
                request, handed, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 4)
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
    # A shell that starts something in the background has it ignore this, and all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    become(streams)
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
    program, handed, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 2)
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
    """Take a night through all stages, so that what is made at its first use is made by then.

    Validators, mappers, statements, patterns, compiled functions, the empty database.
    """
    vars(opening)["_migrate"] = databases.migrate_by_copying
    vars(connection)["create_engine"] = databases.make_engine_compiled
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(dir=folder_in_memory()) as folder:
        site = make_site(Path(folder))
        make_smallest(site.root)
        InProcess(site).advance()
    structlog.reset_defaults()


def _main() -> None:
    atexit.register(_leave)  # first, so it runs last
    for name in (*LIBRARIES, *_modules_of(vampd.__path__, "vampd.")):
        import_module(name)
    _use_once()
    gc.freeze()
    if requests := share(int(sys.argv[1])):
        work = _serve(requests)
        requests.close()
        if work:
            work()


if __name__ == "__main__":
    _main()
