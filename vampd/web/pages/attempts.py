"""The attempts of a night, from its events: when each began, how it ended, and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vampd.model.nights import EventName, EventRecord

# What ends an attempt, and the class of how.
_ENDS = {
    EventName.ADVANCED: "good",
    EventName.FAILED: "waiting",
    EventName.HELD: "bad",
    EventName.RETRIED: "plain",
    EventName.INTERRUPTED: "waiting",
    EventName.ABANDONED: "plain",
    EventName.REOPENED: "plain",
}
RUNNING = "running"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a stage; times are unix seconds, ``ended`` None while it runs."""

    stage: str
    number: int
    began: float
    ended: float | None
    outcome: str
    style: str
    code: str


def find_attempts(events: Iterable[EventRecord]) -> Iterator[Attempt]:
    """The attempts, oldest first."""
    claimed: EventRecord | None = None
    for event in events:
        if event.event is EventName.CLAIMED:
            if claimed is not None:
                # A daemon of another time left no word of its end.
                yield _attempt(claimed, event.at, "unknown", "quiet")
            claimed = event
        elif claimed is not None and event.event in _ENDS:
            style = _ENDS[event.event]
            yield _attempt(claimed, event.at, str(event.event), style, event.code or "")
            claimed = None
    if claimed is not None:
        yield _attempt(claimed, None, RUNNING, "running")


def _attempt(
    claimed: EventRecord, ended: float | None, outcome: str, style: str, code: str = ""
) -> Attempt:
    stage, number = str(claimed.stage), claimed.attempt
    return Attempt(stage, number, claimed.at, ended, outcome, style, code)
