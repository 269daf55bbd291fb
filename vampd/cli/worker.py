"""vampd-worker: the command line of a host that packs for the daemon of another one."""

from __future__ import annotations

import os
from typing import Annotated, NoReturn

import typer

from vampd.cli.running import run_app
from vampd.cli.service import LogLevelOption, LogTargetOption, VersionOption, make_app, reporting
from vampd.cli.shared.session import ConfigOption, examples, read_settings
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, configure_log, get_log

app = make_app()


def _log_failure(error: VampdError) -> None:
    get_log().error("worker.failed", code=error.code, error=error.message)


@app.command(
    name="vampd-worker",
    epilog=examples(
        "vampd-worker --config /etc/vampd/vampd.toml", "vampd-worker --host w1 --log console"
    ),
)
def run(
    config: ConfigOption = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="The name that the crew knows it by. [default: this host's]"),
    ] = None,
    log_target: LogTargetOption = LogTarget.AUTO,
    log_level: LogLevelOption = LogLevel.INFO,
    version: VersionOption = False,
) -> None:
    """Pack for the vampd of another host; one on each host, by the daemon's own configuration.

    It meets the daemon at [crew] scheduler, and works on the same root, with the places of
    [schedule] workers. Needs the extra `dask`: pip install 'vampd[dask]'. SIGTERM stops it; what it
    has in hand is then packed elsewhere. Exit status: 0 stopped, 1 cannot work, 2 usage, 78
    configuration.
    """
    settings = read_settings(config)
    configure_log(log_target, log_level)
    with reporting(_log_failure):
        from vampd.wiring.worker import run_worker

        run_worker(settings, host or os.uname().nodename)


def main() -> NoReturn:
    """Run vampd-worker and exit."""
    run_app("vampd-worker", app)
