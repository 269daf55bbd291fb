"""The commands of vampctl that tell what the page tells."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from vampd.cli.shared.output import write_lines
from vampd.cli.shared.session import ConfigOption, settings_of
from vampd.web.extra import refuse_without_extra


def metrics(
    context: typer.Context,
    textfile: Annotated[
        Path | None,
        typer.Option(
            "--textfile",
            metavar="PATH",
            help="Write them there, over an older file, whole or not at all.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Print the metrics of the nights, for Prometheus.

    They are what vampd-web answers at /metrics. With --textfile they become a file for the textfile
    collector of node-exporter, where a timer runs this. Needs the extra `web`:
    pip install 'vampd[web]'.
    """
    refuse_without_extra("vampctl metrics")
    from vampd.web.pages.metrics import tell_metrics
    from vampd.web.sight import NightsReader

    told = tell_metrics(NightsReader(settings_of(context, config)), time.time())
    if textfile is None:
        write_lines(told.decode().splitlines())
        return
    from vampd.disk.durable import replacing

    with replacing(textfile.absolute()) as file:
        file.write(told)
