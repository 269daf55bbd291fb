"""vampctl ledger: the frame IDs that are on record, as the database has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.shared.words import count_of, one_line
from vampd.model.frame_ids import FrameId, NumberRange

if TYPE_CHECKING:
    from vampd.model.frame_ids import NightCount
    from vampd.store.database.measures import Measures

COUNT_COLUMNS = (
    Column("date"),
    Column("kind"),
    Column("first"),
    Column("last"),
    Column("granted", align_right=True),
    Column("bound", align_right=True),
    Column("applied", align_right=True),
    Column("unused", align_right=True),
)


def ledger(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show the frame IDs on record, gaps and unused grants.

    Only the database is read, at once; `vampctl frameids` also reads the ledger's file, all folders
    and all headers, and says whether they agree. The next ID is the lowest that can come: whoever
    grants IDs may give a later one.
    """
    from vampd.wiring.connections import look

    with look(settings_of(context, config)) as seen:
        found = ledger_object(seen.measures())
    if as_json:
        write_json(found)
        return
    for numbers, frame_id in found["next"].items():
        write(f"next {numbers} ID: {frame_id or 'none is left'}, or later")
    write(describe_sums(found))
    if found["nights"]:
        write_table(COUNT_COLUMNS, [count_row(one) for one in found["nights"]])
    for gap in found["gaps"]:
        write(f"gap: {gap['first']} to {gap['last']}, {gap['count']:,}")
    for one in found["refused"]:
        write(f"unused grant: {describe_refused(one)}")


def ledger_object(measures: Measures) -> dict[str, Any]:
    """The ledger's sums for programs, the newest night first."""
    nights = measures.granted()
    return {
        "next": {
            str(numbers): _next_after(numbers, last) for numbers, last in measures.highest().items()
        },
        "granted": sum(one.granted for one in nights),
        "bound": sum(one.bound for one in nights),
        "applied": sum(one.applied for one in nights),
        "unused": sum(one.unused for one in nights),
        "nights": [count_object(one) for one in nights],
        "gaps": [
            {"first": str(first), "last": str(last), "count": last.number - first.number + 1}
            for first, last in measures.gaps()
        ],
        "refused": [
            {
                "request": one.request,
                "date": one.night.date,
                "kind": str(one.night.kind),
                "wanted": one.wanted,
                "granted": one.granted,
                "reason": one.why,
            }
            for one in measures.refused()
        ],
    }


def _next_after(numbers: NumberRange, last: FrameId) -> str | None:
    return None if last.number == numbers.last else str(FrameId(last.number + 1))


def describe_sums(found: dict[str, Any]) -> str:
    """All IDs in a line."""
    parts = (f"{found[name]:,} {name}" for name in ("bound", "applied", "unused"))
    return f"{count_of(found['granted'], 'frame ID')}: {', '.join(parts)}"


def count_object(one: NightCount) -> dict[str, Any]:
    """The IDs of a night for programs."""
    return {
        "date": one.night.date,
        "kind": str(one.night.kind),
        "first": str(one.first),
        "last": str(one.last),
        "granted": one.granted,
        "bound": one.bound,
        "applied": one.applied,
        "unused": one.unused,
    }


def count_row(one: dict[str, Any]) -> tuple[str, ...]:
    """The cells of a night's line, of what `count_object` gives."""
    counts = (f"{one[name]:,}" for name in ("granted", "bound", "applied", "unused"))
    return (one["date"], one["kind"], one["first"], one["last"], *counts)


def describe_refused(one: dict[str, Any]) -> str:
    """A request whose IDs are not used, in a line."""
    wanted = f"{one['granted']:,} granted of {one['wanted']:,} wanted"
    return one_line(f"request {one['request']}, {one['date']}, {wanted}: {one['reason']}")
