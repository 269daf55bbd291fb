"""Lives of the frameids stage, each in a process of its own that may be killed at any step.

``python -m tests.support.worlds.records.frameid_lives`` imports everything once and then forks one
process per line of its input, so that thousands of lives are cheap. A line is a `Life` as JSON; the
answer is the process's status, negative for the signal that killed it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.support.builders.settings import make_settings
from tests.support.fakes.progress import HeardProgress
from vampd.adapters.authorities import CommandAuthority, LocalAuthority
from vampd.disk import failpoint as armed
from vampd.disk.durable import remove_leftovers
from vampd.disk.pace import SteadyPace
from vampd.engine.execute import AttemptTools, execute_wave
from vampd.engine.nights.night_reader import DiskNightReader
from vampd.errors import TransientError
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import FrameId, NumberRange
from vampd.model.nights import Kind, NightId
from vampd.ports import FrameIdAuthority
from vampd.stages import frameids
from vampd.store.database.opening import Access, open_store

FIRST = 90_000_001
# As a daemon whose night waits for a better moment: the database was busy, say.
WAITS = 3
_ROOT = Path(__file__).parents[4]


@dataclass(frozen=True)
class Life:
    """What one process does: the nights' frameids stages, side by side or one after the other.

    ``kill_at`` is the failpoint that ends it, counted from 1 over all names; 0 lets it live.
    ``command`` grants the IDs, '' for the local sequence.
    """

    base: str
    dates: tuple[str, ...]
    kill_at: int = 0
    racing: bool = False
    command: str = ""


class Nursery:
    """The running helper."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, life: Life) -> int:
        """One life; its status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(life)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def running_nursery() -> Iterator[Nursery]:
    """A helper that ends with the block."""
    command = [sys.executable, "-m", "tests.support.worlds.records.frameid_lives"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def _arm(kill_at: int) -> None:
    """Every failpoint of every module counts; the one that is meant kills the process group."""
    hits = 0
    counting = threading.Lock()

    def hit(name: str) -> None:
        nonlocal hits
        with counting:
            hits += 1
            if hits == kill_at:
                os.killpg(0, signal.SIGKILL)

    for module in list(sys.modules.values()):
        if getattr(module, "failpoint", None) is armed.failpoint and module is not armed:
            module.failpoint = hit  # type: ignore[attr-defined]


def _live(life: Life) -> None:
    base = Path(life.base)
    store = open_store(f"sqlite:///{base}/vampd.db", Access.USE)
    archive = base / "ARCHIVED_DATA"
    ledger = FrameIdLedger(store, archive / "frameids.ledger")
    ledger.reconcile()
    answers = archive / "frameids.answers" / "command"
    authority: FrameIdAuthority = LocalAuthority(FrameId(FIRST))
    if life.command:
        authority = CommandAuthority(
            answers, (life.command,), 60, SteadyPace(), NumberRange.ENGINEERING
        )
    nights = [NightId(date, Kind.ARCHIVE) for date in life.dates]
    if life.racing:
        errors: list[BaseException] = []

        def run(night: NightId) -> None:
            try:
                _run_stage(base, night, ledger, authority)
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)

        threads = [threading.Thread(target=run, args=(night,)) for night in nights]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
    else:
        for night in nights:
            _run_stage(base, night, ledger, authority)
    store.close()


def _run_stage(
    base: Path, night: NightId, ledger: FrameIdLedger, authority: FrameIdAuthority
) -> None:
    """As an attempt does it: survey, plan, execute, until nothing is left."""
    nothing: Any = None
    empty: Any = SimpleNamespace(of=lambda _: ())
    reader = DiskNightReader(
        base,
        cut_on=(),
        let_go=lambda _: frozenset(),
        receipts=nothing,
        packing_receipts=empty,
        purged_files=nothing,
        changed_raw=empty,
        ledger=ledger,
        mail_log=nothing,
        archive=nothing,
        dictionary=nothing,
    )
    tools = AttemptTools(
        night=night,
        actor="vampd",
        folder=base / night.folder,
        settings=make_settings(base),
        reader=reader,
        cubes=nothing,
        receipts=nothing,
        packing_receipts=nothing,
        changed_raw=nothing,
        ledger=ledger,
        authority=authority,
        archive_host=nothing,
        lanes=nothing,
        workers=nothing,
        crew=nothing,
        pace=SteadyPace(),  # type: ignore[arg-type]
        mail=nothing,
        low_space=nothing,
    )
    remove_leftovers(tools.folder / "vgen2")
    previous = None
    while plan := frameids.plan(frameids.survey(night, reader), tools.settings):
        assert plan != previous, "stuck"
        for wave in plan.waves:
            execute_wave(tools, wave, HeardProgress())
        previous = plan


def _serve() -> None:
    for line in sys.stdin:
        given = json.loads(line)
        life = Life(**{**given, "dates": tuple(given["dates"])})
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            status = 0
            try:
                _arm(life.kill_at)
                _live(life)
            except TransientError:
                status = WAITS
            except BaseException:  # noqa: BLE001 - told, and the test fails by the status
                traceback.print_exc()
                status = 1
            sys.stderr.flush()
            os._exit(status)
        _, ended = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(ended)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
