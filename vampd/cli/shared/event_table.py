"""The events of a night as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vampd.cli.shared.output import Column, write_table
from vampd.cli.shared.words import format_time, one_line

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord

_EVENT_COLUMNS = (
    Column("time (UT)"),
    Column("event"),
    Column("stage"),
    Column("attempt", align_right=True),
    Column("by"),
    Column("message"),
)


def show_events(events: Sequence[EventRecord]) -> None:
    """Write events as a table."""
    write_table(_EVENT_COLUMNS, [_event_row(event) for event in events])


def _event_row(event: EventRecord) -> tuple[str, ...]:
    text = ": ".join(one_line(part) for part in (event.code, event.message) if part)
    if event.to_stage is not None:
        text = f"back to {event.to_stage}" + (f"; {text}" if text else "")
    return (
        format_time(event.at).replace("T", " ").removesuffix("Z"),
        str(event.event),
        str(event.stage),
        str(event.attempt),
        event.actor,
        text,
    )
