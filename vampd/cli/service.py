"""What the commands of services share: their options, and how an error of theirs is reported."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from vampd import __version__
from vampd.cli.shared.output import write
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, is_journal


def _show_version(asked: bool) -> None:
    if asked:
        write(f"vampd {__version__}")
        raise typer.Exit


LogTargetOption = Annotated[
    LogTarget, typer.Option("--log", help="auto: the journal under systemd, else the console.")
]
LogLevelOption = Annotated[
    LogLevel, typer.Option("--log-level", help="The lowest level that is logged.")
]
VersionOption = Annotated[
    bool,
    typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
]


def make_app() -> typer.Typer:
    """The application of a service, which has one command."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


@contextmanager
def reporting(log: Callable[[VampdError], None]) -> Iterator[None]:
    """Under systemd, ``log`` what ends the service, and exit with its status.

    Elsewhere the error goes on, to be written for people.
    """
    try:
        yield
    except VampdError as error:
        if not is_journal(sys.stderr, os.environ):
            raise
        # A line on standard error would also reach the journal, but without its fields.
        log(error)
        raise typer.Exit(error.exit_status) from error
