"""Notes of the nights: in one line, what a night waits for, or why it needs a person.

`status`, `why` and the objects for programs say the same, from here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from vampd.cli.shared.words import count_of, describe_raw, format_duration, format_time, one_line
from vampd.model.delivery import Correspondence
from vampd.model.nights import (
    Gate,
    NightId,
    NightRecord,
    Status,
    WaitCode,
    remaining_wait_s,
)
from vampd.model.standing import (
    NO_MAIL,
    NOT_SAFE,
    describe_failure,
    describe_quality,
    has_problem,
    is_held,
    is_passed_over,
    is_remade,
    is_unmailed,
    is_unsafe,
    needs_person,
    sum_up_mail,
)

__all__ = [
    "NOT_SAFE",
    "NO_MAIL",
    "choose_asked",
    "describe",
    "describe_failure",
    "describe_quality",
    "describe_release",
    "has_problem",
    "is_held",
    "is_passed_over",
    "is_remade",
    "is_unmailed",
    "is_unsafe",
    "needs_person",
    "sum_up_counts",
    "sum_up_left",
    "sum_up_mail",
    "sum_up_nights",
    "sum_up_passed_over",
]

_GATES = {
    Gate.CARD_MISSING: "missing cards",
    Gate.LATE_PARTNERS: "late partners",
    Gate.NIGHT_GONE: "the loss of its archive copy",
    Gate.OLDER_NIGHTS: "older nights",
    Gate.OTHER_PRODUCTS: "other products at the archive",
    Gate.SET_ASIDE_CHANGED: "set-aside files that have changed",
    Gate.OLD_TOOLS: "the traces that a restore leaves of the old tools",
    Gate.SYNC_UNEXPECTED: "the verdict of sync",
}


def choose_asked(
    records: Sequence[NightRecord],
    correspondence: Mapping[NightId, Correspondence],
    asked: Collection[str],
) -> tuple[NightRecord, ...]:
    """The nights that are any of what is asked for: held, unsafe, unmailed; all for nothing."""
    return tuple(
        record
        for record in records
        if not asked
        or ("held" in asked and is_held(record))
        or ("unsafe" in asked and is_unsafe(record))
        or ("unmailed" in asked and is_unmailed(record, correspondence.get(record.night, NO_MAIL)))
    )


def sum_up_nights(
    records: Sequence[NightRecord], correspondence: Mapping[NightId, Correspondence]
) -> str:
    """``27 nights: 3 held, 1 NOT safe, 2 unmailed``, or only ``27 nights``."""
    unmailed = sum(is_unmailed(r, correspondence.get(r.night, NO_MAIL)) for r in records)
    held, unsafe = sum(map(is_held, records)), sum(map(is_unsafe, records))
    return sum_up_counts(len(records), held, unsafe, unmailed)


def sum_up_counts(nights: int, held: int, unsafe: int, unmailed: int) -> str:
    """What `sum_up_nights` says of so many."""
    counts = {"held": held, "NOT safe": unsafe, "unmailed": unmailed}
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return ": ".join(part for part in (count_of(nights, "night"), said) if part)


def sum_up_passed_over(left: Sequence[NightRecord]) -> str:
    """The nights that vampd leaves alone, in one line."""
    legacy = sum(record.state.status is Status.LEGACY for record in left)
    first, last = left[0].night.date, left[-1].night.date
    return f"{sum_up_left(legacy, len(left) - legacy, first, last)}; --all lists them"


def sum_up_left(legacy: int, ignored: int, first: str, last: str) -> str:
    """What `sum_up_passed_over` says of so many, from a date to another."""
    counts = [(legacy, "of the old tools (legacy)"), (ignored, "ignored")]
    parts = [f"{count_of(count, 'night')} {what}" for count, what in counts if count]
    return f"{', '.join(parts)}, {' to '.join(dict.fromkeys((first, last)))}"


def describe(record: NightRecord, now: float, correspondence: Correspondence = NO_MAIL) -> str:
    """What the night waits for by its note, or why it is held, in one line."""
    state = record.state
    note = one_line(record.note) if record.note else ""
    reason = describe_failure(record)
    match state.status:
        case Status.FILLING:
            return note or "still being written, or before its hour"
        case Status.RUNNING:
            attempt = f"attempt {state.attempts}" if state.attempts > 1 else ""
            before = f"before: {reason}" if reason else ""
            return "; ".join(part for part in (note, attempt, before) if part)
        case Status.WAITING if record.note_code == WaitCode.NO_AUTHORITY:
            # No attempt comes by itself, and the reason says the same.
            return note
        case Status.WAITING:
            called = "needs a person: " if record.needs_person else ""
            return called + "; ".join(
                part for part in (reason, _next_attempt(record, now), note) if part
            )
        case Status.HELD if is_passed_over(record):
            return note
        case Status.HELD:
            return "; ".join(part for part in (reason, note) if part) or "held without a reason"
        case Status.DONE:
            safe = "safe" if record.safe_at is not None else NOT_SAFE
            mail = sum_up_mail(record, correspondence)
            raw = describe_raw(record)
            unexpected = f"unexpected: {record.verdict}" if record.verdict else ""
            whose = "products of the old tools" if state.is_continued else ""
            known = ", ".join(
                part for part in (safe, whose, unexpected, raw, mail, _mark(record, now)) if part
            )
            # What is not as it should be comes first.
            parts = (note, known) if record.safe_at is not None else (known, note)
            return "; ".join(part for part in parts if part)
        case _:
            return note


def _mark(record: NightRecord, now: float) -> str:
    """Until when its raw stays, if it is marked for deletion."""
    due = record.purge_after
    if due is None:
        return ""
    when = f"from {format_time(due)[:10]} on" if due > now else "and due"
    return f"marked for deletion {when}"


def _next_attempt(record: NightRecord, now: float) -> str:
    wait_s = remaining_wait_s(record, now)
    return f"next attempt in {format_duration(wait_s)}" if wait_s > 0 else "next attempt now"


def describe_release(record: NightRecord) -> str:
    """Which gates a person has opened for it, '' for none."""
    gates = ", ".join(_GATES[gate] for gate in sorted(record.released))
    return f"past {gates}, by a person" if gates else ""
