"""vampctl transfers: what is being sent, what waits and why, and how fast it went."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from vampd.cli.look.night_notes import NO_MAIL
from vampd.cli.look.night_objects import night_object
from vampd.cli.shared.output import Column, is_terminal, write, write_json, write_table
from vampd.cli.shared.progress import format_work
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.shared.words import (
    count_of,
    format_duration,
    format_minute,
    format_size,
    format_time,
    format_time_or_none,
    one_line,
    read_time,
)
from vampd.cli.status.nights_table import columns_left_out
from vampd.model.nights import StageName, Status

if TYPE_CHECKING:
    from vampd.model.delivery import Correspondence
    from vampd.model.measures import AttemptSum
    from vampd.model.nights import NightId, NightRecord
    from vampd.store.database.measures import Measures

_LAST = 60
_NUMBERS = frozenset({"files", "size", "took", "rate"})
_COLUMNS = tuple(
    Column(title, align_right=title in _NUMBERS)
    for title in (
        "began (UT)", "date", "kind", "outcome", "files", "size", "took", "rate", "code",
    )
)  # fmt: skip
# What a narrow terminal leaves out, from the first on.
_LEAST_WORTH = ("files", "took", "size", "began (UT)")


def transfers(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Show what is sent, what waits and why, and how fast.

    The rate of a transfer is what was proven there by its whole duration, with its pauses. Of
    transfers that an earlier version made, only times and outcomes are on record.
    """
    from vampd.wiring.connections import look

    now = time.time()
    with look(settings_of(context, config)) as seen:
        correspondence = seen.correspondence.by_night()
        records = [one for one in seen.nights if is_at_transfer(one.state.stage, one.state.status)]
        found = transfers_object(records, correspondence, seen.measures(), now)
    if as_json:
        write_json(found)
        return
    for line in _words_of_proofs(found["proofs"]):
        write(line)
    at_work = [
        (one.night.date, str(one.night.kind), str(one.state.status), describe_at_transfer(one, now))
        for one in records[::-1]
    ]
    if at_work:
        columns = (Column("date"), Column("kind"), Column("status"), Column("what and why"))
        write_table(columns, at_work)
    if found["last"]:
        write("")
        show_attempts(found["last"])


def show_attempts(attempts: Sequence[dict[str, Any]]) -> None:
    """Write the table of transfers that have ended."""
    rows = [transfer_row(one) for one in attempts]
    left_out = columns_left_out(_COLUMNS, rows, _LEAST_WORTH) if is_terminal() else ()
    write_table(_COLUMNS, rows, left_out)


def is_at_transfer(stage: StageName, status: Status) -> bool:
    """Whether a night is to be sent, or being sent."""
    return stage is StageName.TRANSFER and status not in (Status.DONE, Status.LEGACY)


def describe_at_transfer(record: NightRecord, now: float) -> str:
    """What it does, or why it waits."""
    return format_work(record, now) or one_line(record.error or record.note or "")


def transfers_object(
    records: Sequence[NightRecord],
    correspondence: Mapping[NightId, Correspondence],
    measures: Measures,
    now: float,
) -> dict[str, Any]:
    """The transfers for programs; ``records`` are the nights that are at this stage."""
    return {
        "proofs": [
            {
                "kind": str(kind),
                "safe": proofs.safe,
                "not_safe": proofs.not_safe,
                "first_safe_at": format_time_or_none(proofs.first_at),
                "last_safe_at": format_time_or_none(proofs.last_at),
            }
            for kind, proofs in measures.proofs().items()
        ],
        "at_work": [
            night_object(one, now, correspondence.get(one.night, NO_MAIL)) for one in records
        ],
        "last": [attempt_object(one) for one in measures.attempts(StageName.TRANSFER.value, _LAST)],
    }


def attempt_object(one: AttemptSum) -> dict[str, Any]:
    """An attempt that has ended, for programs; null is not on record."""
    rate = one.bytes_per_s
    return {
        "date": one.night.date,
        "kind": str(one.night.kind),
        "stage": one.stage,
        "attempt": one.attempt,
        "began_at": format_time(one.began_at),
        "ended_at": format_time(one.ended_at),
        "took_s": round(one.took_s, 3),
        "outcome": one.outcome,
        "code": one.code,
        "files": one.files,
        "bytes": one.bytes,
        "bytes_per_s": None if rate is None else int(rate),
    }


def transfer_row(one: dict[str, Any]) -> tuple[str, ...]:
    """The cells of a transfer's line."""
    size, rate = one["bytes"], one["bytes_per_s"]
    return (
        format_minute(read_time(one["began_at"])),
        one["date"],
        one["kind"],
        one["outcome"],
        "" if one["files"] is None else f"{one['files']:,}",
        "" if size is None else format_size(size),
        format_duration(one["took_s"]),
        "" if rate is None else f"{format_size(rate)}/s",
        one["code"] or "",
    )


def _words_of_proofs(found: Iterable[dict[str, Any]]) -> list[str]:
    return [
        f"{one['kind']}: {count_of(one['safe'], 'night')} safe, {one['not_safe']:,} not"
        for one in found
    ]
