"""Commands run as people run them: in this process behind fakes, or under a terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.fakes.memory_alarms import MemoryAlarms
from tests.support.fakes.memory_mail import MemoryMailLog
from tests.support.fakes.memory_store import (
    MemoryAdoptions,
    MemoryNights,
    MemoryPackingReceipts,
)
from tests.support.tools.warm_start import start
from vampd.cli import program
from vampd.cli.shared import session
from vampd.config import Settings
from vampd.errors import VampdError
from vampd.model.life_sign import Life, LifeSign, LifeState, ProcessMark
from vampd.store.database.measures import NO_MEASURES, Measures

# A vampd that has been up for an hour.
RUNS = Life(
    LifeState.RUNNING,
    LifeSign(
        "1.2.3",
        ProcessMark(4711, 1, "boot", "pid:[1]", "host"),
        1,
        up_since=time.time() - 3600,
        seen_at=time.time(),
        scanned_at=time.time(),
        doing="idle: 2 done",
    ),
)


class FakeRoot:
    """A root that is always the right one."""

    def recognize(self) -> None:
        """Nothing to say."""

    def require_certain(self) -> None:
        """Nothing to say either."""


@dataclass
class FakeWorld:
    """What `vampctl` connects to; ``asked`` are the configurations that it was told to read."""

    settings: Settings = field(default_factory=make_settings)
    store: MemoryNights = field(default_factory=MemoryNights)
    reader: FakeNightReader = field(default_factory=FakeNightReader)
    packing_receipts: MemoryPackingReceipts = field(init=False)
    mail_log: MemoryMailLog = field(default_factory=MemoryMailLog)
    adoptions: MemoryAdoptions = field(default_factory=MemoryAdoptions)
    alarms: MemoryAlarms = field(default_factory=MemoryAlarms)
    root: FakeRoot = field(default_factory=FakeRoot)
    life: Life = RUNS
    measures: Measures = NO_MEASURES
    asked: list[Path | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.packing_receipts = MemoryPackingReceipts(self.store)

    def make_reader(self, settings: Settings) -> FakeNightReader:
        """The reader of this world."""
        assert settings is self.settings
        return self.reader

    def run(self, *words: str) -> Result:
        """Run a command; a foreseen error is left in ``result.exception``."""
        return CliRunner().invoke(program.app_for(words), words)

    def fail(self, *words: str) -> VampdError:
        """Run a command that must end in a foreseen error, and return that."""
        result = self.run(*words)
        assert isinstance(result.exception, VampdError), (result.output, result.exception)
        return result.exception


def fake_world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """A world in memory that every command of vampctl connects to."""
    world = FakeWorld()

    @contextmanager
    def connect(settings: Settings) -> Iterator[FakeWorld]:
        assert settings is world.settings
        yield world

    def read_settings(config: Path | None) -> Settings:
        world.asked.append(config)
        return world.settings

    monkeypatch.setattr("vampd.wiring.connections.connect", connect)
    monkeypatch.setattr("vampd.wiring.connections.connect_to_read", connect)
    monkeypatch.setattr("vampd.disk.life_signs.look_for_life", lambda *_: world.life)
    monkeypatch.setattr(session, "read_settings", read_settings)
    return world


def run_in_terminal(command: Sequence[str | Path], columns: int, **environ: str) -> str:
    """What a command shows on a terminal of this width, colors and all; it must exit with 0."""
    outer, inner = pty.openpty()
    variables = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
    variables |= {"COLUMNS": str(columns), "TERM": "xterm-256color", **environ}
    with open(inner, "wb", buffering=0) as terminal:
        process = start([*map(str, command)], variables, terminal, terminal)
    with process:
        shown = b""
        while True:
            try:
                piece = os.read(outer, 65536)
            except OSError:  # EIO: the last writer has closed
                break
            if not piece:
                break
            shown += piece
        os.close(outer)
    assert process.returncode == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n")


class _Terminal(io.StringIO):
    """What is written to it is as on a terminal."""

    def isatty(self) -> bool:
        return True


def shown_on_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, write: Callable[[], object]
) -> list[str]:
    """The lines that this process writes to a terminal of this width, colors and all."""
    terminal = _Terminal()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", terminal)
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("TERM", "xterm-256color")
        patch.delenv("NO_COLOR", raising=False)
        write()
    return terminal.getvalue().splitlines()


def without_colors(lines: Iterable[str]) -> list[str]:
    """The lines as plain text."""
    return [re.sub("\x1b\\[[0-9;]*m", "", line) for line in lines]
