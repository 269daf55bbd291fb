"""vampctl adopt: nights of the old tools put on record as far as the evidence goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.shared.nights import named, parse_night, title_of
from vampd.cli.shared.output import write, write_error, write_json, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    KindOption,
    YesOption,
    actor_name,
    agreed,
    connected,
)
from vampd.cli.shared.words import count_of
from vampd.errors import EXIT_NIGHT, UsageError, VampdError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from vampd.model.accounts import Adoption, Continuation
    from vampd.model.nights import Kind, NightId
    from vampd.ports import NightStore
    from vampd.wiring.connections import Connections

# What becomes of a night that vampd has synchronized too.
_LEFT = (
    "  left alone for good, with the frame IDs of both: vampd gives no more, and restores, packs"
    " and sends nothing of it; which of two IDs a frame keeps is for STARS to say"
)
_GOES_ON = (
    "  vampd goes on with what is its own; what is theirs may be moved out of the folder once its"
    " IDs are on record"
)
ContinueOption = Annotated[
    bool,
    typer.Option("--continue", help="Pack, send, prove and list what the old tools left of NIGHT."),
]
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
    go_on: ContinueOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
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

    Of a night that vampd has begun too, their frame IDs come on record. One that is held for their
    traces is left alone for good; of any other, vampd goes on with what is its own.

    With --continue, a night that is complete but unpacked, unsent, unproven or unlisted is taken on
    from there: vampd packs what is not packed, sends and proves all of it, and lists an archive
    night in a manifest unless there is one. What the old tools made stays as it is, with the frame
    IDs that they gave. A night is refused, with the reason, where its records differ or show that
    something is missing. Exits with 1 then.
    """
    from vampd.engine.nights.old_cron import look_for_plan
    from vampd.engine.repair.adopting import (
        adopt_nights,
        find_adoptable,
        find_synchronized,
        plan_adoption,
        stays_with_vampd,
    )

    if bool(nights) is all_nights:
        raise UsageError("no_nights", "name the nights to adopt, or say --all")
    if go_on and all_nights:
        raise UsageError("no_nights", "name the nights to go on with: --continue takes no --all")
    if yes and not go_on:
        raise UsageError("two_choices", "--yes answers what --continue asks; nothing else asks")
    with connected(context, config) as connections:
        connections.root.recognize()
        root, store = connections.settings.watch.root, connections.store
        ledger, adoptions = connections.ledger, connections.adoptions
        dates = [parse_night(text) for text in nights or ()]
        known = (*find_adoptable(root, store), *find_synchronized(root, store, dates))
        chosen = _choose(known, dates, kind)
        found = plan_adoption(root, chosen, ledger.listing(), adoptions.all())
        _refuse_others(store, found, dates)
        if go_on:
            continue_nights(connections, found, dry_run=dry_run, yes=yes, as_json=as_json)
            return
        deletes = look_for_plan(root).deletes
        left = [one for one in found if not stays_with_vampd(one, store.night(one.night))]
        new = None
        if not dry_run:
            new = adopt_nights(found, store, ledger, adoptions, at=time.time(), actor=actor_name())
    if as_json:
        write_json([_object(one) for one in found])
    else:
        for line in adoption_lines(found, new, deletes, {one.night for one in left}):
            write_prose(line)
        if dry_run:
            write("nothing was changed")
    if any(one.contradictions for one in found):
        raise typer.Exit(EXIT_NIGHT)


def _choose(
    known: Iterable[NightId], dates: Sequence[str], kind: Kind | None
) -> tuple[NightId, ...]:
    """The nights of these dates, or all."""
    chosen = {n for n in known if kind in (None, n.kind) and (not dates or n.date in dates)}
    return tuple(sorted(chosen))


