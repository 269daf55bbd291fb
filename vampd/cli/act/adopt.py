"""vampctl adopt: nights of the old tools put on record as far as the evidence goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.shared.nights import parse_night, title_of
from vampd.cli.shared.output import write, write_json, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    KindOption,
    actor_name,
    connected,
)
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vampd.model.accounts import Adoption
    from vampd.model.nights import Kind, NightId

NightsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NIGHT", help="20251106 or 2025-11-06.", show_default=False),
]


def adopt(
    context: typer.Context,
    nights: NightsArgument = None,
    all_nights: Annotated[
        bool, typer.Option("--all", help="All nights that the old tools worked on.")
    ] = False,
    dry_run: DryRunOption = False,
    kind: KindOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Put on record what the old tools did to their nights.

    As far as the evidence goes: it reads their logs, folders, name changes, manifests, process logs
    and headers. What they said comes on record as a claim, never as a proof; every frame ID that
    anything shows as used by others, so that none is given again. Where their records differ, both
    are listed and nothing is guessed. Nothing in a folder is changed. May be repeated when more is
    known. Exits with 1 if records of a night differ.
    """
    from vampd.engine.nights.old_cron import look_for_plan
    from vampd.engine.repair.adopting import adopt_nights, find_adoptable, plan_adoption

    if bool(nights) is all_nights:
        raise UsageError("no_nights", "name the nights to adopt, or say --all")
    with connected(context, config) as connections:
        connections.root.recognize()
        root, store = connections.settings.watch.root, connections.store
        ledger, adoptions = connections.ledger, connections.adoptions
        chosen = _choose(find_adoptable(root, store), nights or (), kind)
        found = plan_adoption(root, chosen, ledger.listing(), adoptions.all())
        deletes = look_for_plan(root).deletes
        new = None
        if not dry_run:
            new = adopt_nights(found, store, ledger, adoptions, at=time.time(), actor=actor_name())
    if as_json:
        write_json([_object(one) for one in found])
    else:
        for line in adoption_lines(found, new, deletes):
            write_prose(line)
        if dry_run:
            write("nothing was changed")
    if any(one.contradictions for one in found):
        raise typer.Exit(EXIT_NIGHT)


def _choose(
    known: Sequence[NightId], texts: Sequence[str], kind: Kind | None
) -> tuple[NightId, ...]:
    """The nights that are named, or all; UsageError ``not_legacy`` for one of vampd's."""
    of_kind = tuple(night for night in known if kind in (None, night.kind))
    if not texts:
        return of_kind
    chosen: list[NightId] = []
    for date in map(parse_night, texts):
        of_date = [night for night in of_kind if night.date == date]
        if not of_date:
            raise UsageError(
                "not_legacy",
                f"{date} is no night of the old tools: vampd has begun it, or there is none",
            )
        chosen += of_date
    return tuple(sorted(set(chosen)))


def adoption_lines(
    found: Sequence[Adoption], new: int | None, deletes: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """What becomes of each night, for people; ``new`` IDs came on record, None: in a dry run.

    ``deletes`` is what the old deleter would take, and from when.
    """
    for one in found:
        yield f"{title_of(one.night)}: {one.describe()}"
        for path, after in deletes:
            if path.startswith(f"{one.night.folder.as_posix()}/"):
                yield f"  the old deleter would take {path} ({after or 'a day after its next run'})"
        yield from (f"  differs: {contradiction}" for contradiction in one.contradictions)
    ids = {frame_id for one in found for frame_id in one.ids}
    recorded = "" if new is None else f", {new:,} of them new on record"
    yield (
        f"{count_of(len(found), 'night')} of the old tools,"
        f" {count_of(len(ids), 'frame ID')} of others{recorded}"
    )
    if ids:
        yield f"the highest is {max(ids)}"


def _object(one: Adoption) -> dict[str, Any]:
    return {
        "date": one.night.date,
        "kind": str(one.night.kind),
        "state": one.state.value,
        "processed": one.claims.processed.is_set,
        "transferred": one.claims.transferred.is_set,
        "safe": one.claims.safe.is_set,
        "frame_ids": [str(frame_id) for frame_id in sorted(one.ids)],
        "missing": list(one.missing),
        "contradictions": list(one.contradictions),
    }
