"""vampd and vampctl in this process: the real store, disk, engine and rsync, without the waiting.

    site = InProcess(make_site(tmp_path))
    site.advance()
    assert site.command("verify", "20251106").exit_code == 0

An act may be killed: it then runs in a forked child, which SIGKILL ends, with all that it started,
at the failpoint that comes as number ``kill_at`` of that act. Nothing is open between two acts.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from unittest.mock import patch

import structlog
from typer.main import get_command

from tests.support.daemon.site import Site
from tests.support.tools.memory import in_memory
from tests.support.worlds.hostile.unprivileged import NOBODY
from tests.support.worlds.records.databases import make_engine_compiled
from vampd.cli.program import make_app
from vampd.config import Settings, load_settings
from vampd.daemon.night_watcher import NightWatcher
from vampd.daemon.recovery import interrupt_orphan
from vampd.disk import failpoint as failpoints
from vampd.disk.pace import Flag
from vampd.engine import planning
from vampd.engine.archive.sending_ahead import Outbox
from vampd.engine.attempt import run_attempt
from vampd.engine.nights.rules import readiness_rules, run_limits
from vampd.engine.packing import LocalCrew
from vampd.errors import VampdError
from vampd.model.nights import (
    Event,
    EventName,
    NightId,
    NightRecord,
    RetryPolicy,
    Status,
    choose_nights,
)
from vampd.ports import Pace
from vampd.store.database import connection
from vampd.store.database.opening import Access
from vampd.wiring.attempts import AttemptFactory
from vampd.wiring.connections import Connections, connected

_Result = TypeVar("_Result")
# Built once: it takes longer than most commands do.
_VAMPCTL = get_command(make_app())
# Longer than any time of the settings: between two scans nothing has moved for so long.
_LATER_S = 1e7
# Far more than the stages of a site's nights.
_MOST_ATTEMPTS = 200
# What waits longer cannot be sent: the archive is away.
_SENDS_WITHIN_S = 0.3


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it wrote."""

    status: int
    text: str


class InlineWorkers:
    """Workers that work at once, in the thread that asks."""

    workers = 1

    @contextmanager
    def place(self, pace: Pace) -> Iterator[None]:
        """There is always one."""
        yield

    def run(
        self,
        pace: Pace,
        logged: Mapping[str, str],
        function: Callable[..., _Result],
        *args: object,
    ) -> _Result:
        """What the work gives: no worker is lost here."""
        # A worker's heap is small, that of the tests is not.
        with patch.object(planning, "shrink_heap"):
            return function(*args)


@dataclass(frozen=True)
class InProcess:
    """A site, and what may be done to it.

    ``last`` is what happens just before a kill, ``left`` are nights as if they were not there.
    """

    site: Site
    last: Callable[[], None] | None = None
    left: frozenset[NightId] = frozenset()

    @property
    def settings(self) -> Settings:
        """As they are on disk now."""
        return load_settings(self.site.config)

    def records(self) -> dict[NightId, NightRecord]:
        """All nights, as the store has them."""
        if not self.site.database.exists():
            return {}
        with _compiled_once(), connected(self.settings, Access.USE) as connections:
            return {record.night: record for record in connections.store.nights()}

    def advance(self, kill_at: int = 0) -> bool:
        """All that a daemon does until it is idle, what failed tried once; whether it lived."""
        try:
            return _do(self._advance, kill_at, self.last)
        finally:
            # An attempt leaves them to its thread, which a daemon's ends with it.
            structlog.contextvars.clear_contextvars()

    def command(self, *words: str) -> Answer:
        """Run vampctl."""
        words = ("--config", str(self.site.config), *words)
        output, status = io.StringIO(), 0
        with _compiled_once(), redirect_stdout(output), redirect_stderr(output):
            try:
                _VAMPCTL.main(words, prog_name="vampctl")
            except SystemExit as ended:
                status = int(ended.code or 0)
            except VampdError as error:
                status = error.exit_status
                output.write(f"{error.code}: {error.message}")
            finally:
                # A command that runs stages logs to the standard error that it had.
                structlog.reset_defaults()
        return Answer(status, output.getvalue())

    def command_killed(self, kill_at: int, *words: str) -> bool:
        """Run vampctl and kill it; whether it lived."""
        return _do(lambda: self.command(*words), kill_at, self.last)

    def _advance(self) -> None:
        settings = self.settings
        state = settings.database.path.parent
        (state / "locks").mkdir(exist_ok=True)
        with (
            _compiled_once(),
            patch.object(Outbox, "close", _close_when_sent),
            TemporaryDirectory(prefix="flags-", dir=state) as flags,
            connected(settings, Access.MIGRATE) as connections,
        ):
            for orphan in connections.store.nights():
                if orphan.state.status is Status.RUNNING:
                    # A site that is killed a hundred times is no poisonous night.
                    policy = RetryPolicy(attempts=999)
                    interrupt_orphan(connections.store, orphan, policy=policy, now=time.time())
            _scan(connections, settings)
            workers: Any = InlineWorkers()
            pause = Flag.create(Path(flags) / "pause")
            crew = LocalCrew(workers)
            attempts = AttemptFactory(connections, workers, crew, state / "locks", pause, "vampd")
            failed: set[NightId] = set()
            for number in range(_MOST_ATTEMPTS):
                claimed = _claim(connections, settings, failed, self.left)
                if claimed is None:
                    return
                stop = Flag.create(Path(flags) / f"stop-{number}")
                run_attempt(attempts.make(claimed, settings, stop, lambda: False))
                after = connections.store.night(claimed.night)
                assert after is not None
                assert after.code != "bug", after.error
                if after.state.status is Status.WAITING:
                    failed.add(claimed.night)
            raise AssertionError(f"never idle: {connections.store.nights()}")


