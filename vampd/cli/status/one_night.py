"""One night in full: its state, its times, and its last events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vampd.cli.look.night_facts import tell_facts
from vampd.cli.shared.event_table import show_events
from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import Column, write, write_lines, write_table
from vampd.model.delivery import Correspondence

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord, NightRecord
    from vampd.model.progress import NightEnd

_LAST_EVENTS = 10


def show_night(
    record: NightRecord,
    history: Sequence[EventRecord],
    now: float,
    correspondence: Correspondence,
    end: NightEnd | None,
) -> None:
    """Write the night, and when it will be done; what is unknown of it is left out."""
    facts = tell_facts(record, now, correspondence, end)
    write(title_of(record.night))
    write_table((Column(), Column()), [(f"  {name}", value) for name, value in facts])
    if record.error and len(record.error.splitlines()) > 1:
        write_lines(("", "  error in full"))
        write_lines(f"    {line}" for line in record.error.splitlines())
    if history:
        last = history[-_LAST_EVENTS:]
        write_lines(("", f"last {len(last)} of {len(history)} events"))
        show_events(last)
