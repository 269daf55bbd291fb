"""vampctl why, history, log: all that is known about one night, for whoever must act on it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.look.advice import advise
from vampd.cli.look.status import (
    describe,
    event_object,
    night_object,
    show_events,
)
from vampd.cli.shared.nights import choose_record, choose_records, title_of
from vampd.cli.shared.output import Column, is_terminal, write, write_json, write_table
from vampd.cli.shared.progress import format_progress_in_full
from vampd.cli.shared.readiness import judge_now, wait_object
from vampd.cli.shared.session import ConfigOption, JsonOption, KindOption, NightArgument, connected
from vampd.cli.shared.words import (
    count_of,
    format_duration,
    format_moment,
    format_time,
    format_time_or_none,
)
from vampd.errors import DataError, VampdError
from vampd.model.nights import EventName, Ready, Status, Wait, WaitCode, stages_of

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord, Kind, NightRecord
    from vampd.model.proofs import RecordedReceipt

_TROUBLES = frozenset({EventName.FAILED, EventName.HELD, EventName.INTERRUPTED})
_LONGEST_SILENCE_S = 120.0

LinesOption = Annotated[
    int, typer.Option("--lines", "-n", min=1, help="At most the last so many records.")
]
WarningsOption = Annotated[bool, typer.Option("--warnings", help="Only warnings and errors.")]


def why(
    context: typer.Context,
    night: NightArgument,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show a night's state, the reason, and what you can do.

    What it waits for and since when, its next attempt, and the query for the journal. The last
    error is shown in full, even if resolved.
    """
    with connected(context, config) as connections:
        records = connections.store.nights()
        record = choose_record(records, night, kind)
        judged = judge_now(connections, record, records)
        events = connections.store.history(record.night)
    now = time.time()
    advice = list(advise(record, records))
    if as_json:
        trouble = last_trouble(events)
        write_json(
            {
                **night_object(record, now),
                "waits_for": wait_object(judged),
                "last_error": None if trouble is None else event_object(trouble),
                "advice": advice,
                "journal": " ".join(journal_query(record)),
            }
        )
    else:
        _show(record, events, judged, now)
        write("\nwhat you can do")
        write_table((Column(), Column()), [(f"  {a['command']}", a["what"]) for a in advice])
        write(f"\njournal\n  {' '.join(journal_query(record))}")


