"""vampctl watch: a live screen of the cameras' newest files, the nights at work, and the disks."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.live.frame import Line, frame
from vampd.cli.live.view import DiskLooker, View, look_at_work
from vampd.cli.shared.output import is_terminal, write_lines
from vampd.cli.shared.session import ConfigOption, settings_of
from vampd.errors import UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from vampd.config import Settings

_LEAST_COLUMNS, _LEAST_ROWS = 40, 10
# Of a frame that goes to a file: as many lines as it has.
_MANY_ROWS = 200
_FIRST_LOOK_S = 5.0
_SOON_S = 0.5

OnceOption = Annotated[
    bool, typer.Option("--once", help="Write one frame as plain lines, and end.")
]
EveryOption = Annotated[
    float,
    typer.Option("--every", metavar="SECONDS", min=0.5, help="How often it looks again."),
]


def watch(
    context: typer.Context,
    once: OnceOption = False,
    every_s: EveryOption = 2.0,
    config: ConfigOption = None,
) -> None:
    """Show live what the cameras write and what vampd does.

    The newest cubes of each camera with shape, size, object and type as their headers have them;
    the nights that are not done, with rate and time; free space; the last events. Ctrl-C ends it.

    It only reads, also for members, and whether or not vampd is running: headers, never pixels; and
    it lists only what has changed, in the newest nights. A disk that does not answer is said.
    """
    settings = settings_of(context, config)
    looker = DiskLooker(settings.watch.root, settings.database.path)
    if once:
        first = threading.Event()
        looker.start(first.set)
        first.wait(_FIRST_LOOK_S)
        width = shutil.get_terminal_size().columns if is_terminal() else 160
        write_lines(text for text, _ in frame(_view(settings, looker), width, _MANY_ROWS))
        return
    if not is_terminal() or os.environ.get("TERM", "dumb") == "dumb":
        raise UsageError(
            "not_a_terminal",
            "a live screen wants a terminal, which this is not; `vampctl watch --once` writes one"
            " frame as plain lines",
        )
    _show_live(settings, looker, every_s)


def _view(settings: Settings, looker: DiskLooker) -> View:
    from vampd.disk.life_signs import look_for_life

    now = time.time()
    life = look_for_life(settings.database.path, now)
    return View(now, settings.watch.root, life, look_at_work(settings, now), looker.seen)


def _show_live(settings: Settings, looker: DiskLooker, every_s: float) -> None:
    from rich.console import Console
    from rich.live import Live

    woken = threading.Event()
    first = threading.Event()
    looker.start(first.set)
    first.wait(_SOON_S)
    console = Console(highlight=False, markup=False, emoji=False)
    with (
        _waking(woken),
        Live(console=console, screen=True, auto_refresh=False, redirect_stderr=True) as live,
    ):
        before: list[Line] = []
        size = (0, 0)
        while True:
            # Rich reads the size of the terminal itself, so that a resize is never half known.
            width, height = console.size
            columns, rows = max(width, _LEAST_COLUMNS), max(height, _LEAST_ROWS)
            lines = frame(_view(settings, looker), columns, rows, "Ctrl-C ends it")
            if (lines, (width, height)) != (before, size):
                before, size = lines, (width, height)
                live.update(_text_of(lines), refresh=True)
            woken.wait(every_s)
            woken.clear()


def _text_of(lines: list[Line]) -> Text:
    from rich.text import Text

    return Text("\n", no_wrap=True, overflow="crop").join(
        Text(text, style=style, no_wrap=True, overflow="crop") for text, style in lines
    )


@contextmanager
def _waking(woken: threading.Event) -> Iterator[None]:
    """A resize wakes the screen; SIGTERM and SIGHUP end it as Ctrl-C does, and leave it clean."""
    ends = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in (signal.SIGWINCH, *ends)}
    signal.signal(signal.SIGWINCH, lambda *_: woken.set())
    for number in ends:
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
