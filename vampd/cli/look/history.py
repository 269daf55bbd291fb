"""vampctl history: everything that happened to a night."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.look.night_objects import event_object
from vampd.cli.shared.event_table import show_events
from vampd.cli.shared.nights import choose_records, named, title_of
from vampd.cli.shared.output import write, write_json
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    ReadNightArgument,
    reading,
)
from vampd.cli.shared.words import count_of, format_time, format_time_or_none
from vampd.model.nights import name_kind

if TYPE_CHECKING:
    from vampd.model.nights import EventRecord, NightRecord
    from vampd.model.proofs import RecordedReceipt


def history(
    context: typer.Context,
    night: ReadNightArgument,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show everything that happened to a night, oldest first.

    Packing receipts that have ended follow, with who ended them; --json lists each. A date that is
    an archive night and an engineering night shows both, unless --kind names one.
    """
    with reading(context, config) as connections:
        records = connections.store.nights()
        chosen = [
            (
                record,
                connections.store.history(record.night),
                [
                    r
                    for r in connections.packing_receipts.of(record.night)
                    if r.ended_at is not None
                ],
            )
            for record in choose_records(records, night, kind, time.time())
        ]
    if as_json:
        write_json(
            [
                {
                    **_named(record),
                    "events": [event_object(event) for event in events],
                    "ended_receipts": [_receipt_object(receipt) for receipt in ended],
                }
                for record, events, ended in chosen
            ]
        )
        return
    for position, (record, events, ended) in enumerate(chosen):
        if position:
            write("")
        write(f"{title_of(record.night)}, {count_of(len(events), 'event')}")
        name = named(record.night, records)
        if events:
            show_events([_as_typed(event, name) for event in events])
        for (at, actor), count in Counter((r.ended_at, r.ended_by) for r in ended).items():
            write(f"{count_of(count, 'packing receipt')} ended {format_time(at or 0)} by {actor}")


def _as_typed(event: EventRecord, name: str) -> EventRecord:
    """The event, its commands as they are typed for this one of the nights of its date."""
    if event.message is None:
        return event
    return replace(event, message=name_kind(event.message, event.night.date, name))


def _receipt_object(recorded: RecordedReceipt) -> dict[str, Any]:
    receipt = recorded.receipt
    return {
        "path": receipt.path,
        "size": receipt.size,
        "sha256": receipt.sha256,
        "identity": receipt.identity,
        "form": receipt.form,
        "at": format_time(recorded.at),
        "ended_at": format_time_or_none(recorded.ended_at),
        "ended_by": recorded.ended_by,
    }


def _named(record: NightRecord) -> dict[str, str]:
    return {"date": record.night.date, "kind": str(record.night.kind)}