def history(
    context: typer.Context,
    night: NightArgument,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show everything that happened to a night, oldest first.

    Packing receipts that a restore has ended follow; --json lists each. A date that is an archive
    night and an engineering night shows both, unless --kind names one.
    """
    with connected(context, config) as connections:
        chosen = [
            (
                record,
                connections.store.history(record.night),
                [
                    r
                    for r in connections.packing_receipts.of(record.night)
                    if r.ended_at is not None
                ],
            )
            for record in choose_records(connections.store.nights(), night, kind)
        ]
    if as_json:
        write_json(
            [
                {
                    **_named(record),
                    "events": [event_object(event) for event in events],
                    "ended_receipts": [_receipt_object(receipt) for receipt in ended],
                }
                for record, events, ended in chosen
            ]
        )
        return
    for position, (record, events, ended) in enumerate(chosen):
        if position:
            write("")
        write(f"{title_of(record.night)}, {count_of(len(events), 'event')}")
        if events:
            show_events(events)
        for (at, actor), count in Counter((r.ended_at, r.ended_by) for r in ended).items():
            write(f"{count_of(count, 'packing receipt')} ended {format_time(at or 0)} by {actor}")


def _receipt_object(recorded: RecordedReceipt) -> dict[str, Any]:
    receipt = recorded.receipt
    return {
        "path": receipt.path,
        "size": receipt.size,
        "sha256": receipt.sha256,
        "identity": receipt.identity,
        "form": receipt.form,
        "at": format_time(recorded.at),
        "ended_at": format_time_or_none(recorded.ended_at),
        "ended_by": recorded.ended_by,
    }


def log(
    context: typer.Context,
    night: NightArgument,
    kind: KindOption = None,
    lines: LinesOption = 1000,
    only_warnings: WarningsOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what the journal holds of a night, oldest first.

    It runs `journalctl` with the query that `vampctl why` prints; without a journal it says so, and
    the exit status is 1.
    """
    from vampd.adapters.process import run_process
    from vampd.disk.pace import SteadyPace

    with connected(context, config) as connections:
        (record, *others) = choose_records(connections.store.nights(), night, kind)
    of_kind = None if others else kind
    command = [*journal_query(record, of_kind), "--no-pager", "--output=short-iso", f"-n{lines}"]
    if only_warnings:
        command.append("--priority=warning")
    try:
        ended = run_process(command, pace=SteadyPace(), silent_after_s=_LONGEST_SILENCE_S)
    except VampdError as error:
        raise _no_journal(error.message) from error
    shown = ended.stdout.decode("utf-8", "replace").rstrip("\n")
    if "insufficient permissions" in ended.stderr:
        raise DataError(
            "journal_closed",
            "you may not read the journal: join the group systemd-journal (`usermod -aG"
            " systemd-journal NAME`); `vampctl history NIGHT` works without",
        )
    if "No journal files" in ended.stderr or (ended.status and "journal" in ended.stderr.lower()):
        raise _no_journal(ended.last_words)
    if shown and not shown.startswith("-- No entries --"):
        write(shown)
        return
    write(f"the journal has no records of {title_of(record.night)}; `vampctl history` does")


def journal_query(record: NightRecord, kind: Kind | None = None) -> list[str]:
    """The journal query for a night, as arguments."""
    words = ["journalctl", "-u", "vampd", f"VAMPD_NIGHT={record.night.date}"]
    return words if kind is None else [*words, f"VAMPD_KIND={kind}"]


def _no_journal(words: str) -> VampdError:
    return VampdError(
        "no_journal",
        f"there is no journal to query: {words}; vampd logs to it under systemd, else to its"
        " standard error; `vampctl history NIGHT` works without",
    )


def last_trouble(events: Sequence[EventRecord]) -> EventRecord | None:
    """The newest event that records a failure or a hold, resolved or not."""
    return next(
        (e for e in reversed(events) if e.event in _TROUBLES and (e.code or e.message)), None
    )


def _show(
    record: NightRecord, events: Sequence[EventRecord], judged: Ready | Wait, now: float
) -> None:
    state = record.state
    stages = stages_of(record.night.kind)
    trouble = last_trouble(events)
    passed = trouble is not None and record.code is None
    changes = [
        ("stage", f"{state.stage} ({stages.index(state.stage) + 1} of {len(stages)})"),
        ("status", f"{state.status}, since {format_moment(record.changed_at, now)}"),
        ("because", _reason(record, judged, now)),
        ("progress", format_progress_in_full(record)),
        ("attempts", str(state.attempts) if state.attempts else ""),
        ("next", _next(record, judged, now)),
    ]
    write(title_of(record.night))
    write_table((Column(), Column()), [(f"  {name}", value) for name, value in changes if value])
    if trouble is not None:
        when = format_moment(trouble.at, now)
        write(f"\nlast error{' (resolved)' if passed else ''}: {trouble.code or 'no code'}")
        write(f"  at {trouble.stage}, attempt {trouble.attempt}, {when}, by {trouble.actor}")
        for line in (trouble.message or "without a message").splitlines():
            _write_prose(line)


def _write_prose(line: str) -> None:
    # Lines of a traceback keep their indentation; prose is wrapped by the table.
    if line.startswith(" ") or not is_terminal():
        write(f"  {line}")
    else:
        write_table((Column(), Column()), [("", line)])


def _reason(record: NightRecord, judged: Ready | Wait, now: float) -> str:
    if record.state.status is Status.FILLING and isinstance(judged, Wait):
        return judged.text  # as it is now, even if vampd is not running
    described = describe(record, now)
    if described:
        return described
    if record.state.status is Status.READY:
        return judged.text if isinstance(judged, Wait) else "it may start at any time"
    return ""


def _next(record: NightRecord, judged: Ready | Wait, now: float) -> str:
    waits = isinstance(judged, Wait) and judged.code in (
        WaitCode.IGNORED,
        WaitCode.NO_AUTHORITY,
        WaitCode.OLDER_NIGHT,
    )
    match record.state.status:
        case Status.READY | Status.WAITING | Status.FILLING if waits:
            return "nothing until that has changed"
        case Status.WAITING:
            at = record.state.not_before
            return f"attempt {record.state.attempts + 1}" + (
                f", {format_moment(at, now)}" if at and at > now else ", when there is capacity"
            )
        case Status.READY:
            return "an attempt, when vampd is running and has capacity"
        case Status.FILLING:
            return "it starts by itself once it is quiet and its hour has come"
        case Status.RUNNING:
            return f"running, for {format_duration(now - record.changed_at)}"
        case Status.HELD:
            return "nothing, until someone decides"
        case Status.DONE if record.safe_at is None:
            return "nothing by itself, until someone has it sent again"
        case Status.DONE:
            return "nothing left to do"


def _named(record: NightRecord) -> dict[str, str]:
    return {"date": record.night.date, "kind": str(record.night.kind)}