_close = Outbox.close


def _close_when_sent(outbox: Outbox) -> None:
    """As if packing took as long as sending does: cubes of a few frames are packed at once."""
    until = time.monotonic() + _SENDS_WITHIN_S
    while outbox._waiting and time.monotonic() < until:
        time.sleep(0.005)
    _close(outbox)


@contextmanager
def _compiled_once() -> Iterator[None]:
    """What statements of other sites were compiled to costs more than the statements do."""
    with patch.object(connection, "create_engine", make_engine_compiled):
        yield


def as_nobody(act: Callable[[Path], object]) -> None:
    """Do this in a folder of its own, as a user whom access rights bind; root is refused nothing.

    What is compiled or imported late was so before, where the test's own user keeps it.
    """
    with TemporaryDirectory(prefix="vampd-nobody-") as disk, in_memory(Path(disk)) as base:
        base.chmod(0o755)
        if os.geteuid():
            act(base)
            return
        import_module("vampd.fits.preload")
        shutil.chown(base, NOBODY, NOBODY)

        def drop_rights() -> None:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            os.environ["HOME"] = str(base)
            act(base)

        assert _do(drop_rights, kill_at=-1)


def _scan(connections: Connections, settings: Settings) -> None:
    """Two looks of the watcher, an age apart, and one more when the cubes were checked."""
    now_s = 0.0
    watcher = NightWatcher(
        connections.store,
        connections.reader,
        connections.root,
        connections.checked_cubes,
        monotonic=lambda: now_s,
    )
    for now_s in (0.0, _LATER_S, _LATER_S):  # noqa: B007 - the watcher's clock reads it
        for _ in watcher.scan(settings):
            pass
        while watcher.checking.is_pending:
            watcher.checking.go_on(1.0)


def _claim(
    connections: Connections, settings: Settings, failed: set[NightId], left: frozenset[NightId]
) -> NightRecord | None:
    """The next night, as the scheduler claims it, whatever time it has to wait."""
    store = connections.store
    chosen = choose_nights(
        [record for record in store.nights() if record.night not in left],
        readiness_rules(settings),
        run_limits(settings, cameras_write=False),
        time.time() + _LATER_S,
    )
    for night in chosen:
        if night not in failed:
            claimed = store.apply(night, Event(EventName.CLAIMED), at=time.time(), actor="vampd")
            failpoints.failpoint("scheduler.claim.committed")
            return claimed
    return None


def _do(act: Callable[[], object], kill_at: int, last: Callable[[], None] | None = None) -> bool:
    if not kill_at:
        act()
        return True
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _live_and_end(act, kill_at, last)
    _, ended = os.waitpid(pid, 0)
    status = os.waitstatus_to_exitcode(ended)
    assert status in (0, -signal.SIGKILL), f"the child ended with {status}"
    return status == 0


def _live_and_end(act: Callable[[], object], kill_at: int, last: Callable[[], None] | None) -> None:
    status = 1
    try:
        os.setpgid(0, 0)
        _arm(kill_at, last)
        act()
        status = 0
    except BaseException:  # noqa: BLE001 - told, and the test fails by the status
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _arm(kill_at: int, last: Callable[[], None] | None) -> None:
    """Every failpoint of every module counts; the one that is meant kills the process group."""
    hits = 0
    counting = threading.Lock()

    def hit(_: str) -> None:
        nonlocal hits
        with counting:
            hits += 1
            if hits == kill_at:
                if last is not None:
                    last()
                os.killpg(0, signal.SIGKILL)

    unarmed = failpoints.failpoint
    for name, module in list(sys.modules.items()):
        if name.startswith("vampd.") and getattr(module, "failpoint", None) is unarmed:
            vars(module)["failpoint"] = hit
