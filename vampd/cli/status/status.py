"""vampctl status: the state of the nights, and what they wait for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.checks.old_tools import warn_of_old_tools
from vampd.cli.look.night_notes import (
    NO_MAIL,
    choose_asked,
    has_problem,
    is_passed_over,
    sum_up_nights,
    sum_up_passed_over,
)
from vampd.cli.look.night_objects import event_object, night_object
from vampd.cli.shared.nights import choose_records, date_of_word, parse_night, with_kinds
from vampd.cli.shared.output import (
    Column,
    write,
    write_json,
    write_table,
)
from vampd.cli.shared.progress import expected_end
from vampd.cli.shared.session import (
    READ_NIGHT,
    ConfigOption,
    JsonOption,
    KindOption,
    settings_of,
)
from vampd.cli.shared.words import (
    one_line,
)
from vampd.cli.status.daemon_words import describe_life, style_of_life
from vampd.cli.status.nights_table import NAMES, show_nights
from vampd.cli.status.one_night import show_night
from vampd.errors import EXIT_NIGHT
from vampd.model.nights import UNREAD_NOTES

if TYPE_CHECKING:
    from vampd.model.life_sign import Life
    from vampd.model.nights import NightRecord

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
        bool, typer.Option("--wide", help="All of these columns, each night in one line.")
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

    A terminal without room for a night's line leaves out columns, size and age first. --wide and
    --columns cut the line at its edge instead; in a pipe nothing is cut.

    --check, for cron and monitors: exit status 1 if any of what is listed needs a person (held, NOT
    safe, damaged, unreadable, given up on, remade after it was mailed) or vampd is not running; 0
    for what only is not mailed yet.
    """
    from vampd.disk.life_signs import look_for_life
    from vampd.wiring.connections import look

    chosen = NAMES if is_wide else _choose(columns)
    settings = settings_of(context, config)
    with look(settings) as seen:
        records = with_kinds(seen.nights)
        if night is not None:
            records = choose_records(records, night, kind, time.time())
        elif kind is not None:
            records = tuple(record for record in records if record.night.kind is kind)
        known = records
        correspondence = seen.correspondence.by_night()
        if since is not None:
            first = parse_night(date_of_word(records, since, kind, time.time()))
            records = tuple(record for record in records if record.night.date >= first)
        asked = {"held": only_held, "unsafe": only_unsafe, "unmailed": only_unmailed}
        records = choose_asked(records, correspondence, {name for name in asked if asked[name]})
        if only_problems:
            records = tuple(
                record
                for record in records
                if has_problem(record, correspondence.get(record.night, NO_MAIL))
            )
        if last is not None:
            records = records[-last:]
        now = time.time()
        life = look_for_life(settings.database.path, now)
        strangers = _describe_strangers(settings.watch.root, known) if only_problems else []
        is_well = not (
            seen.unreadable
            or strangers
            or life.needs_person(now)
            or any(has_problem(one, correspondence.get(one.night, NO_MAIL)) for one in records)
        )
        if as_json:
            objects = [
                night_object(
                    record,
                    now,
                    correspondence.get(record.night, NO_MAIL),
                    expected_end(record, seen.nights, seen.history, now),
                )
                for record in records
            ]
            # One night's history is an answer; all nights' would be a dump.
            if night is not None:
                for entry, record in zip(objects, records, strict=True):
                    entry["events"] = [event_object(e) for e in seen.history(record.night)]
            write_json(objects)
        elif night is None:
            lines = [*(one_line(str(row)) for row in seen.unreadable), *strangers]
            left = [] if list_all else [each for each in records if is_passed_over(each)]
            listed = [each for each in records if list_all or not is_passed_over(each)]
            if listed or not (only_problems or known):
                show_nights(listed, now, correspondence, chosen)
            elif only_problems:
                if not (lines or life.needs_person(now)):
                    write("nothing needs a person")
            elif not (lines or records):
                write("no such night")
            if left:
                write_table((Column(style_of=lambda _: "dim"),), [(sum_up_passed_over(left),)])
            if listed:
                write(sum_up_nights(listed, correspondence))
            if warning := warn_of_old_tools(settings.watch.root, now):
                lines.append(one_line(warning))
            for line in lines:
                write(line)
            if life.needs_person(now) or not only_problems:
                _show_life(life, now)
        else:
            for position, record in enumerate(records):
                if position:
                    write("")
                show_night(
                    record,
                    seen.history(record.night),
                    now,
                    correspondence.get(record.night, NO_MAIL),
                    expected_end(record, seen.nights, seen.history, now),
                )
    if checks and not is_well:
        raise typer.Exit(EXIT_NIGHT)


def _choose(columns: str | None) -> tuple[str, ...] | None:
    """The columns that were asked for by name, None for the usual ones."""
    if columns is None:
        return None
    names = tuple(name.strip() for name in columns.split(","))
    if unknown := [name for name in names if name not in NAMES]:
        raise typer.BadParameter(f"no column {unknown[0]!r}; choose from {', '.join(NAMES)}")
    return names


def _show_life(life: Life, now: float) -> None:
    """Write the line on vampd itself."""
    column = Column(style_of=lambda _: style_of_life(life))
    write_table((column,), [(describe_life(life, now),)])


def _describe_strangers(root: Path, records: Sequence[NightRecord]) -> list[str]:
    from vampd.engine.nights.night_listing import find_strangers
    from vampd.engine.nights.strays import find_strays

    # A disk that does not answer is not asked again.
    asked = (one for one in records if one.note_code not in UNREAD_NOTES)
    readable = [one.night for one in asked if not is_passed_over(one)]
    return [
        one_line(f"{stranger.path} {stranger.why}; vampd leaves it alone")
        for stranger in (*find_strangers(root), *find_strays(root, readable))
    ]
