"""The pages of frame IDs, of mail, and of what needs a person."""

from __future__ import annotations

from typing import Any

from vampd.cli.ids.ledger import count_row, describe_refused, describe_sums, ledger_object
from vampd.cli.look.night_objects import night_object
from vampd.cli.mail.mailings import describe_acknowledged, mailing_row
from vampd.cli.mail.mailings import mailing_objects as objects_of_mail
from vampd.cli.shared.words import count_of
from vampd.cli.status.daemon_words import describe_life
from vampd.model.nights import NightRecord
from vampd.web.pages.seen import OUTCOME_STYLES, Seen, lines_of, named_cells, status_cell
from vampd.web.pages.sheet import Cell, Section, make_table


def tell_ledger(seen: Seen) -> tuple[Section, ...]:
    """Next IDs, unused grants, gaps, and the IDs of each night."""
    found = ledger_object(seen.measures)
    following = tuple(
        (f"next {numbers} ID", f"{frame_id or 'none is left'}, or later")
        for numbers, frame_id in found["next"].items()
    )
    rows = [count_row(one) for one in found["nights"]]
    counts = ("granted", "bound", "applied", "unused")
    gaps = [(one["first"], one["last"], f"{one['count']:,}") for one in found["gaps"]]
    refused = [describe_refused(one) for one in found["refused"]]
    return (
        Section(
            "sums",
            "On record",
            words=("`vampctl frameids` also reads file, folders and headers.",),
            facts=(("all", describe_sums(found)), *following),
        ),
        Section("unused-grants", "Unused grants", words=tuple(refused) or ("None.",)),
        Section(
            "gaps",
            "Gaps",
            words=() if gaps else ("None.",),
            table=make_table(
                "Numbers between granted ones that are not on record",
                ("first", "last", "count"),
                gaps,
                ("count",),
            ),
        ),
        Section(
            "nights",
            "Nights",
            words=() if rows else ("No ID was granted yet.",),
            table=make_table(
                "Newest first",
                ("date", "kind", "first", "last", *counts),
                [(*named_cells(seen, row[0], row[1]), *row[2:]) for row in rows],
                counts,
            ),
        ),
    )


def mailing_objects(seen: Seen) -> list[dict[str, Any]]:
    """The objects of `vampctl mailings --json`."""
    return objects_of_mail(seen.sight.correspondence.values())


def tell_mail(seen: Seen) -> tuple[Section, ...]:
    """What is to be mailed, what was, and what is acknowledged."""
    found = mailing_objects(seen)
    nights = [one.night for one in seen.sight.standings if one.is_unmailed]
    unmailed = lines_of(seen, seen.sight.records(nights))[::-1]
    rows = []
    for one in found:
        at, outcome, names, _, by, to = mailing_row(one)
        style = OUTCOME_STYLES.get(outcome, "plain")
        known = describe_acknowledged(one)
        known_style = "good" if known == "yes" else "waiting"
        status = Cell(outcome, style=style), Cell(known, style=known_style)
        rows.append((at, *status, names, by, to))
    return (
        Section(
            "unmailed",
            "To be mailed",
            words=() if unmailed else ("Nothing.",),
            table=make_table(
                "Nights with a manifest to mail, newest first",
                ("date", "kind", "mail"),
                [(Cell(line.date, line.name), line.kind, line.mail) for line in unmailed],
            ),
        ),
        Section(
            "mailed",
            "Mailed",
            words=() if rows else ("Nothing was mailed.",),
            table=make_table(
                "Mails with manifests, newest first; acknowledged: STARS has ingested them",
                ("time (UT)", "outcome", "acknowledged", "manifests", "by", "to"),
                rows,
            ),
        ),
    )


def _problems(seen: Seen) -> tuple[NightRecord, ...]:
    return seen.sight.records([one.night for one in seen.sight.standings if one.has_problem])


def problem_objects(seen: Seen) -> list[dict[str, Any]]:
    """The objects of `vampctl status --problems --json`."""
    return [night_object(one, seen.now, seen.sight.of(one.night)) for one in _problems(seen)]


def tell_problems(seen: Seen) -> tuple[Section, ...]:
    """Whether vampd runs, and the nights that need a person."""
    lines = lines_of(seen, _problems(seen))[::-1]
    rows = [(Cell(o.date, o.name), o.kind, o.stage, status_cell(o), o.age, o.note) for o in lines]
    is_down = seen.life.needs_person(seen.now)
    words = [describe_life(seen.life, seen.now)] if is_down else []
    words += seen.sight.unreadable
    called = count_of(len(rows), "night") if rows else "No night"
    return (
        Section("vampd", "vampd itself", words=tuple(words) or ("It runs.",), calls=bool(words)),
        Section(
            "called",
            "Nights",
            words=(f"{called} {'need' if len(rows) > 1 else 'needs'} a person.",),
            table=make_table(
                "Newest first", ("date", "kind", "stage", "status", "age", "note"), rows, ("age",)
            ),
            calls=bool(rows),
        ),
    )
