"""The commands of vampctl that tell what the page tells."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from vampd.cli.shared.output import write, write_lines
from vampd.cli.shared.session import ConfigOption, settings_of
from vampd.cli.shared.words import count_of, path_of
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


def export(
    context: typer.Context,
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="DIR",
            help="The folder, which is new, empty, or of an earlier export.",
            show_default=False,
        ),
    ],
    config: ConfigOption = None,
) -> None:
    """Write the pages of vampd-web as files, for any server.

    They are the same pages, as of one moment, with the same objects in JSON; links among them work
    from a disk, and index.html is the first. The folder appears whole or not at all, and takes the
    place of an earlier export and of nothing else. Needs the extra `web`: pip install 'vampd[web]'.
    """
    refuse_without_extra("vampctl export")
    from vampd.web.export import export_pages
    from vampd.web.export_folder import write_export
    from vampd.web.sight import NightsReader

    settings = settings_of(context, config)
    reader, now = NightsReader(settings), time.time()
    life = reader.look_for_life(now)
    count = write_export(
        to,
        lambda put: reader.read(lambda sight: put(export_pages(settings, sight, life, now))),
    )
    write(f"{count_of(count, 'file')} in {path_of(to)}")
