"""Nights whose runner was killed: resumed, or held after too many times."""

from __future__ import annotations

from vampd.disk.failpoint import failpoint
from vampd.errors import ClaimLost
from vampd.log import get_log
from vampd.model.nights import Event, EventName, NightRecord
from vampd.ports import NightStore

_log = get_log()


def interrupt_orphan(store: NightStore, record: NightRecord, *, attempts: int, now: float) -> None:
    """End the attempt of a night that no process runs any more; it counts as an attempt.

    After ``attempts`` of them the night is held: it may be what kills its runner.
    """
    exhausted = record.state.attempts >= attempts
    event = Event(EventName.HELD if exhausted else EventName.INTERRUPTED)
    message = (
        f"the daemon ended {record.state.attempts} times while this night ran"
        if exhausted
        else "the daemon ended while this night ran"
    )
    try:
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
    if exhausted:
        _log.error("night.held", **night, code="interrupted", error=message)
    else:
        _log.warning("night.interrupted", **night, code="interrupted")
