"""A scheduler's loop in a thread, with a store in memory and a watcher that a test leads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.builders.settings import make_settings
from tests.support.fakes.memory_store import MemoryNights
from tests.support.worlds.sites.looked_at import NoChecks, Scans
from vampd.daemon.life import SignsOfLife
from vampd.daemon.scheduler import RunMode, Scheduler
from vampd.disk.pace import Flag
from vampd.engine.attempt import AttemptMaker
from vampd.engine.requests import RequestDesk
from vampd.model.nights import NightId, Wait


@dataclass
class CountingNotifier:
    """Counts what systemd would be told."""

    fed: int = 0
    said: list[str] = field(default_factory=list)

    def feed_watchdog(self) -> None:
        self.fed += 1

    def status(self, text: str) -> None:
        self.said.append(text)

    def stopping(self) -> None:
        """The end."""


@dataclass
class Unwatched:
    """No folder is watched."""

    def follow(self, _: object) -> None:
        """None."""

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Watcher(Scans):
    """A watcher that has found nothing yet."""

    checking: object = field(default_factory=NoChecks)
    is_behind: bool = False
    root_wait: Wait | None = None
    looked_at: set[NightId] | None = None
    unsettled: frozenset[object] = frozenset()
    cameras_wrote_at: float = float("-inf")


@contextmanager
def looping(
    tmp_path: Path,
    store: MemoryNights,
    watcher: Watcher,
    attempts: AttemptMaker | None = None,
    expect_work: Callable[[], None] = lambda: None,
    **tables: Any,
) -> Iterator[tuple[CountingNotifier, threading.Thread]]:
    notifier = CountingNotifier()
    made = Scheduler(
        store,
        watcher,  # type: ignore[arg-type]
        lambda _: Unwatched(),  # type: ignore[arg-type,return-value]
        read_settings=lambda: make_settings(tmp_path, **tables),
        settings=make_settings(tmp_path, **tables),
        attempts=attempts,  # type: ignore[arg-type]
        flags=tmp_path,
        is_in_foreground=lambda _: False,
        pause=Flag.create(tmp_path / "pause"),
        notifier=notifier,  # type: ignore[arg-type]
        requests=RequestDesk(tmp_path / "requests", None, None, None, None),  # type: ignore[arg-type]
        life=SignsOfLife(tmp_path / "vampd.db"),
        expect_work=expect_work,
    )
    thread = threading.Thread(target=made.run, args=(RunMode.FOREVER,))
    thread.start()
    try:
        yield notifier, thread
    finally:
        watcher.go_on.set()
        made.stop()
        thread.join(20)
    assert not thread.is_alive()
