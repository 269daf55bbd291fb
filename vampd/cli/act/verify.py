"""vampctl verify: read the archive copies again, and report what is damaged or missing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.act.copy_reading import Choose, Reading, read_copy
from vampd.cli.act.verify_here import verify_here
from vampd.cli.act.verify_old import claimed_safe, find_old, old_object, read_old, show_old
from vampd.cli.shared.nights import choose_record, named, parse_night, title_of
from vampd.cli.shared.output import write, write_json, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    JsonOption,
    KindOption,
    connected,
    refuse_nan,
)
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, UsageError
from vampd.model.nights import name_kind
from vampd.model.proofs import (
    choose_sample,
)

if TYPE_CHECKING:
    from vampd.model.accounts import Adoption
    from vampd.model.nights import Kind, NightRecord


def _refuse_nothing(percent: float | None) -> float | None:
    """The percentage; a usage error for a sample of no file."""
    if percent == 0:
        raise typer.BadParameter("a sample of nothing verifies nothing: choose more than 0.")
    return refuse_nan(percent)


NightOrNone = Annotated[
    str | None,
    typer.Argument(metavar="NIGHT", help="20251106 or 2025-11-06.", show_default=False),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="Every night that is safe, or was by the old tools.")
]
SampleOption = Annotated[
    float | None,
    typer.Option(
        "--sample",
        metavar="PERCENT",
        help="A random sample of so many percent of the files: of NIGHT, else of every safe night.",
        show_default=False,
        min=0,
        max=100,
        callback=_refuse_nothing,
    ),
]

HereOption = Annotated[
    bool,
    typer.Option("--here", help="Read the products on this side instead of the archive copy."),
]


def verify(
    context: typer.Context,
    night: NightOrNone = None,
    every: AllOption = False,
    sample: SampleOption = None,
    here: HereOption = False,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Read a night's archive copy again and compare its digests.

    It is read past the cache, and no file of a night is written there. What was read is its proof
    from then on. What is damaged and what is missing is listed, also in bad_sc6_files.txt in the
    night's folder; at once the night no longer counts as safe, which its history records, and
    `vampctl retry NIGHT --from transfer` sends exactly those files again, by checksum. A night that
    is not at its destination is searched for where [transfer] moved_to says; what is bad there is
    sent again by the command that is shown. Files there that nothing here names are listed as
    extra, and left alone. With --here, products, sidecars and generations on this
    side are read instead, and held against their packing receipts. Of a night of the old tools that
    was adopted, the products that are here are compared byte for byte, which makes their claim a
    proof; what is gone here is read there and held against its own checksums, and stays a claim.
    --all reads the adopted nights that the old tools called safe as well; --sample leaves them out.
    Exits with 1 if anything is bad or could not be read.
    """
    if night is None and not every and sample is None:
        raise UsageError("nothing_named", "choose one: NIGHT, --all or --sample PERCENT")
    if night is not None and every:
        raise UsageError("two_choices", "NIGHT and --all exclude each other: choose one")
    if here and sample is not None:
        raise UsageError("two_choices", "--here reads all files: leave out --sample")
    with connected(context, config) as connections:
        every_night = connections.store.nights()
        if here:
            verify_here(connections, _choose(every_night, night, kind), every_night, as_json)
            return
        claims: Sequence[Adoption]
        if night is not None:
            old = find_old(connections, every_night, parse_night(night), kind)
            claims = () if old is None else (old,)
        else:
            # A claim is read whole, or not at all.
            claims = () if sample else claimed_safe(connections, every_night, kind)
        if claims and sample is not None:
            raise UsageError("two_choices", "a night of the old tools is read whole")
        readings = []
        for record in () if night and claims else _choose(every_night, night, kind):
            reading = read_copy(connections, record, _sampling(100.0 if sample is None else sample))
            readings.append(reading)
            if not as_json:
                show_reading(reading, named(record.night, every_night))
        of_old = []
        for claim in claims:
            of_old.append(read_old(connections, claim))
            if not as_json:
                show_old(of_old[-1])
    if as_json:
        write_json([*map(reading_object, readings), *map(old_object, of_old)])
    elif not readings and not of_old:
        write("no night is safe yet, so there is nothing to verify")
    if not (all(one.is_good for one in readings) and all(one.is_good for one in of_old)):
        raise typer.Exit(EXIT_NIGHT)


def reading_object(reading: Reading) -> dict[str, Any]:
    """The reading for programs."""
    return {
        "date": reading.night.date,
        "kind": str(reading.night.kind),
        "place": reading.place,
        "good": reading.is_good,
        "checked": len(reading.verdict.checked),
        "damaged": list(reading.verdict.damaged),
        "missing": list(reading.verdict.missing),
        "extra": list(reading.verdict.extra),
        "unread": list(reading.unread),
        "remedy": list(reading.remedy),
        "faulty_here": list(reading.faulty_here),
        "error": reading.failure,
    }


def _choose(
    records: Sequence[NightRecord], night: str | None, kind: Kind | None
) -> tuple[NightRecord, ...]:
    if night is not None:
        return (choose_record(records, night, kind),)
    return tuple(r for r in records if r.safe_at is not None and kind in (None, r.night.kind))


def _sampling(percent: float) -> Choose:
    return lambda paths: choose_sample(paths, percent, random.SystemRandom().sample)


def show_reading(reading: Reading, night: str) -> None:
    """Write a reading for people; ``night`` is the night as commands take it."""
    title, verdict = title_of(reading.night), reading.verdict
    if reading.failure is not None:
        failure = name_kind(reading.failure, reading.night.date, night)
        write_prose(f"{title}: NOT verified: {failure}")
        if not verdict.bad:
            return
    files = count_of(len(verdict.checked), "file")
    if not verdict.bad:
        write_prose(f"{title}: good, {files} read again at {reading.place}")
        _show_extra(reading)
        return
    write_prose(
        f"{title}: BAD, {len(verdict.damaged)} damaged and {len(verdict.missing)} missing of"
        f" {files} at {reading.place}"
    )
    for what, paths in (("damaged", verdict.damaged), ("missing", verdict.missing)):
        if paths:
            write(f"{what}:")
        for path in paths:
            write(f"{reading.night.date}/{path}")
    _show_extra(reading)
    if reading.faulty_here:
        write_prose(
            f"{title}: {', '.join(reading.faulty_here)}: not whole here either;"
            f" `vampctl recover {night}` gets back what vampd made, then verify again"
        )
    if not reading.remedy:
        if reading.faulty_here:
            return
        write_prose(
            f"{title}: {_describe_gone(night)}"
            if reading.is_gone
            else f"{title}: `vampctl retry {night} --from transfer` reads it all and sends these"
            " again"
        )
        return
    write_prose(
        f"{title}: it was moved, to where vampd writes nothing by itself; these commands send only"
        " what is bad, then verify again:",
    )
    for line in reading.remedy:
        write(line)


def _describe_gone(night: str) -> str:
    from vampd.stages.transfer import describe_gone

    return describe_gone(night)


def _show_extra(reading: Reading) -> None:
    """What lies there and is no part of the night as it is here; vampd never removes it."""
    extra = reading.verdict.extra
    if extra:
        write("extra (named by nothing here; never removed by vampd):")
    for path in extra:
        write(f"  {path}")
