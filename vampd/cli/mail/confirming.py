"""Questions before something is recorded or mailed that was mailed before."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vampd.errors import UsageError

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(code: str, question: str, yes: bool) -> None:
    """Ask; UsageError with this code for no, or where no one can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(code, f"{question} Not a terminal, so cannot ask: pass --yes to confirm")
    if not typer.confirm(question):
        raise UsageError(code, "nothing was done")
