"""vampctl archive: which disk is the archive, and where it was moved to, at a person's word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.requests import ask, ask_after
from vampd.cli.shared.session import (
    ConfigOption,
    YesOption,
    acting_or_asking,
    actor_name,
    agreed,
    examples,
)
from vampd.cli.shared.words import count_of, describe_nights, format_moment
from vampd.errors import UsageError
from vampd.model.deed import Choices, Verb
from vampd.model.nights import Kind
from vampd.model.proofs import DestinationOrigin, Place
from vampd.model.request import destination_seen

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.engine.archive.known_archive import KnownArchive
    from vampd.model.nights import NightRecord
    from vampd.model.proofs import KnownDestination
    from vampd.wiring.connections import Connections

app = typer.Typer(
    name="archive",
    help="Say which disk is the archive, or where it was moved.\n\n"
    "vampd recognizes a destination by a mark that it placed there, and writes nothing to any"
    " other.",
    epilog=examples(
        "vampctl archive accept archive",
        "vampctl archive moved archive --to sc6l:/mnt/tier2/2_ARCHIVED_DATA",
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

KindArgument = Annotated[
    Kind, typer.Argument(help="The kind of nights that go there.", show_default=False)
]
ToOption = Annotated[
    str,
    typer.Option(
        "--to", metavar="DESTINATION", help="host:/path, or a local /path.", show_default=False
    ),
]
WithoutNightsOption = Annotated[
    bool,
    typer.Option("--without-nights", help="Also where none of the nights on record lies there."),
]


@app.command(epilog=examples("vampctl archive accept archive"))
def accept(
    context: typer.Context, kind: KindArgument, yes: YesOption = False, config: ConfigOption = None
) -> None:
    """Take what lies at a destination for the archive.

    For a mark that is not known here (the database was lost, the machine was replaced), and for a
    mark that was lost: then a new one is placed. Shows what is there, and asks. Your name is on
    record; every night is then read again there before it counts as safe. Refused for a place in
    the root of the nights or the folder of the state.
    """
    with acting_or_asking(context, config, Verb.ARCHIVE) as (connections, asks):
        known = connections.destinations.known(kind)
        if asks:
            _ask_for(connections, kind, known, None, yes)
            return
        archive = connections.archive(kind)
        if known is not None and known.destination != archive.destination:
            raise UsageError(
                "archive_moved",
                f"{kind} nights are archived at {known.destination}; for another destination use"
                f" `vampctl archive moved {kind} --to {archive.destination}`",
            )
        _refuse_place(connections.settings, kind, archive.destination)
        if known is not None and known.is_placed and archive.host.mark() == known.mark:
            write_prose(f"{archive.destination} is the archive of {kind} nights already")
            return
        _change(connections, archive, known, DestinationOrigin.ACCEPTED, yes)


@app.command(epilog=examples("vampctl archive moved archive --to sc6l:/mnt/tier2/ARCHIVED"))
def moved(
    context: typer.Context,
    kind: KindArgument,
    to: ToOption,
    without_nights: WithoutNightsOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Record that the whole archive of a kind was moved.

    Before or after [transfer] names the new destination: until both agree, nights wait. New nights
    go to the new place at once. What was proven at the old place is proven no more: each night is
    read again at the new one, oldest first, and is safe again when that is done. Shows what is
    there, and asks; your name is on record. Refused for a place in the root of the nights or the
    folder of the state, and, unless you say so, for one where none of the nights on record lies.
    """
    with acting_or_asking(context, config, Verb.ARCHIVE) as (connections, asks):
        known = connections.destinations.known(kind)
        if asks:
            _ask_for(connections, kind, known, to, yes)
            return
        if known is not None and known.destination == to:
            write_prose(f"{kind} nights are archived at {to} already, as it is on record")
            return
        archive = connections.archive_at(kind, to)
        _refuse_place(connections.settings, kind, to)
        if not without_nights:
            _refuse_none_there(connections, archive, known)
        _change(connections, archive, known, DestinationOrigin.MOVED, yes)
        configured = connections.settings.transfer.destination(kind).destination
    if configured != to:
        write_prose(
            f"nights wait until [transfer.{kind}] destination is {to}; it is {configured} now"
        )


def _refuse_place(settings: Settings, kind: Kind, to: str) -> None:
    """UsageError ``no_destination`` for what is no place of an archive, by any name."""
    from vampd.config import find_misplaced, with_destination

    if problem := find_misplaced(with_destination(settings, kind, to), kind):
        raise UsageError("no_destination", problem)


def _refuse_none_there(
    connections: Connections, archive: KnownArchive, known: KnownDestination | None
) -> None:
    """UsageError ``nights_not_there`` where no night that was sent lies there."""
    there = set(archive.host.nights())
    nights = [r.night for r in connections.store.nights() if r.night.kind is archive.kind]
    sent = [night for night in nights if connections.receipts.of(night, Place.ARCHIVE)]
    if not sent or any(night.date in there for night in sent):
        return
    old = "the archive on record" if known is None else known.destination
    raise UsageError(
        "nights_not_there",
        f"none of the {count_of(len(sent), 'night')} sent to {old} lies at {archive.destination}:"
        " move the archive first; to take it without them, so that none is safe, add"
        " --without-nights",
    )


def _ask_for(
    connections: Connections,
    kind: Kind,
    known: KnownDestination | None,
    to: str | None,
    yes: bool,
) -> None:
    place = to or connections.settings.transfer.destination(kind).destination
    choices = Choices(nights=kind, to=to, known=destination_seen(known))
    ask_after(
        f"Ask to take {place} for the archive of {kind} nights?",
        lambda: ask(connections, None, Verb.ARCHIVE, choices=choices),
        yes=yes,
    )


def _change(
    connections: Connections,
    archive: KnownArchive,
    known: KnownDestination | None,
    origin: DestinationOrigin,
    yes: bool,
) -> None:
    records = [r for r in connections.store.nights() if r.night.kind is archive.kind]
    for line in _describe(archive, known, records):
        write_prose(line)
    if not yes and not agreed("Is this the archive?"):
        write("nothing was changed")
        return
    mark = archive.accept(origin, actor_name())
    write_prose(f"{archive.destination} is the archive of {archive.kind} nights, mark {mark}")


def _describe(
    archive: KnownArchive, known: KnownDestination | None, records: Sequence[NightRecord]
) -> Iterator[str]:
    there, found = archive.host.nights(), archive.host.mark()
    yield f"{archive.kind} nights, {archive.destination}"
    yield f"  there      {describe_nights(there)}"
    yield f"  its mark   {found or 'none; a new one is placed'}"
    if known is None:
        yield "  on record  no archive of this kind yet"
    else:
        mark = known.mark or "without a mark"
        since = format_moment(known.at, known.at).partition(",")[0]
        yield f"  on record  {known.destination}, {mark}, {known.origin} {since} by {known.actor}"
    safe = [record.night.date for record in records if record.safe_at is not None]
    absent = [date for date in safe if date not in there]
    yield f"  safe now   {describe_nights(safe)}; all of it is read again there"
    if absent:
        yield f"  NOT there  {describe_nights(absent)}"