def _refuse_others(store: NightStore, found: Sequence[Adoption], dates: Sequence[str]) -> None:
    """UsageError ``not_legacy`` for a date of which nothing is of the old tools."""
    adopted = {one.night.date for one in found}
    for date in dates:
        if date not in adopted:
            raise UsageError("not_legacy", f"{date} {_why_not(store, date)}")


def _why_not(store: NightStore, date: str) -> str:
    """Why this date names no night to adopt."""
    if any(one.state.is_continued for one in store.nights() if one.night.date == date):
        return f"is on record, and was taken on: `vampctl why {date}` says how far it came"
    return "is no night of the old tools: nothing of theirs is in it, or there is no such night"


def adoption_lines(
    found: Sequence[Adoption],
    new: int | None,
    deletes: Sequence[tuple[str, str]],
    left: Collection[NightId],
) -> Iterator[str]:
    """What becomes of each night, for people; ``new`` IDs came on record, None: in a dry run.

    ``deletes`` is what the old deleter would take, and from when; the nights that are ``left`` are
    not vampd's to go on with.
    """
    from vampd.model.accounts import OldState

    for one in found:
        yield f"{title_of(one.night)}: {one.describe()}"
        if one.state is OldState.SHARED:
            yield _LEFT if one.night in left else _GOES_ON
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


def continue_nights(
    connections: Connections,
    adoptions: Sequence[Adoption],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what going on with each of them means, and do it once a person agrees.

    Exits with 1 if one of them is refused; the others go on.
    """
    from vampd.engine.repair.continuing import plan_continuation

    if not adoptions:
        raise UsageError("not_legacy", "the old tools did nothing to this night")
    settings, dictionary = connections.settings, connections.reader.dictionary()
    found = [plan_continuation(one, settings, dictionary, time.time()) for one in adoptions]
    if as_json:
        write_json([_continuation_object(one) for one in found])
    else:
        for line in continuation_lines(found):
            write_prose(line)
    refused = [one for one in found if one.refusals]
    safe = [one for one in found if not one.refusals]
    if dry_run or not safe or not (yes or agreed("Take them on?" if safe[1:] else "Take it on?")):
        if not as_json:
            write("nothing was changed")
        raise typer.Exit(EXIT_NIGHT if refused else 0)
    failed = [one for one in safe if not _continue(connections, one, as_json)]
    if refused or failed:
        raise typer.Exit(EXIT_NIGHT)


def _continue(connections: Connections, one: Continuation, as_json: bool) -> bool:
    from vampd.engine.repair.continuing import take_on_night
    from vampd.wiring.locks import foreground_lock, night_lock

    night, settings = one.adoption.night, connections.settings
    try:
        with foreground_lock(settings, night), night_lock(settings, night):
            take_on_night(
                one,
                connections.store,
                connections.ledger,
                connections.adoptions,
                at=time.time(),
                actor=actor_name(),
            )
    except VampdError as error:
        write_error(f"vampctl: {title_of(night)}: {error.message}")
        return False
    if not as_json:
        records = connections.store.nights()
        write_prose(
            f"{title_of(night)}: taken on; vampd goes on with it, or `vampctl run"
            f" {named(night, records)}` does"
        )
    return True


def continuation_lines(found: Sequence[Continuation]) -> Iterator[str]:
    """What becomes of each night, for people."""
    for one in found:
        title = title_of(one.adoption.night)
        if one.refusals:
            yield f"{title}: not taken on"
            yield from (f"  because  {refusal}" for refusal in one.refusals)
        else:
            yield f"{title}: {one.describe()}"
            yield "  what the old tools made stays as it is, and so do its frame IDs"
        yield from (f"  note     {remark}" for remark in one.remarks)


def _continuation_object(one: Continuation) -> dict[str, object]:
    return {
        "date": one.adoption.night.date,
        "kind": str(one.adoption.night.kind),
        "to_pack": list(one.plain),
        "packed": list(one.packed),
        "has_manifest": one.has_manifest,
        "refusals": list(one.refusals),
        "remarks": list(one.remarks),
    }
