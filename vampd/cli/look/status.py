"""vampctl status: the state of the nights, and what they wait for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.checks.old_tools import warn_of_old_tools
from vampd.cli.look.night_notes import (
    NO_MAIL,
    NOT_SAFE,
    choose_asked,
    describe,
    describe_release,
    has_problem,
    is_passed_over,
    sum_up_nights,
    sum_up_passed_over,
)
from vampd.cli.look.night_objects import event_object, night_object
from vampd.cli.shared.event_table import show_events
from vampd.cli.shared.nights import choose_records, date_of_word, parse_night, title_of, with_kinds
from vampd.cli.shared.output import (
    Column,
    is_terminal,
    write,
    write_json,
    write_lines,
    write_table,
)
from vampd.cli.shared.progress import format_progress, format_progress_in_full
from vampd.cli.shared.session import (
    READ_NIGHT,
    ConfigOption,
    JsonOption,
    KindOption,
    settings_of,
)
from vampd.cli.shared.words import (
    describe_raw,
    format_duration,
    format_moment,
    format_size,
    one_line,
)
from vampd.model.delivery import Correspondence
from vampd.model.nights import UNREAD_NOTES, Status, stages_of

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord, NightId, NightRecord

_STYLES = {
    Status.FILLING: "dim",
    Status.READY: "",
    Status.RUNNING: "cyan",
    Status.WAITING: "yellow",
    Status.HELD: "bold red",
    Status.DONE: "green",
    Status.LEGACY: "dim",
}
_STATUS, _NOTE = 3, -1


def _style_of(row: Sequence[str]) -> str:
    """The color of a night's status; done and NOT safe is none that is good."""
    unsafe = row[_NOTE].startswith(NOT_SAFE)
    return "bold red" if unsafe else _STYLES[Status(row[_STATUS])]


_COLUMNS = (
    Column("date"),
    Column("kind"),
    Column("stage"),
    Column("status", style_in=_style_of),
    Column("progress", align_right=True),
    Column("frames", align_right=True),
    Column("size", align_right=True),
    Column("age", align_right=True),
    Column("note"),
)
_LAST_EVENTS = 10

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
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show the state of all nights, or one night's last events.

    Nights of the old tools (legacy) and those before watch.ignore_before are counted in one line.
    --held, --unsafe and --unmailed together show what is any of them. A last line sums up all that
    is listed. Progress counts actions; while cubes are packed, the percentage is of their bytes.
    Age is the time since the night's last event. Works whether or not the daemon is running.
    """
    from vampd.wiring.connections import look

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
        if as_json:
            objects = [
                night_object(record, now, correspondence.get(record.night, NO_MAIL))
                for record in records
            ]
            # One night's history is an answer; all nights' would be a dump.
            if night is not None:
                for entry, record in zip(objects, records, strict=True):
                    entry["events"] = [event_object(e) for e in seen.history(record.night)]
            write_json(objects)
        elif night is None:
            lines = [one_line(str(row)) for row in seen.unreadable]
            if only_problems:
                lines += _describe_strangers(settings.watch.root, known)
            left = [] if list_all else [each for each in records if is_passed_over(each)]
            listed = [each for each in records if list_all or not is_passed_over(each)]
            if listed or not (only_problems or known):
                show_nights(listed, now, correspondence)
            elif not lines and (only_problems or not records):
                write("nothing needs a person" if only_problems else "no such night")
            if left:
                write_table((Column(style_of=lambda _: "dim"),), [(sum_up_passed_over(left),)])
            if listed:
                write(sum_up_nights(listed, correspondence))
            if warning := warn_of_old_tools(settings.watch.root, now):
                lines.append(one_line(warning))
            for line in lines:
                write(line)
        else:
            for position, record in enumerate(records):
                if position:
                    write("")
                _show_night(
                    record,
                    seen.history(record.night),
                    now,
                    correspondence.get(record.night, NO_MAIL),
                )


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


def night_row(
    record: NightRecord, now: float, correspondence: Correspondence = NO_MAIL
) -> tuple[str, ...]:
    """The cells of the night's line, as `_COLUMNS` name them."""
    return (
        record.night.date,
        str(record.night.kind),
        str(record.state.stage),
        str(record.state.status),
        format_progress(record),
        f"{record.frames:,}" if record.frames else "-",
        format_size(record.bytes) if record.bytes else "-",
        format_duration(now - record.changed_at),
        describe(record, now, correspondence),
    )


def show_nights(
    records: Sequence[NightRecord],
    now: float,
    correspondence: Mapping[NightId, Correspondence] = MappingProxyType({}),
) -> None:
    """Write the table of nights."""
    if not records and is_terminal():
        write("no nights yet: vampd finds them below [watch] root")
        return
    write_table(
        _COLUMNS,
        [night_row(record, now, correspondence.get(record.night, NO_MAIL)) for record in records],
    )


def _show_night(
    record: NightRecord, history: Sequence[EventRecord], now: float, correspondence: Correspondence
) -> None:
    state = record.state
    stages = stages_of(record.night.kind)
    changes = [
        ("stage", f"{state.stage} ({stages.index(state.stage) + 1} of {len(stages)})"),
        ("status", f"{state.status}, since {format_moment(record.changed_at, now)}"),
        ("note", describe(record, now, correspondence)),
        ("verdict", _describe_verdict(record)),
        ("without", ", ".join(record.let_go)),
        ("progress", format_progress_in_full(record)),
        ("attempts", str(state.attempts) if state.attempts else ""),
        ("frames", f"{record.frames:,}" if record.frames else ""),
        ("size", format_size(record.bytes) if record.bytes else ""),
        ("raw", describe_raw(record)),
        ("released", describe_release(record)),
        ("discovered", format_moment(record.discovered_at, now)),
        *(
            (name, format_moment(at, now) if at is not None else "not yet")
            for name, at in (
                ("processed", record.processed_at),
                ("transferred", record.transferred_at),
                ("safe", record.safe_at),
            )
        ),
        *(
            (name, format_moment(at, now))
            for name, at in (
                ("mailed", correspondence.mailed_at(record.night, record.manifest_sums)),
                (
                    "acknowledged",
                    correspondence.acknowledged_at(record.night, record.manifest_sums),
                ),
                ("raw may go", record.purge_after),
            )
            if at is not None
        ),
    ]
    write(title_of(record.night))
    write_table((Column(), Column()), [(f"  {name}", value) for name, value in changes if value])
    if record.error and len(record.error.splitlines()) > 1:
        write_lines(("", "  error in full"))
        write_lines(f"    {line}" for line in record.error.splitlines())
    if history:
        last = history[-_LAST_EVENTS:]
        write_lines(("", f"last {len(last)} of {len(history)} events"))
        show_events(last)


def _describe_verdict(record: NightRecord) -> str:
    """What the gate makes of the night, '' before sync, or where an earlier version judged it."""
    from vampd.model.sync import describe_verdict

    if record.verdict is None:
        return ""
    return describe_verdict(record.verdict, is_empty=not record.frames)
