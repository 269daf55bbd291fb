"""The pages of transfers and of the disk, with what was sampled of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vampd.cli.shared.words import format_size
from vampd.cli.status.disk import disk_object, disk_rows
from vampd.cli.status.transfers import (
    describe_at_transfer,
    is_at_transfer,
    transfer_row,
    transfers_object,
)
from vampd.model.measures import Sampled
from vampd.model.nights import NightRecord
from vampd.web.pages.chart import Chart, draw_chart
from vampd.web.pages.seen import OUTCOME_STYLES, Seen, lines_of, named_cells, status_cell
from vampd.web.pages.sheet import Cell, Section, make_table

_DAY_S = 86_400.0
_DISK_DAYS, _RATE_DAYS, _RATE_PARTS = 120, 2, 96


def _at_transfer(seen: Seen) -> tuple[NightRecord, ...]:
    nights = [o.night for o in seen.sight.standings if is_at_transfer(o.stage, o.status)]
    return seen.sight.records(nights)


def transfer_objects(seen: Seen) -> dict[str, Any]:
    """The objects of `vampctl transfers --json`."""
    return transfers_object(_at_transfer(seen), seen.sight.correspondence, seen.measures, seen.now)


def tell_transfers(seen: Seen) -> tuple[Section, ...]:
    """What is being sent, what waits and why, proofs, rates, and the last transfers."""
    found, records = transfer_objects(seen), _at_transfer(seen)
    at_work: list[tuple[str | Cell, ...]] = [
        (
            Cell(line.date, line.name),
            line.kind,
            status_cell(line),
            describe_at_transfer(record, seen.now),
        )
        for record, line in zip(records[::-1], lines_of(seen, records[::-1]), strict=True)
    ]
    last: list[tuple[str | Cell, ...]] = [
        (
            began,
            *named_cells(seen, date, kind),
            Cell(how, style=OUTCOME_STYLES.get(how, "plain")),
            *rest,
        )
        for began, date, kind, how, *rest in map(transfer_row, found["last"])
    ]
    return (
        Section(
            "at-work",
            "Being sent, or waiting",
            words=() if at_work else ("Nothing is to be sent.",),
            table=make_table(
                "Nights at this stage, newest first",
                ("date", "kind", "status", "what and why"),
                at_work,
            ),
        ),
        Section(
            "proofs",
            "Proofs",
            words=("A night is safe when all of it was read again at the archive.",),
            table=make_table(
                "Nights by kind",
                ("kind", "first (UT)", "last (UT)", "safe", "not safe"),
                [
                    (
                        one["kind"],
                        _minute(one["first_safe_at"]),
                        _minute(one["last_safe_at"]),
                        f"{one['safe']:,}",
                        f"{one['not_safe']:,}",
                    )
                    for one in found["proofs"]
                ],
                ("safe", "not safe"),
            ),
        ),
        *_rates(seen),
        Section(
            "last",
            "Last transfers",
            words=() if last else ("None is on record.",),
            table=make_table(
                "Attempts that have ended, newest first; the rate is of all its time, with pauses",
                ("began (UT)", "date", "kind", "outcome", "files", "size", "took", "rate", "code"),
                last,
                ("files", "size", "took", "rate"),
            ),
        ),
    )


def _rates(seen: Seen) -> Iterator[Section]:
    end = seen.now
    begin = end - _RATE_DAYS * _DAY_S
    for what, name, title in (
        (Sampled.SENDING, "sending", "Sent to the archive"),
        (Sampled.PACKING, "packing", "Packed"),
    ):
        samples = seen.measures.samples(what, begin)
        chart = draw_chart(
            name,
            f"{title}, bytes a second in the last {_RATE_DAYS} days",
            samples,
            (begin, end),
            _RATE_PARTS,
            _mean,
            lambda value: f"{format_size(value)}/s",
        )
        words = () if chart else (_NOT_SAMPLED,)
        yield Section(f"rate-{name}", title, words=words, chart=chart)


def tell_disk(seen: Seen) -> tuple[Section, ...]:
    """Space, its forecast, and what was free."""
    found = disk_object(seen.settings, seen.measures, seen.now)
    chart = _draw_free(seen, found)
    return (
        Section("space", "Space", facts=tuple(disk_rows(found, seen.now))),
        Section(
            "free",
            "Free on the disk of the nights",
            words=() if chart else (_NOT_SAMPLED,),
            chart=chart,
        ),
        Section(
            "commands",
            "What frees space",
            words=(
                "`vampctl purge NIGHT --dry-run` shows what of a safe night could go;"
                " vampd removes nothing by itself.",
            ),
        ),
    )


_NOT_SAMPLED = "Not sampled yet: vampd does so every ten minutes."


def _draw_free(seen: Seen, found: dict[str, Any]) -> Chart | None:
    # Days end at midnight.
    end = (seen.now // _DAY_S + 1) * _DAY_S
    begin = end - _DISK_DAYS * _DAY_S
    return draw_chart(
        "free-space",
        f"Free space at the end of each of the last {_DISK_DAYS} days",
        seen.measures.samples(Sampled.NIGHTS_FREE, begin),
        (begin, end),
        _DISK_DAYS,
        lambda values: values[-1],
        format_size,
        top=found["disks"][0]["all_bytes"],
    )


def _minute(at: str | None) -> str:
    return "" if at is None else at[:16].replace("T", " ")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
