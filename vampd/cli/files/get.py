"""vampctl get: products for an observer, from here or by the observer's own ssh."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.files.observer import Observer
from vampd.cli.files.own_place import naming_another_place
from vampd.cli.files.packing import refuse_plain_cubes
from vampd.cli.shared.nights import choose_record, parse_night, title_of
from vampd.cli.shared.output import Column, write, write_error, write_json, write_prose, write_table
from vampd.cli.shared.session import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    KindOption,
    ReadNightArgument,
    reading,
)
from vampd.cli.shared.words import count_of, format_size, path_of
from vampd.errors import EXIT_NIGHT, UsageError
from vampd.model.nights import ARCHIVE_FOLDER, Kind, NightId

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.engine.getting.offer import Offered
    from vampd.engine.getting.proof import Arrived
    from vampd.wiring.connections import Connections

ObjectOption = Annotated[
    str | None,
    typer.Option("--object", metavar="NAME", help="The same as --where OBJECT=NAME."),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="KEYWORD=VALUE or KEYWORD!=VALUE of a card, FROM..TO in UT, or a product's name; all"
        " must hold.",
        show_default=False,
    ),
]
FolderOption = Annotated[
    Path,
    typer.Option(
        "-o",
        "--out",
        metavar="DIR",
        readable=False,  # said in our words
        help="Where to write. Default: this folder.",
    ),
]
UnpackOption = Annotated[bool, typer.Option("--unpack", help="Write plain cubes, NAME.fits.")]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="NAME",
        help="Who logs in at the archive host. Default: as your ssh says.",
        show_default=False,
    ),
]


def get(
    context: typer.Context,
    night: ReadNightArgument,
    object_name: ObjectOption = None,
    where: WhereOption = None,
    out: FolderOption = Path(),
    unpack: UnpackOption = False,
    user: UserOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy products of a night for an observer.

    With their sidecars, for whoever may read the nights: all of them, or those that meet every
    condition, over the cards that the night's table of headers lists. They come from here; what is
    not whole here comes from the archive host, with your own ssh, its configuration and your keys,
    which must log in without a question (ssh-agent).

    Each file is checked when it has arrived: against its packing receipt, and once unpacked against
    its own checksums; a product of the old tools against what lies where it comes from. Nothing is
    overwritten: a file that is there with the same bytes is kept, any other is named and refused.
    Interrupted, the same command goes on where it ended. Nothing is written into a night. Exit
    status: 0 all is there, 1 a file could not be had.
    """
    from vampd.model.headers import parse_condition

    conditions = [parse_condition(text) for text in where or ()]
    if object_name is not None:
        conditions.append(parse_condition(f"OBJECT={object_name}"))
    with reading(context, config) as connections:
        chosen = _night(connections, night, kind)
        settings = connections.settings
        refuse_nights(out, settings)
        observer = Observer(connections, chosen, user)
        products = observer.choose(conditions)
        if dry_run:
            _show_products(chosen, products, as_json)
            return
        from vampd.engine.getting.arrival import Form

        done = []
        with naming_another_place(out):
            for one in observer.receive(products, out, Form.UNPACKED if unpack else Form.PACKED):
                done.append(one)
                if not as_json:
                    _show_arrived(one, out)
    _conclude(chosen, done, as_json)


def refuse_nights(out: Path, settings: Settings) -> None:
    """UsageError if this folder is, or lies in, a night: here, or in an archive on this machine."""
    from vampd.disk.rights import find_night_around

    refuse_plain_cubes(out, settings.watch.root)
    holders = [settings.watch.root, settings.watch.root / ARCHIVE_FOLDER]
    for kind in Kind:
        destination = settings.transfer.destination(kind)
        if destination.host is None:
            holders.append(destination.path)
            holders += [folder.parent for folder in destination.moved_folders("20000101")]
    night = find_night_around(out, holders)
    if night is not None:
        raise UsageError(
            "own_products",
            f"{night} is a night, into which nothing is written; nothing was. Pass -o DIR with"
            " another folder",
        )


def _night(connections: Connections, text: str, kind: Kind | None) -> NightId:
    """The night that is named; one of the old tools may have left nothing but its row."""
    try:
        return choose_record(connections.store.nights(), text, kind, time.time()).night
    except UsageError as error:
        if error.code != "night_unknown":
            raise
        found = [
            one.night
            for one in connections.adoptions.all()
            if one.night.date == parse_night(text) and kind in (None, one.night.kind)
        ]
        if len(found) != 1:
            raise
        return found[0]


def _conclude(night: NightId, done: Sequence[Arrived], as_json: bool) -> None:
    """Say what became of all files; exits with 1 if one could not be had."""
    from vampd.engine.getting.proof import Outcome

    by_outcome = Counter(one.outcome for one in done)
    if as_json:
        write_json([_arrived_object(one) for one in done])
    else:
        counts = ", ".join(f"{by_outcome[each]:,} {each}" for each in Outcome)
        size = format_size(sum(one.size for one in done))
        write_prose(f"{title_of(night)}: {count_of(len(done), 'file')}, {size}: {counts}")
    if by_outcome[Outcome.FAILED]:
        raise typer.Exit(EXIT_NIGHT)


def _show_products(night: NightId, products: Sequence[Offered], as_json: bool) -> None:
    if as_json:
        write_json([_product_object(one) for one in products])
        return
    rows = [
        (one.product.name, format_size(one.size), "here" if one.is_here else "the archive")
        for one in products
    ]
    write_table([Column("product"), Column("size", align_right=True), Column("from")], rows)
    size = format_size(sum(one.size for one in products))
    write_prose(f"{title_of(night)}: {count_of(len(products), 'product')}, {size}")
    write("nothing was written")


def _product_object(one: Offered) -> dict[str, Any]:
    return {
        "product": one.product.path,
        "sidecar": one.sidecar and one.sidecar.path,
        "size": one.size,
        "here": one.is_here,
    }


def _show_arrived(one: Arrived, out: Path) -> None:
    from vampd.engine.getting.proof import Outcome

    name = path_of(out / one.target.name)
    match one.outcome:
        case Outcome.ARRIVED:
            write(f"{name}: {format_size(one.size)} from {one.source}")
        case Outcome.KEPT:
            write(f"{name}: kept, the same bytes are there")
        case Outcome.FAILED:
            write_error(f"vampctl: {name}: {one.why}")
    sys.stdout.flush()


def _arrived_object(one: Arrived) -> dict[str, Any]:
    return {
        "path": one.file.path,
        "target": str(one.target),
        "outcome": one.outcome,
        "source": one.source or None,
        "size": one.size,
        "proof": "packing receipt" if one.file.has_receipt else "digest at the source",
        "error": one.why or None,
    }
