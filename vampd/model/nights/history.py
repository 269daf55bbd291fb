"""What an event makes of a night's record and history; pure, so that every store does the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vampd.errors import ClaimLost, IllegalTransition, StateError
from vampd.model.nights.night import NightId, name_commands
from vampd.model.nights.record import Discovery, EventRecord, NightRecord, unsound_field
from vampd.model.nights.state import (
    RESTORE_UNFINISHED,
    Event,
    EventName,
    Gate,
    StageName,
    State,
    Status,
    advance,
    opened_gate,
)

# The last error stays visible while the night runs again, until something succeeds or a person
# intervenes.
_TELLS = frozenset(
    {
        EventName.FAILED,
        EventName.HELD,
        EventName.INTERRUPTED,
        EventName.RESTORE_BEGUN,
        EventName.RESTORED,
    }
)
_CLEARS = frozenset(
    {
        EventName.ADVANCED,
        EventName.RETRIED,
        EventName.RELEASED,
        EventName.REOPENED,
        EventName.RETIMED,
        EventName.CONTINUED,
    }
)
_TRIED = frozenset({Status.RUNNING, Status.WAITING})
_GOES_BACK = frozenset(
    {EventName.RETRIED, EventName.REOPENED, EventName.RESTORED, EventName.EXTENDED}
)
# These are about the raw files of a night, and no move of it.
_ABOUT_RAW = frozenset({EventName.MARKED, EventName.UNMARKED, EventName.PURGED})
_UNMARKS = frozenset({EventName.HELD, EventName.RESTORE_BEGUN})
# These judge the products again.
_CLOSES_GATES = frozenset({EventName.REOPENED, EventName.RESTORED})
# What may happen to a night whose restoring has begun.
_WHILE_RESTORED = frozenset({EventName.RESTORE_BEGUN, EventName.RESTORED})


def refuse_stale_claim(record: NightRecord, claim: int | None) -> None:
    """ClaimLost (``claim_lost``) unless the night runs under this claim; None is no claim."""
    if claim is None or (record.state.status is Status.RUNNING and record.claim == claim):
        return
    raise ClaimLost(
        "claim_lost",
        f"attempt under claim {claim} of {record.night} has ended: the night is"
        f" {record.state.status} under claim {record.claim}; its result is dropped",
        night=str(record.night),
    )


def moved(
    record: NightRecord, event: Event, *, at: float, code: str | None, message: str | None
) -> NightRecord:
    """The record after the event.

    IllegalTransition if the machine has no such move; ValueError rather than a record that no store
    could read again.
    """
    _refuse_half_restored(record, event)
    event = _to_sync(record, event)
    state = advance(record.night.kind, record.state, event)
    # What it waited for, it waited for in the state that it leaves.
    after = replace(record, state=state, changed_at=at, note_code=None, note=None)
    if event.name is EventName.CLAIMED:
        after = replace(after.without_progress(), claim=record.claim + 1)
    if event.name is EventName.RELEASED and record.refused:
        after = replace(after, let_go=tuple(sorted({*record.let_go, *record.refused})))
    elif event.name is EventName.RELEASED:
        gate = opened_gate(record.state, record.code)
        after = replace(after, released=record.released | ({gate} if gate else frozenset()))
    if event.name in _CLOSES_GATES:
        after = replace(after, released=record.released & {Gate.OLD_TOOLS})
    if event.name is EventName.RESTORED:
        after = replace(after, released=after.released | {Gate.OLD_TOOLS})
    if _ends_late_partners(record, after, event):
        after = replace(after, released=after.released - {Gate.LATE_PARTNERS})
    if event.name is EventName.ADVANCED and record.state.stage is StageName.TRANSFER:
        passed = {Gate.SET_ASIDE_CHANGED, Gate.OTHER_PRODUCTS}
        after = replace(after, released=after.released - passed)
    if event.name is EventName.ADVANCED and record.state.stage is StageName.SYNC:
        after = replace(after, released=after.released - {Gate.RAW_CHANGED})
    if event.name in _TELLS:
        error = None if message is None else name_commands(message, record.night.date)
        after = replace(after, code=code, error=error)
    if event.name in _CLEARS:
        after = replace(after, code=None, error=None, refused=(), needs_person=False)
    if _ends_let_go(record, event):
        after = replace(after, let_go=())
    if event.name is EventName.DISPROVED:
        after = replace(record, safe_at=None)
    if event.name in _ABOUT_RAW:
        after = replace(record, purge_after=event.not_before)
    if event.name is EventName.RESTORE_BEGUN:
        # Its products go, so that raw is what they are made from again.
        after = replace(after, safe_at=None)
    if event.name in _UNMARKS:
        after = replace(after, purge_after=None)
    if ends_proofs(event):
        # A person's word about this copy, and not about the next.
        after = replace(after, released=after.released - {Gate.NIGHT_GONE})
    if event.name in _GOES_BACK or event.stage is not None:
        after = _without_later_proofs(after)
    if (field := unsound_field(after)) is not None:
        raise ValueError(f"{event.name} of {record.night}: no {field} that can be read again")
    return after


def noted(
    before: NightRecord,
    after: NightRecord,
    event: Event,
    *,
    at: float,
    actor: str,
    code: str | None,
    message: str | None,
) -> EventRecord:
    """The line of history for this move; a release without a code names what it opened."""
    attempting = after if event.name is EventName.CLAIMED else before
    return EventRecord(
        night=before.night,
        at=at,
        event=event.name,
        stage=before.state.stage,
        attempt=attempting.state.attempts,
        code=_code_of(before, event, code),
        actor=actor,
        message=_message_of(before, event, message),
        to_stage=_to_sync(before, event).stage,
        not_before=event.not_before,
    )


def discovered(
    known: NightRecord | None, found: Discovery, *, at: float, actor: str
) -> tuple[NightRecord, tuple[EventRecord, ...]]:
    """The record of a night that was found, and what it adds to its history.

    One that is known and no longer fills stays as it is; but what earlier versions held for traces
    of the old tools is judged as if it were found now.
    """
    record = known or NightRecord(found.night, State(), discovered_at=at, changed_at=at)
    lines: list[EventRecord] = []
    events = []
    if record.state.status is Status.HELD and record.code == Gate.OLD_TOOLS:
        events.append((EventName.RETRIED, "nights of the old tools are judged again"))
    elif record.state.status is not Status.FILLING:
        return record, ()
    if found.traces is not None:
        events.append((EventName.RECOGNIZED, found.traces))
    for name, message in events:
        event, before = Event(name), record
        record = moved(before, event, at=at, code=None, message=message)
        lines.append(noted(before, record, event, at=at, actor=actor, code=None, message=message))
    return replace(record, note_code=found.note_code, note=found.note), tuple(lines)


def _to_sync(record: NightRecord, event: Event) -> Event:
    """The event; a release without raw files that a later stage could not read goes to sync.

    There they are set aside, and the products that want them are withdrawn. Those of the old tools
    are given up at fpack.
    """
    if event.name is EventName.RELEASED and record.refused:
        first = _first_stage(record)
        return replace(event, stage=None if record.state.stage is first else first)
    return event


def _first_stage(record: NightRecord) -> StageName:
    return StageName.FPACK if record.state.is_continued else StageName.SYNC


def _code_of(before: NightRecord, event: Event, code: str | None) -> str | None:
    if event.name is EventName.RELEASED and code is None:
        if before.refused:
            return before.code
        gate = opened_gate(before.state, before.code)
        return None if gate is None else gate.value
    return code


def _message_of(before: NightRecord, event: Event, message: str | None) -> str | None:
    if event.name is EventName.RELEASED and before.refused and message is None:
        return f"goes on without {', '.join(before.refused)}"
    return None if message is None else name_commands(message, before.night.date)


def ends_proofs(event: Event) -> bool:
    """Whether the event asks for the archive copy to be read again.

    Late data and failures leave the copy's proofs as they are; a person who sends a night back
    does not believe them.
    """
    order = tuple(StageName)
    return (
        event.name is EventName.RETRIED
        and event.stage is not None
        and order.index(event.stage) <= order.index(StageName.TRANSFER)
    )


def after_lost_proofs(record: NightRecord) -> Event | None:
    """The event of a night whose archive copy must be read again, through no fault of its own.

    What was safe goes back to transfer, as does what was being sent or waited to be; a hold stays.
    Whatever else was not safe needs what it needed before.
    """
    state = record.state
    if state.status is Status.HELD:
        return Event(EventName.DISPROVED) if record.safe_at is not None else None
    if record.safe_at is not None and _is_before_transfer(record):
        return Event(EventName.DISPROVED)
    is_tried = state.stage is StageName.TRANSFER and state.status in _TRIED
    if record.safe_at is not None or is_tried:
        return Event(EventName.RETRIED, StageName.TRANSFER)
    return None


def _is_before_transfer(record: NightRecord) -> bool:
    """Whether the night comes to transfer by itself: its raw files were only given other times."""
    order = tuple(StageName)
    return order.index(record.state.stage) < order.index(StageName.TRANSFER)


def last_releaser(history: Iterable[EventRecord], code: str) -> str | None:
    """Who released the night last from a hold with this code; None if no one did."""
    releases = (each for each in history if each.event is EventName.RELEASED)
    return next((each.actor for each in reversed([*releases]) if each.code == code), None)


def unknown_night(night: NightId) -> StateError:
    """The error for work on a night that was never discovered."""
    return StateError(
        "night_unknown", f"{night} was never discovered; it has no state", night=str(night)
    )


def _ends_late_partners(before: NightRecord, after: NightRecord, event: Event) -> bool:
    """Whether the late partners that a person let pass are no longer those at hand.

    They have their IDs by now, or sync may find others.
    """
    passed = event.name is EventName.ADVANCED and before.state.stage is StageName.FRAMEIDS
    return passed or after.state.stage is StageName.SYNC


def _ends_let_go(before: NightRecord, event: Event) -> bool:
    """Whether the files that a person let go are set aside by now, or wanted again."""
    passed = event.name is EventName.ADVANCED and before.state.stage is _first_stage(before)
    return passed or event.name in (EventName.RETRIED, EventName.RESTORED)


def _refuse_half_restored(record: NightRecord, event: Event) -> None:
    """Only restoring goes on where it was begun, and only there it ends."""
    unfinished = record.code == RESTORE_UNFINISHED
    if unfinished and event.name not in _WHILE_RESTORED:
        raise IllegalTransition(
            RESTORE_UNFINISHED,
            f"restoring {record.night.date} was begun and has not ended;"
            f" `vampctl restore {record.night.date}` resumes it",
        )
    if event.name is EventName.RESTORED and not unfinished:
        raise IllegalTransition(
            "illegal_transition", f"restoring {record.night.date} was not begun, so it cannot end"
        )


def _without_later_proofs(record: NightRecord) -> NightRecord:
    # A night that goes back has to pass its stages again; what they proved no longer holds.
    order = tuple(StageName)
    stage = order.index(record.state.stage)
    if stage <= order.index(StageName.FPACK):
        record = replace(record, processed_at=None)
    if stage <= order.index(StageName.TRANSFER):
        record = replace(record, transferred_at=None, safe_at=None)
    return record
