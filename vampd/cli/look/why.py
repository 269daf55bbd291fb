"""vampctl why: what a night waits for and what can be done, for whoever must act on it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from vampd.cli.explanations import find_explanation
from vampd.cli.look.advice import advise
from vampd.cli.look.log import journal_query
from vampd.cli.look.night_notes import describe, describe_failure, is_remade
from vampd.cli.look.night_objects import event_object, night_object
from vampd.cli.shared.nights import choose_shown, show_each, title_of, with_kinds
from vampd.cli.shared.output import (
    Column,
    is_terminal,
    write,
    write_json,
    write_lines,
    write_table,
)
from vampd.cli.shared.progress import expected_end, format_night_end, format_work
from vampd.cli.shared.readiness import judge_now, wait_object
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    ReadNightArgument,
    reading,
)
from vampd.cli.shared.words import (
    format_duration,
    format_moment,
)
from vampd.errors import EXIT_OK
from vampd.model.delivery import Correspondence
from vampd.model.nights import (
    EventName,
    Ready,
    Status,
    Wait,
    WaitCode,
    remaining_wait_s,
    stages_of,
)

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord, NightRecord
    from vampd.model.progress import NightEnd

CONTINUED = (
    "the old tools', under their frame IDs: `adopt --continue` took the night on from packing, so"
    " that sync has no part in it, and its raw is never purged"
)
_TROUBLES = frozenset({EventName.FAILED, EventName.HELD, EventName.INTERRUPTED})
_STOPPED = frozenset(
    {
        WaitCode.IGNORED,
        WaitCode.UNLISTED,
        WaitCode.NOT_READABLE,
        WaitCode.OLD_TOOLS,
        WaitCode.NO_AUTHORITY,
        WaitCode.OLDER_NIGHT,
    }
)
_FILLING = frozenset(
    {
        WaitCode.NO_CUBES,
        WaitCode.UNKNOWN_FILES,
        WaitCode.BEFORE_HOUR,
        WaitCode.STILL_WRITTEN,
    }
)


def why(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a night's state, the reason, and what you can do.

    What it waits for and since when, its next attempt, and the query for the journal. The last
    error is shown in full, even if resolved, where the reason does not say it already. A date that
    is an archive night and an engineering night shows both; --json wants --kind then.
    """
    with reading(context, config) as connections:
        records, now = with_kinds(connections.store.nights()), time.time()
        chosen = choose_shown(records, night, kind, now, one=as_json)

        def show(record: NightRecord) -> int:
            judged = judge_now(connections, record, records)
            events = connections.store.history(record.night)
            correspondence = connections.mail_log.correspondence(record.night)
            end = expected_end(record, records, connections.store.history, now)
            advice = list(advise(record, judged, records, correspondence))
            of_kind = record.night.kind if len(chosen) > 1 else None
            query = " ".join(journal_query(record, of_kind))
            if as_json:
                trouble = last_trouble(events)
                write_json(
                    {
                        **night_object(record, now, correspondence, end),
                        "waits_for": wait_object(judged),
                        "last_error": None if trouble is None else event_object(trouble),
                        "advice": advice,
                        "journal": query,
                    }
                )
                return EXIT_OK
            stale_s = connections.settings.watch.stale_s
            _show(record, events, judged, correspondence, now, stale_s, end)
            write_lines(("", "what you can do"))
            write_table((Column(), Column()), [(f"  {a['command']}", a["what"]) for a in advice])
            write_lines(("", "journal", f"  {query}"))
            return EXIT_OK

        if status := show_each(chosen, show):
            raise typer.Exit(status)


def last_trouble(events: Sequence[EventRecord]) -> EventRecord | None:
    """The newest event that records a failure or a hold, resolved or not."""
    return next(
        (e for e in reversed(events) if e.event in _TROUBLES and (e.code or e.message)), None
    )


