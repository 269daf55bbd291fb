"""vampctl root: which disk holds the nights, at a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from vampd.cli.shared.output import write, write_prose
from vampd.cli.shared.session import (
    ConfigOption,
    YesOption,
    actor_name,
    agreed,
    connected,
    examples,
)
from vampd.cli.shared.words import describe_nights, format_moment
from vampd.model.proofs import MARK_PATH

if TYPE_CHECKING:
    from vampd.wiring.connections import Connections

app = typer.Typer(
    name="root",
    help="Say which disk holds the nights.\n\n"
    "vampd recognizes the root by a mark that it placed there, and concludes nothing from any"
    " other.",
    epilog=examples("vampctl root accept"),
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _root() -> None:
    """Keep `accept` a command of its own."""


@app.command(epilog=examples("vampctl root accept"))
def accept(context: typer.Context, yes: YesOption = False, config: ConfigOption = None) -> None:
    """Take what lies at watch.root for the root of the nights.

    For a root that was replaced, and for a mark that was lost: then a new one is placed. Shows what
    is there, and asks; your name is on record. Nights on record that are not there stay on record
    as they are.
    """
    with connected(context, config) as connections:
        root = connections.root
        known = root.roots.known()
        if known is not None and known.is_placed and root.find_mark() == known.mark:
            write_prose(f"{root.path} is the root of the nights already, mark {known.mark}")
            return
        for line in _describe(connections):
            write_prose(line)
        if not yes and not agreed("Is this the root of the nights?"):
            write("nothing was changed")
            return
        accepted = root.accept(actor_name())
    write_prose(f"{root.path} is the root of the nights, mark {accepted.mark}")
    if not accepted.is_placed:
        write_prose(f"the mark could not be written there: let vampd create {MARK_PATH}")


def _describe(connections: Connections) -> Iterator[str]:
    from vampd.engine.nights.night_listing import find_nights

    root = connections.root
    there, known = find_nights(root.path), root.roots.known()
    yield str(root.path)
    yield f"  there      {describe_nights([night.date for night in there])}"
    yield f"  its mark   {root.find_mark() or 'none; a new one is placed'}"
    if known is None:
        yield "  on record  no root yet"
    else:
        since = format_moment(known.at, known.at).partition(",")[0]
        yield f"  on record  {known.path}, {known.mark}, {since} by {known.actor}"
    absent = [r.night.date for r in connections.store.nights() if r.night not in there]
    if absent:
        yield f"  NOT there  {describe_nights(absent)}"
