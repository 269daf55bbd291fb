"""vampd: the daemon's command line."""

from __future__ import annotations

from functools import partial
from typing import Annotated, NoReturn

import typer

from vampd.cli.running import run_app
from vampd.cli.service import LogLevelOption, LogTargetOption, VersionOption, make_app, reporting
from vampd.cli.shared.session import ConfigOption, examples, read_settings
from vampd.config import config_path
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, configure_log, get_log

app = make_app()


def _log_failure(error: VampdError) -> None:
    get_log().error("daemon.failed", code=error.code, error=error.message)


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
    log_target: LogTargetOption = LogTarget.AUTO,
    log_level: LogLevelOption = LogLevel.INFO,
    version: VersionOption = False,
) -> None:
    """Take nights from raw cubes to verified products on the archive host.

    SIGTERM stops it; SIGHUP makes it reread its configuration for the next attempts. Exit status:
    0 stopped or idle, 1 cannot work (the database, another vampd), 2 usage, 78 configuration.
    """
    # Before anything heavy, so that an unusable configuration is reported at once.
    read = partial(read_settings, config)
    configure_log(log_target, log_level)
    with reporting(_log_failure):
        read()
        from vampd.daemon.scheduler import RunMode
        from vampd.wiring.daemon import run_daemon

        mode = RunMode.UNTIL_IDLE if until_idle else RunMode.FOREVER
        run_daemon(read, mode, config_path(config))


def main() -> NoReturn:
    """Run vampd and exit."""
    run_app("vampd", app)
