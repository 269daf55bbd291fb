"""vampctl rebuild-ledger: the frame-ID ledger written anew from all that still tells of IDs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, YesOption, connected
from vampd.cli.shared.words import count_of
from vampd.errors import FrameIdConflict, UsageError

if TYPE_CHECKING:
    from vampd.ledger.rebuild import Rebuilt
    from vampd.model.frame_ids import ToldBinding, ToldBindings
    from vampd.model.nights import NightId
    from vampd.wiring.connections import Connections

_TOLD = 10


def rebuild_ledger(
    context: typer.Context, yes: YesOption = False, config: ConfigOption = None
) -> None:
    """Write a lost frameids.ledger anew, after asking.

    It is shown what is known before. For when it is lost or damaged and there is no backup. All
    that can be read of the old file, all that the database knows, and all IDs that products and
    name_changes.txt of the nights below ARCHIVED_DATA have are put together; whatever contradicts
    itself is refused, and then nothing is changed. The old file stays beside it. What nobody used
    and IDs of nights that are no longer on this disk are known to ledger and database alone: where
    both are lost and the authority is local, set frameids.first above all that was ever used,
    before a night goes on.
    """
    from vampd.wiring.connections import open_ledger

    with connected(context, config) as connections:
        told = read_all_bindings(connections)
        settings = connections.settings
    if told.problems:
        raise FrameIdConflict("folders_unclear", "\n  ".join(_problem_lines(told.problems)))
    with open_ledger(settings) as ledger:
        draft = ledger.draft_anew(told.bindings)
        write("\n".join(draft_lines(draft, told.bindings)))
        if draft.is_news:
            _ask(yes)
        rebuilt = ledger.write_anew(told.bindings)
    if rebuilt.is_news:
        write(
            f"written: {count_of(len(rebuilt.records), 'record')}; `vampctl frameids` reviews them,"
            " `vampctl retry` lets held nights go on"
        )


def read_all_bindings(connections: Connections) -> ToldBindings:
    """What the folders of all archive nights that vampd synchronised tell."""
    from vampd.ledger.observed_ids import read_observed_ids
    from vampd.model.frame_ids import weigh
    from vampd.model.nights import ARCHIVE_FOLDER

    nights = read_observed_ids(connections.settings.watch.root / ARCHIVE_FOLDER)
    return weigh(
        one for night in nights if night.ours for one in _read_night(connections, night.night)
    )


def _read_night(connections: Connections, night: NightId) -> Iterator[ToldBinding | str]:
    from vampd.ledger.carried_ids import read_carried_ids
    from vampd.model.frame_ids import read_bindings
    from vampd.stages.frameids import NAME_CHANGES_PATH, first_names

    names = first_names(connections.reader.generations(night))
    yield from read_bindings(
        night,
        read_carried_ids(connections.settings.watch.root, night),
        connections.reader.text(night, NAME_CHANGES_PATH) or "",
        {name: identity for identity, name in names.items()},
    )


def draft_lines(draft: Rebuilt, told: tuple[ToldBinding, ...]) -> Iterator[str]:
    """What the new ledger is made of, for people."""
    yield f"in the file:     {count_of(draft.in_file, 'record')}"
    if draft.unreadable:
        yield f"given up:        {count_of(draft.unreadable, 'line')} that cannot be read"
    yield f"in the database: {count_of(draft.from_database, 'record')} more"
    more = count_of(draft.from_folders, "frame ID")
    yield f"in folders:      {more} more, of {len(told):,} there"
    if not draft.is_news:
        yield "the file is whole: nothing is written"


def _problem_lines(problems: tuple[str, ...]) -> Iterator[str]:
    yield "nothing was changed, because the folders do not tell clearly which product has which ID:"
    yield from problems[:_TOLD]
    if len(problems) > _TOLD:
        yield f"and {len(problems) - _TOLD:,} more"
    yield "mend these files, or move them out of their night, and say it again"


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("not_asked", "nobody can be asked here: --yes says that it may be written")
    if not typer.confirm("Write the ledger anew?"):
        raise UsageError("not_asked", "nothing was changed")
