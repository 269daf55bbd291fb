"""One night in full: its state, its times, and its last events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vampd.cli.look.night_notes import describe, describe_quality, describe_release
from vampd.cli.shared.event_table import show_events
from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import Column, write, write_lines, write_table
from vampd.cli.shared.progress import format_night_end, format_work
from vampd.cli.shared.words import describe_raw, format_moment, format_size
from vampd.model.delivery import Correspondence
from vampd.model.nights import stages_of

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
    state = record.state
    stages = stages_of(record.night.kind)
    changes = [
        ("stage", f"{state.stage} ({stages.index(state.stage) + 1} of {len(stages)})"),
        ("status", f"{state.status}, since {format_moment(record.changed_at, now)}"),
        ("note", describe(record, now, correspondence)),
        ("quality", describe_quality(record).removeprefix("-")),
        ("verdict", _describe_verdict(record)),
        ("without", ", ".join(record.let_go)),
        ("progress", format_work(record, now)),
        ("all of it", format_night_end(end, now)),
        ("attempts", str(state.attempts) if state.attempts else ""),
        ("frames", f"{record.frames:,}" if record.frames else ""),
        ("size", format_size(record.bytes) if record.bytes else ""),
        ("raw", describe_raw(record)),
        ("released", describe_release(record)),
        ("discovered", format_moment(record.discovered_at, now)),
        *(
            (name, format_moment(at, now) if at is not None else "not yet")
            for name, at in (
                ("processed", record.processed_at),
                ("transferred", record.transferred_at),
                ("safe", record.safe_at),
            )
        ),
        *(
            (name, format_moment(at, now))
            for name, at in (
                ("mailed", correspondence.mailed_at(record.night, record.manifest_sums)),
                (
                    "acknowledged",
                    correspondence.acknowledged_at(record.night, record.manifest_sums),
                ),
                ("raw may go", record.purge_after),
            )
            if at is not None
        ),
    ]
    write(title_of(record.night))
    write_table((Column(), Column()), [(f"  {name}", value) for name, value in changes if value])
    if record.error and len(record.error.splitlines()) > 1:
        write_lines(("", "  error in full"))
        write_lines(f"    {line}" for line in record.error.splitlines())
    if history:
        last = history[-_LAST_EVENTS:]
        write_lines(("", f"last {len(last)} of {len(history)} events"))
        show_events(last)


def _describe_verdict(record: NightRecord) -> str:
    """What the gate makes of the night, '' before sync, or where an earlier version judged it."""
    from vampd.model.sync import describe_verdict

    if record.verdict is None:
        return ""
    return describe_verdict(record.verdict, is_empty=not record.frames)
