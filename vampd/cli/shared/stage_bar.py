"""The progress of a stage that runs in the foreground: a bar, or plain lines now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from vampd.cli.shared.output import is_terminal, write
from vampd.cli.shared.progress import format_night_end, format_work
from vampd.model.nights import NightRecord, StageName
from vampd.model.progress import NightEnd

Show = Callable[[NightRecord, NightEnd | None, str], None]

_LINE_EVERY_S = 60.0


@contextmanager
def following(stage: StageName) -> Iterator[Show]:
    """Shows the night, when it will be done, and a note, as often as it is told."""
    if is_terminal():
        with _bar(stage) as show:
            yield show
    else:
        yield _Lines(stage).show


class _Lines:
    """Where nothing can be overwritten: a line a minute."""

    def __init__(self, stage: StageName) -> None:
        self._stage = stage
        self._told_at = time.monotonic()

    def show(self, record: NightRecord, end: NightEnd | None, note: str) -> None:
        if time.monotonic() - self._told_at < _LINE_EVERY_S:
            return
        self._told_at = time.monotonic()
        parts = [part for part in (note, *_words(record, end)) if part]
        if parts:
            write(f"  {self._stage:<9} {'; '.join(parts)}")
            sys.stdout.flush()


class _Bar(Progress):
    """One bar, with lines of text below it."""

    lines: tuple[str, ...] = ()

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        for line in self.lines:
            yield Text(f"  {line}", no_wrap=True, overflow="ellipsis")


@contextmanager
def _bar(stage: StageName) -> Iterator[Show]:
    columns = (
        TextColumn("  {task.description:<9}"),
        BarColumn(),
        TextColumn("{task.fields[part]}"),
        TextColumn("{task.fields[note]}"),
    )
    console = Console(highlight=False, soft_wrap=True)
    # What goes to a file stays there.
    above = sys.stderr.isatty()
    with _Bar(*columns, console=console, transient=True, redirect_stderr=above) as bars:
        task = bars.add_task(str(stage), total=None, part="", note="")

        def show(record: NightRecord, end: NightEnd | None, note: str) -> None:
            done, total = record.done_actions, record.all_actions
            if record.all_bytes:
                done, total = record.done_bytes, record.all_bytes
            part = f"{done / total:.0%}" if total else ""
            bars.lines = tuple(line for line in _words(record, end) if line)
            bars.update(task, total=total or None, completed=done, part=part, note=note)

        yield show


def _words(record: NightRecord, end: NightEnd | None) -> tuple[str, str]:
    now = time.time()
    night = format_night_end(end, now)
    return format_work(record, now), f"all of it {night}" if night else ""
