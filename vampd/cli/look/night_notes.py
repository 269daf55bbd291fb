"""Notes of the nights: in one line, what a night waits for, or why it needs a person.

`status`, `why` and the objects for programs say the same, from here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from vampd.cli.shared.words import count_of, describe_raw, format_duration, format_time, one_line
from vampd.model.delivery import REMADE_UNMAILED, Correspondence, MailState
from vampd.model.nights import (
    UNREAD_NOTES,
    Gate,
    NightId,
    NightRecord,
    Status,
    WaitCode,
    read_sync_sums,
    remaining_wait_s,
)

_GATES = {
    Gate.CARD_MISSING: "missing cards",
    Gate.LATE_PARTNERS: "late partners",
    Gate.NIGHT_GONE: "the loss of its archive copy",
    Gate.OLDER_NIGHTS: "older nights",
    Gate.SET_ASIDE_CHANGED: "set-aside files that have changed",
    Gate.OLD_TOOLS: "the traces that a restore leaves of the old tools",
    Gate.SYNC_UNEXPECTED: "the verdict of sync",
}
NO_MAIL = Correspondence()
_PROBLEMS = UNREAD_NOTES | {
    WaitCode.BUG,
    WaitCode.DAMAGED_HERE,
    WaitCode.ROOT_UNKNOWN,
    WaitCode.UNKNOWN_FILES,
}
NOT_SAFE = "NOT safe: the archive copy was found bad"


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


def is_held(record: NightRecord) -> bool:
    """Whether a night that vampd works on is held."""
    return record.state.status is Status.HELD and not is_passed_over(record)


def is_unsafe(record: NightRecord) -> bool:
    """Whether a night is finished, and its archive copy was found bad since."""
    return record.state.status is Status.DONE and record.safe_at is None


def is_unmailed(record: NightRecord, correspondence: Correspondence) -> bool:
    """Whether a finished night has a manifest that STARS was not sent."""
    is_done = record.state.status is Status.DONE
    return is_done and sum_up_mail(record, correspondence).endswith(MailState.UNMAILED)


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


def describe_quality(record: NightRecord) -> str:
    """What part of the frames is not as it should be; '' if all are, - before sync has ended."""
    sums = read_sync_sums(record.sync_sums)
    if sums is None:
        return "-"
    parts = {
        "aside": sums.aside_part,
        "unpaired": sums.unpaired_part,
        "dubious": sums.dubious_part,
    }
    said = [f"{_percent(part)} {what}" for what, part in parts.items() if part]
    if sums.aside_cubes and not sums.aside:
        # How many frames these have is not known.
        said.insert(0, f"{count_of(sums.aside_cubes, 'cube')} aside")
    return ", ".join(said)


def _percent(part: float) -> str:
    return "<0.1%" if part < 0.0005 else f"{part:.1%}"


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


def describe_release(record: NightRecord) -> str:
    """Which gates a person has opened for it, '' for none."""
    gates = ", ".join(_GATES[gate] for gate in sorted(record.released))
    return f"past {gates}, by a person" if gates else ""
