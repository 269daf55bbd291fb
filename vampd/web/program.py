"""vampd-web: the page's command line."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from vampd import __version__
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, examples, read_settings, run_app
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, configure_log, get_log, is_journal
from vampd.web.extra import refuse_without_extra

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
    name="vampd-web",
    epilog=examples("vampd-web --config /etc/vampd/vampd.toml", "vampd-web --log console"),
)
def run(
    config: ConfigOption = None,
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
    """Serve the page of the nights at [web] listen, and the same for programs, by reading alone.

    vampd neither starts nor needs it, and it works with vampd up or down. Needs the extra `web`:
    pip install 'vampd[web]'. SIGTERM stops it. Exit status: 0 stopped, 1 cannot listen or the extra
    is missing, 2 usage, 78 configuration.
    """
    settings = read_settings(config)
    configure_log(log_target, log_level)
    try:
        refuse_without_extra("vampd-web")
        from vampd.web.server import serve

        serve(settings)
    except VampdError as error:
        if not is_journal(sys.stderr, os.environ):
            raise
        # A line on standard error would also reach the journal, but without its fields.
        get_log().error("web.failed", code=error.code, error=error.message)
        raise typer.Exit(error.exit_status) from error


def main() -> NoReturn:
    """Run vampd-web and exit."""
    run_app("vampd-web", app)
