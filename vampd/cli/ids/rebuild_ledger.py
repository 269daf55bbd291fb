"""vampctl rebuild-ledger: the frame-ID ledger rebuilt from everything that still names IDs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from vampd.cli.shared.output import write, write_lines
from vampd.cli.shared.requests import ask, ask_after
from vampd.cli.shared.session import ConfigOption, YesOption, acting_or_asking
from vampd.cli.shared.words import count_of
from vampd.errors import FrameIdConflict, UsageError
from vampd.model.deed import Verb

if TYPE_CHECKING:
    from vampd.ledger.rebuild import Rebuilt
    from vampd.model.frame_ids import RecoveredBinding, RecoveredBindings
    from vampd.model.nights import NightId
    from vampd.wiring.connections import Connections

_LISTED = 10


def rebuild_ledger(
    context: typer.Context, yes: YesOption = False, config: ConfigOption = None
) -> None:
    """Rebuild a lost frameids.ledger, after asking.

    For when it is lost or damaged and there is no backup. Shows first what is known. All that can
    be read from the old file, all that the database knows, and all IDs in products and
    name_changes.txt of the nights below ARCHIVED_DATA are combined; a contradiction is refused, and
    then nothing is changed. The old file is kept beside the new one. Unused IDs and IDs of nights
    that are no longer on this disk are known to ledger and database alone: if both are lost and the
    authority is local, set frameids.first above every ID ever used before any night proceeds.
    """
    from vampd.wiring.connections import open_ledger

    with acting_or_asking(context, config, Verb.LEDGER) as (connections, asks):
        if asks:
            ask_after(
                "Ask to rebuild the frame-ID ledger?",
                lambda: ask(connections, None, Verb.LEDGER),
                yes=yes,
            )
            return
        connections.root.recognize()
        found = read_all_bindings(connections)
        settings = connections.settings
    if found.problems:
        raise FrameIdConflict("folders_unclear", "\n  ".join(_problem_lines(found.problems)))
    with open_ledger(settings) as ledger:
        draft = ledger.draft_rebuild(found.bindings)
        write_lines(draft_lines(draft, found.bindings))
        if draft.is_news:
            _ask(yes)
        rebuilt = ledger.rebuild(found.bindings)
    if rebuilt.is_news:
        write(
            f"written: {count_of(len(rebuilt.records), 'record')}; `vampctl frameids` reviews them,"
            " `vampctl retry NIGHT` resumes a held night"
        )


def read_all_bindings(connections: Connections) -> RecoveredBindings:
    """The bindings in the folders of all archive nights that vampd synchronized."""
    from vampd.ledger.observed_ids import read_observed_ids
    from vampd.model.frame_ids import weigh
    from vampd.model.nights import ARCHIVE_FOLDER

    nights = read_observed_ids(connections.settings.watch.root / ARCHIVE_FOLDER)
    return weigh(
        one for night in nights if night.ours for one in _read_night(connections, night.night)
    )


def _read_night(connections: Connections, night: NightId) -> Iterator[RecoveredBinding | str]:
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


def draft_lines(draft: Rebuilt, bindings: tuple[RecoveredBinding, ...]) -> Iterator[str]:
    """The sources of the new ledger, for people."""
    yield f"in the file:     {count_of(draft.in_file, 'record')}"
    if draft.unreadable:
        yield f"unreadable:      {count_of(draft.unreadable, 'line')}, dropped"
    if draft.repeated:
        yield f"repeated:        {count_of(draft.repeated, 'line')}, dropped"
    yield f"in the database: {count_of(draft.from_database, 'record')} more"
    more = count_of(draft.from_folders, "frame ID")
    yield f"in folders:      {more} more, of {len(bindings):,} there"
    if not draft.is_news:
        yield "the file is complete: nothing to write"


def _problem_lines(problems: tuple[str, ...]) -> Iterator[str]:
    yield "nothing was changed, because the folders leave unclear which product has which ID:"
    yield from problems[:_LISTED]
    if len(problems) > _LISTED:
        yield f"and {len(problems) - _LISTED:,} more"
    yield (
        "repair these files, or move them out of their night (what the old tools made, once"
        " `vampctl adopt NIGHT` has put its IDs on record), and run this again"
    )


def _ask(yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("not_asked", "not a terminal, so cannot ask: pass --yes to confirm")
    if not typer.confirm("Rebuild the ledger?"):
        raise UsageError("not_asked", "nothing was changed")
