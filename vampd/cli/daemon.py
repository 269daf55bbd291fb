"""vampd: the daemon's command line."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import Annotated, NoReturn

import typer

from vampd import __version__
from vampd.cli.shared.output import write
from vampd.cli.shared.session import (
    ConfigOption,
    examples,
    read_settings,
    run_app,
)
from vampd.config import config_path
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, configure_log, get_log, is_journal

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        write(f"vampd {__version__}")
        raise typer.Exit


@app.command(
    name="vampd",
    epilog=examples(
        "vampd --config /etc/vampd/vampd.toml",
        "vampd --config vampd.toml --until-idle --log console",
    ),
)
def run(
    config: ConfigOption = None,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Exit when no night can advance further.")
    ] = False,
    log_target: Annotated[
        LogTarget,
        typer.Option("--log", help="auto: the journal under systemd, else the console."),
    ] = LogTarget.AUTO,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", help="The lowest level that is logged.")
    ] = LogLevel.INFO,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """Take nights from raw cubes to verified products on the archive host.

    SIGTERM stops it; SIGHUP makes it reread its configuration for the next attempts. Exit status:
    0 stopped or idle, 1 cannot work (the database, another vampd), 2 usage, 78 configuration.
    """
    # Before anything heavy, so that an unusable configuration is reported at once.
    read = partial(read_settings, config)
    configure_log(log_target, log_level)
    try:
        read()
        from vampd.daemon.scheduler import RunMode
        from vampd.wiring.daemon import run_daemon

        mode = RunMode.UNTIL_IDLE if until_idle else RunMode.FOREVER
        run_daemon(read, mode, config_path(config))
    except VampdError as error:
        if not is_journal(sys.stderr, os.environ):
            raise
        # A line on standard error would also reach the journal, but without its fields.
        get_log().error("daemon.failed", code=error.code, error=error.message)
        raise typer.Exit(error.exit_status) from error


def main() -> NoReturn:
    """Run vampd and exit."""
    run_app("vampd", app)
