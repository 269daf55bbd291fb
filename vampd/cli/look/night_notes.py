"""Notes of the nights: in one line, what a night waits for, or why it needs a person.

`status`, `why` and the objects for programs say the same, from here.
"""

from __future__ import annotations

from vampd.cli.shared.words import describe_raw, format_duration, format_time, one_line
from vampd.model.delivery import REMADE_UNMAILED, Correspondence
from vampd.model.nights import UNREAD_NOTES, NightRecord, Status, WaitCode, remaining_wait_s

NO_MAIL = Correspondence()
_PROBLEMS = UNREAD_NOTES | {
    WaitCode.BUG,
    WaitCode.DAMAGED_HERE,
    WaitCode.ROOT_UNKNOWN,
    WaitCode.UNKNOWN_FILES,
}
_NOT_SAFE = "NOT safe: the archive copy was found bad"


def needs_person(record: NightRecord) -> bool:
    """Whether a night waits for something that only a person can do."""
    return not is_passed_over(record) and (
        record.state.status is Status.HELD
        or record.needs_person
        or record.note_code == WaitCode.NOT_READABLE
    )


def is_passed_over(record: NightRecord) -> bool:
    """Whether vampd leaves a night alone: one of the old tools, or before watch.ignore_before."""
    if record.state.status is Status.LEGACY:
        return True
    is_worked_on = record.state.status in (Status.RUNNING, Status.DONE)
    return record.note_code == WaitCode.IGNORED and not is_worked_on


def sum_up_mail(record: NightRecord, correspondence: Correspondence) -> str:
    """What was mailed of the manifests that lie in its folder, '' for none."""
    return correspondence.sum_up(record.night, record.manifests or 0, record.manifest_sums)


def is_remade(record: NightRecord, correspondence: Correspondence) -> bool:
    """Whether a finished night is not what was announced of it, and STARS has not been told."""
    is_done = record.state.status is Status.DONE
    return is_done and sum_up_mail(record, correspondence) == REMADE_UNMAILED


def has_problem(record: NightRecord, correspondence: Correspondence = NO_MAIL) -> bool:
    """Whether a night needs a person, or is not as it should be."""
    return not is_passed_over(record) and (
        needs_person(record)
        or record.note_code in _PROBLEMS
        or (record.state.status is Status.DONE and record.safe_at is None)
        or is_remade(record, correspondence)
    )


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
            safe = "safe" if record.safe_at is not None else _NOT_SAFE
            mail = sum_up_mail(record, correspondence)
            raw = describe_raw(record)
            unexpected = f"unexpected: {record.verdict}" if record.verdict else ""
            known = ", ".join(
                part for part in (safe, unexpected, raw, mail, _mark(record, now)) if part
            )
            # What is not as it should be comes first.
            parts = (note, known) if record.safe_at is not None else (known, note)
            return "; ".join(part for part in parts if part)
        case _:
            return note


def describe_failure(record: NightRecord) -> str:
    """The last failure or the reason of a hold, code first, in one line; '' without any."""
    return ": ".join(one_line(text) for text in (record.code, record.error) if text)


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
