"""vampd-worker as a job that dask-jobqueue submits: ``python -m vampd.cli.job ADDRESS ...``.

It is started by the words that dask's own worker takes. Those that say who it is and how much it
may do count; where the scheduler is, and how it is met, stands in the configuration.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vampd.cli.running import run_app
from vampd.cli.service import LogLevelOption, LogTargetOption, make_app, reporting
from vampd.cli.shared.session import read_settings
from vampd.errors import VampdError
from vampd.log import LogLevel, LogTarget, configure_log, get_log

app = make_app()


def _log_failure(error: VampdError) -> None:
    get_log().error("worker.failed", code=error.code, error=error.message)


@app.command(
    name="vampd-worker",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def run(
    config: Annotated[Path, typer.Option("--config", metavar="FILE")],
    name: Annotated[str, typer.Option("--name", help="The name that the crew knows it by.")],
    places: Annotated[int, typer.Option("--nthreads", min=1, help="How many pack at once.")],
    patience_s: Annotated[
        float, typer.Option("--death-timeout", help="Seconds to wait for the scheduler.")
    ] = 60.0,
    log_target: LogTargetOption = LogTarget.AUTO,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Pack for the vampd of another host until the scheduler, or the job, ends."""
    settings = read_settings(config)
    schedule = settings.schedule.model_copy(update={"workers": places})
    configure_log(log_target, log_level)
    with reporting(_log_failure):
        from vampd.wiring.worker import run_worker

        run_worker(settings.model_copy(update={"schedule": schedule}), name, patience_s)


def main() -> NoReturn:
    """Run it and exit."""
    run_app("vampd-worker", app)


if __name__ == "__main__":
    main()
