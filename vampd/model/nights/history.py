"""What an event makes of a night's record and history; pure, so that every store does the same."""

from __future__ import annotations

from dataclasses import replace

from vampd.errors import ClaimLost, StateError
from vampd.model.nights.night import NightId
from vampd.model.nights.record import EventRecord, NightRecord
from vampd.model.nights.state import (
    RESTORED,
    Event,
    EventName,
    Gate,
    StageName,
    Status,
    advance,
    opened_gate,
)

# The last error stays visible while the night runs again, until something succeeds or a person
# intervenes.
_TELLS = frozenset({EventName.FAILED, EventName.HELD, EventName.INTERRUPTED})
_CLEARS = frozenset({EventName.ADVANCED, EventName.RETRIED, EventName.RELEASED, EventName.REOPENED})
_GOES_BACK = frozenset({EventName.RETRIED, EventName.REOPENED})


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
    """The record after the event; IllegalTransition if the machine has no such move."""
    state = advance(record.night.kind, record.state, event)
    # What it waited for, it waited for in the state that it leaves.
    after = replace(record, state=state, changed_at=at, note_code=None, note=None)
    if event.name is EventName.CLAIMED:
        after = replace(after, claim=record.claim + 1)
    if event.name is EventName.RELEASED:
        gate = opened_gate(record.state, record.code)
        after = replace(after, released=record.released | ({gate} if gate else frozenset()))
    if event.name is EventName.REOPENED:
        after = replace(after, released=record.released & {Gate.OLD_TOOLS})
    if code == RESTORED:
        after = replace(after, released=after.released | {Gate.OLD_TOOLS})
    if event.name in _TELLS:
        after = replace(after, code=code, error=message)
    if event.name in _CLEARS:
        after = replace(after, code=None, error=None)
    if event.name in _GOES_BACK:
        after = _without_later_proofs(after)
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
    """The line of history for this move; a release without a code names the gate it opened."""
    attempting = after if event.name is EventName.CLAIMED else before
    return EventRecord(
        night=before.night,
        at=at,
        event=event.name,
        stage=before.state.stage,
        attempt=attempting.state.attempts,
        code=_code_of(before, event, code),
        actor=actor,
        message=message,
        to_stage=event.stage,
        not_before=event.not_before,
    )


def _code_of(before: NightRecord, event: Event, code: str | None) -> str | None:
    if event.name is EventName.RELEASED and code is None:
        gate = opened_gate(before.state, before.code)
        return None if gate is None else gate.value
    return code


def unknown_night(night: NightId) -> StateError:
    """The error for work on a night that was never discovered."""
    return StateError(
        "night_unknown", f"{night} was never discovered; it has no state", night=str(night)
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
