"""vampctl in the test's own process: a tenth of the cost of a process, and nothing is left of it.

For tests to whom the process is no law: `running.vampctl` decides.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from unittest.mock import patch

import structlog
import typer

from tests.support.worlds.records.databases import make_engine_compiled
from vampd.cli import program
from vampd.cli.main import main
from vampd.store.database import connection

_make_app = program.app_for


def run_here(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run ``vampctl --config FILE ...`` to its end, with nothing on standard input."""
    out, err = _Stream(), _Stream()
    status = 0
    with _as_in_a_new_process(command), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except Exception:  # noqa: BLE001 - as the interpreter tells of any
            status = 1
            traceback.print_exc(file=err)
    return subprocess.CompletedProcess(list(command), status, out.text(), err.text())


class _Stream(io.TextIOWrapper):
    """A standard stream that leads to a file."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", errors="backslashreplace")

    def text(self) -> str:
        """All that was written."""
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


def _app_for(words: Sequence[str]) -> typer.Typer:
    """Stand in for `program.app_for`: made once for what it depends on, the command's name."""
    return _app(*words[2:3])


@cache
def _app(*first_word: str) -> typer.Typer:
    return _make_app(first_word)


@contextmanager
def _as_in_a_new_process(command: Sequence[str]) -> Iterator[None]:
    """What belongs to a process is the command's own meanwhile, and as before afterwards.

    Of the commands that run here, none sets up a log or takes a signal.
    """
    logged = structlog.get_config()
    with (
        open(os.devnull) as nothing,
        patch.dict(os.environ),
        patch.object(sys, "argv", list(command)),
        patch.object(sys, "stdin", nothing),
        patch.object(sys, "excepthook", sys.excepthook),
        patch.object(connection, "create_engine", make_engine_compiled),
        patch.object(program, "app_for", _app_for),
    ):
        structlog.reset_defaults()
        try:
            yield
        finally:
            structlog.configure(**logged)