def _show(
    record: NightRecord,
    events: Sequence[EventRecord],
    judged: Ready | Wait,
    correspondence: Correspondence,
    now: float,
    stale_s: float,
    end: NightEnd | None,
) -> None:
    state = record.state
    stages = stages_of(record.night.kind)
    trouble = last_trouble(events)
    passed = trouble is not None and record.code is None
    because = _reason(record, judged, correspondence, now)
    changes = [
        ("stage", f"{state.stage} ({stages.index(state.stage) + 1} of {len(stages)})"),
        ("status", f"{state.status}, since {format_moment(record.changed_at, now)}"),
        ("because", because),
        ("products", CONTINUED if state.is_continued else ""),
        ("progress", format_work(record, now)),
        ("all of it", format_night_end(end, now)),
        ("attempts", str(state.attempts) if state.attempts else ""),
        ("next", _next(record, judged, correspondence, now, stale_s)),
    ]
    write(title_of(record.night))
    write_table((Column(), Column()), [(f"  {name}", value) for name, value in changes if value])
    if trouble is not None:
        when = format_moment(trouble.at, now)
        write("")
        write(f"last error{' (resolved)' if passed else ''}: {trouble.code or 'no code'}")
        write(f"  at {trouble.stage}, attempt {trouble.attempt}, {when}, by {trouble.actor}")
        said = trouble.message or "without a message"
        # What stands above in full is not said again.
        for line in () if because.endswith(said) else said.splitlines():
            _write_prose(line)
        if trouble.code is not None and find_explanation(trouble.code) is not None:
            _write_prose(f"`vampctl explain {trouble.code}` says what it means")


def _write_prose(line: str) -> None:
    # Lines of a traceback keep their indentation; prose is wrapped by the table.
    if line.startswith(" ") or not is_terminal():
        write(f"  {line}")
    else:
        write_table((Column(), Column()), [("", line)])


def _reason(
    record: NightRecord, judged: Ready | Wait, correspondence: Correspondence, now: float
) -> str:
    # Of a night that is yet to start the note may be old: what counts is the verdict.
    without_note = replace(record, note_code=None, note=None)
    waits = judged.text if isinstance(judged, Wait) else ""
    match record.state.status:
        case Status.FILLING | Status.READY:
            return waits or "it may start at any time"
        case Status.WAITING if isinstance(judged, Ready) or judged.code is WaitCode.RETRY_LATER:
            return describe(without_note, now)
        case Status.WAITING:
            return "; ".join(part for part in (describe_failure(record), waits) if part)
        case Status.HELD if _is_stopped(judged):
            return f"{describe(without_note, now)}; {waits}"
        case _:
            return describe(record, now, correspondence)


def _is_stopped(judged: Ready | Wait) -> bool:
    """Whether it waits for something else than time or its cameras."""
    return isinstance(judged, Wait) and judged.code in _STOPPED


def _next(
    record: NightRecord,
    judged: Ready | Wait,
    correspondence: Correspondence,
    now: float,
    stale_s: float,
) -> str:
    # A settled night with new raw files is judged as filling.
    code = judged.code if isinstance(judged, Wait) else None
    match record.state.status:
        case Status.READY | Status.WAITING | Status.FILLING | Status.HELD if _is_stopped(judged):
            return "nothing until that has changed"
        case _ if code is WaitCode.INCOMPLETE_CUBES:
            stale = format_duration(stale_s)
            return f"it starts by itself when they are complete, or {stale} after the last change"
        case status if status is Status.FILLING or code in _FILLING:
            return "it starts by itself once it is quiet and its hour has come"
        case Status.WAITING:
            return f"attempt {record.state.attempts + 1}, {_when(record, code, now)}"
        case Status.READY:
            return "an attempt, when vampd is running and has capacity"
        case Status.RUNNING:
            return f"running, for {format_duration(now - record.changed_at)}"
        case Status.HELD:
            return "nothing, until someone decides"
        case Status.DONE if record.safe_at is None:
            return "nothing by itself, until someone has it sent again"
        case Status.DONE if is_remade(record, correspondence):
            return "nothing by itself, until someone tells STARS what was remade"
        case Status.DONE:
            return "nothing left to do"
        case Status.LEGACY:
            return "nothing: vampd leaves it as the old tools left it"


def _when(record: NightRecord, code: WaitCode | None, now: float) -> str:
    """When a night that failed is tried again."""
    at = record.state.not_before
    if at is None or at <= now:
        return "when there is capacity"
    if code is WaitCode.RETRY_LATER and remaining_wait_s(record, now):
        return format_moment(at, now)
    moment = format_moment(at, now).partition(",")[0]
    return f"{moment} by a clock that was wrong, so as soon as vampd is running"
