"""Nights whose runner was killed, or hangs: resumed at once, after too many times later."""

from __future__ import annotations

from vampd.disk.failpoint import failpoint
from vampd.errors import ClaimLost
from vampd.log import get_log
from vampd.model.nights import (
    Event,
    EventName,
    NightRecord,
    NightUpdate,
    RetryPolicy,
    after_wait,
)
from vampd.ports import NightStore

_log = get_log()


def interrupt_orphan(
    store: NightStore,
    record: NightRecord,
    *,
    policy: RetryPolicy,
    now: float,
    why: str = "the daemon ended while this night ran",
) -> None:
    """End the attempt of a night that nobody runs any more; it counts as an attempt.

    After ``policy.attempts`` of them a person is needed, and the night is tried as any that fails:
    it may be what kills its runner.
    """
    attempts = record.state.attempts
    exhausted = attempts >= policy.attempts
    event = after_wait(policy, attempts, now, 0.0) if exhausted else Event(EventName.INTERRUPTED)
    message = f"{why}, at attempt {attempts} of this stage" if exhausted else why
    try:
        store.update(record.night, NightUpdate(needs_person=exhausted), claim=record.claim)
        store.apply(
            record.night,
            event,
            at=now,
            actor="vampd",
            claim=record.claim,
            code="interrupted",
            message=message,
        )
    except ClaimLost:
        return  # a runner in the foreground has just ended well
    failpoint("scheduler.recovery.committed")
    night = {"night": record.night.date, "kind": record.night.kind.value}
    _log.warning("night.interrupted", **night, code="interrupted")
    if exhausted and not record.needs_person:
        _log.error(
            "night.person_needed", **night, attempts=attempts, code="interrupted", error=message
        )
