"""vampctl status: the state of the nights, and what they wait for."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vampd.cli.shared.session import (
    READ_NIGHT,
    ConfigOption,
    JsonOption,
    KindOption,
    settings_of,
)
from vampd.cli.status.listing import Asked, show_status
from vampd.cli.status.nights_table import NAMES, columns_named
from vampd.errors import EXIT_NIGHT

NightOrAll = Annotated[
    str | None,
    typer.Argument(metavar="NIGHT", help=READ_NIGHT, show_default=False),
]


def status(
    context: typer.Context,
    night: NightOrAll = None,
    kind: KindOption = None,
    only_problems: Annotated[
        bool,
        typer.Option("--problems", help="Only what needs a person."),
    ] = False,
    only_held: Annotated[bool, typer.Option("--held", help="Only held nights.")] = False,
    only_unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Only finished nights that are NOT safe.")
    ] = False,
    only_unmailed: Annotated[
        bool, typer.Option("--unmailed", help="Only finished nights with a manifest to mail.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="NIGHT", help="From this date on.", show_default=False),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option(
            "--last", metavar="N", min=1, help="The newest N of them.", show_default=False
        ),
    ] = None,
    list_all: Annotated[
        bool,
        typer.Option("--all", help="List also the nights that vampd leaves alone, one by one."),
    ] = False,
    columns: Annotated[
        str | None,
        typer.Option(
            "--columns",
            metavar="NAMES",
            help=f"Only these, each night in one line: {', '.join(NAMES)}.",
            show_default=False,
        ),
    ] = None,
    is_wide: Annotated[
        bool,
        typer.Option("--wide", help="All of these columns; what has no room stands below."),
    ] = False,
    checks: Annotated[
        bool,
        typer.Option("--check", help="Exit with 1 if any of it needs a person, or vampd is down."),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the state of all nights, or one night's last events.

    Nights of the old tools (legacy) and those before watch.ignore_before are counted in one line.
    --held, --unsafe and --unmailed together show what is any of them. Below, one line sums up all
    that is listed, and the last line says whether vampd runs (`vampctl daemon` says more). Progress
    counts actions, its percentage the bytes to pack or send; a time is when the stage will be done,
    and of one night also when all of it will be. Age is the time since the night's last event.
    Works whether or not the daemon is running.

    A terminal without room for a night's line leaves out columns, size and age first; with --wide
    the note says what they would. --columns cuts the line at its edge; in a pipe nothing is cut.

    --check, for cron and monitors: exit status 1 if any of what is listed needs a person (held, NOT
    safe, damaged, unreadable, given up on, remade after it was mailed) or vampd is not running; 0
    for what only is not mailed yet.
    """
    from vampd.disk.life_signs import look_for_life
    from vampd.wiring.connections import look

    asked = Asked(
        night=night,
        kind=kind,
        only_problems=only_problems,
        only_held=only_held,
        only_unsafe=only_unsafe,
        only_unmailed=only_unmailed,
        since=since,
        last=last,
        list_all=list_all,
        columns=NAMES if is_wide else _choose(columns),
        as_json=as_json,
        checks=checks,
    )
    settings = settings_of(context, config)
    now = time.time()
    with look(settings) as seen:
        life = look_for_life(settings.database.path, now)
        needs_person = show_status(asked, seen, settings.watch.root, life, now)
    if needs_person:
        raise typer.Exit(EXIT_NIGHT)


def _choose(columns: str | None) -> tuple[str, ...] | None:
    """The columns that were asked for by name, None for the usual ones."""
    try:
        return None if columns is None else columns_named(columns)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
