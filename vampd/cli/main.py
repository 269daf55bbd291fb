"""vampctl: query and control vampd."""

from __future__ import annotations

import sys
from typing import NoReturn

from vampd.cli.running import run_command, run_typer


def main() -> NoReturn:
    """Run vampctl and exit."""
    run_command("vampctl", _run)


def _run() -> None:
    words = sys.argv[1:]
    if "status" in words:
        from vampd.cli.status.plain import show_plainly

        if (exit_status := show_plainly(words)) is not None:
            sys.exit(exit_status)
    from vampd.cli.program import app_for

    run_typer("vampctl", app_for(words))
