"""What `vampctl status` shows of what was read: the table, the sums, vampd, or JSON.

Imports neither typer nor the settings, so that it can be shown at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.cli.checks.old_tools import warn_of_old_tools
from vampd.cli.look.night_notes import (
    NO_MAIL,
    choose_asked,
    has_problem,
    is_passed_over,
    sum_up_nights,
    sum_up_passed_over,
)
from vampd.cli.shared.nights import choose_records, date_of_word, parse_night, with_kinds
from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.progress import expected_end
from vampd.cli.shared.words import one_line
from vampd.cli.status.daemon_words import describe_life, style_of_life
from vampd.cli.status.nights_table import show_nights
from vampd.model.nights import UNREAD_NOTES

if TYPE_CHECKING:
    from vampd.model.delivery import Correspondence
    from vampd.model.life_sign import Life
    from vampd.model.nights import Kind, NightId, NightRecord
    from vampd.store.fast_status import StatusSnapshot


@dataclass(frozen=True)
class Asked:
    """What of the nights is asked for, and how it is shown."""

    night: str | None = None
    kind: Kind | None = None
    only_problems: bool = False
    only_held: bool = False
    only_unsafe: bool = False
    only_unmailed: bool = False
    since: str | None = None
    last: int | None = None
    list_all: bool = False
    # None: the usual ones.
    columns: tuple[str, ...] | None = None
    as_json: bool = False
    # Whether the answer is asked for.
    checks: bool = False


def show_status(asked: Asked, seen: StatusSnapshot, root: Path, life: Life, now: float) -> bool:
    """Write it; if that is asked for, gives whether anything needs a person, or vampd is down."""
    known = records = _chosen(asked, with_kinds(seen.nights), now)
    correspondence = seen.correspondence.by_night()
    if asked.since is not None:
        first = parse_night(date_of_word(records, asked.since, asked.kind, now))
        records = tuple(record for record in records if record.night.date >= first)
    wanted = {
        "held": asked.only_held,
        "unsafe": asked.only_unsafe,
        "unmailed": asked.only_unmailed,
    }
    records = choose_asked(records, correspondence, {name for name in wanted if wanted[name]})
    if asked.only_problems:
        records = tuple(
            record
            for record in records
            if has_problem(record, correspondence.get(record.night, NO_MAIL))
        )
    if asked.last is not None:
        records = records[-asked.last :]
    strangers = _describe_strangers(root, known) if asked.only_problems else []
    if asked.as_json:
        _show_objects(asked, records, correspondence, seen, now)
    elif asked.night is not None:
        _show_each(records, correspondence, seen, now)
    else:
        lines = [*(one_line(str(row)) for row in seen.unreadable), *strangers]
        left = [] if asked.list_all else [each for each in records if is_passed_over(each)]
        listed = [each for each in records if asked.list_all or not is_passed_over(each)]
        if listed or not (asked.only_problems or known):
            show_nights(listed, now, correspondence, asked.columns)
        elif asked.only_problems:
            if not (lines or life.needs_person(now)):
                write("nothing needs a person")
        elif not (lines or records):
            write("no such night")
        if left:
            write_table((Column(style_of=lambda _: "dim"),), [(sum_up_passed_over(left),)])
        if listed:
            write(sum_up_nights(listed, correspondence))
        if warning := warn_of_old_tools(root, now):
            lines.append(one_line(warning))
        for line in lines:
            write(line)
        if life.needs_person(now) or not asked.only_problems:
            _show_life(life, now)
    return asked.checks and bool(
        seen.unreadable
        or strangers
        or life.needs_person(now)
        or any(has_problem(one, correspondence.get(one.night, NO_MAIL)) for one in records)
    )


def _chosen(asked: Asked, records: tuple[NightRecord, ...], now: float) -> tuple[NightRecord, ...]:
    if asked.night is not None:
        return choose_records(records, asked.night, asked.kind, now)
    if asked.kind is not None:
        return tuple(record for record in records if record.night.kind is asked.kind)
    return records


def _show_objects(
    asked: Asked,
    records: Sequence[NightRecord],
    correspondence: Mapping[NightId, Correspondence],
    seen: StatusSnapshot,
    now: float,
) -> None:
    from vampd.cli.look.night_objects import event_object, night_object

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
    if asked.night is not None:
        for entry, record in zip(objects, records, strict=True):
            entry["events"] = [event_object(e) for e in seen.history(record.night)]
    write_json(objects)


def _show_each(
    records: Sequence[NightRecord],
    correspondence: Mapping[NightId, Correspondence],
    seen: StatusSnapshot,
    now: float,
) -> None:
    from vampd.cli.status.one_night import show_night

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
