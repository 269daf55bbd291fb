"""vampctl retry, hold, release: the owner's word is an event, a member's a request for one."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vampd.cli.shared.nights import choose_record, title_of
from vampd.cli.shared.output import write
from vampd.cli.shared.requests import ask
from vampd.cli.shared.session import (
    ConfigOption,
    KindOption,
    NightArgument,
    acting_or_asking,
    actor_name,
)
from vampd.errors import IllegalTransition, UsageError
from vampd.model.deed import Verb
from vampd.model.nights import Kind, StageName, moved
from vampd.model.request import describe_move, move_of

StageOption = Annotated[
    StageName | None,
    typer.Option(
        "--from",
        metavar="STAGE",
        help=f"Go back to this stage: {', '.join(StageName)}.",
        show_default=False,
    ),
]
ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Shown by status.", show_default=False),
]


def retry(
    context: typer.Context,
    night: NightArgument,
    stage: StageOption = None,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Repeat a night's stage, or go back to an earlier one.

    A running attempt is stopped and its results are dropped. Finished work is kept: a stage does
    only what is missing. Back at transfer or an earlier stage, all of the archive copy is read
    again. A night whose raw cubes were removed cannot go back to sync.
    """
    _move(context, config, night, kind, Verb.RETRY, stage)


def hold(
    context: typer.Context,
    night: NightArgument,
    reason: ReasonOption = None,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop a night until someone releases it.

    A running attempt is stopped. A finished night that is marked for deletion loses its mark.
    """
    _move(context, config, night, kind, Verb.HOLD, reason=reason)


def release(
    context: typer.Context,
    night: NightArgument,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a night proceed that is held or waits for others.

    It proceeds past the reason that it is held for, past the older nights that it waits for, or
    without the raw files that it waits to read: these are set aside. Any other reason still holds
    the night. Late data revoke the release. An archive night that is not
    held may from then on pass older ones on its way to frame IDs.
    """
    _move(context, config, night, kind, Verb.RELEASE)


def _move(
    context: typer.Context,
    config: ConfigOption,
    text: str,
    kind: Kind | None,
    verb: Verb,
    stage: StageName | None = None,
    reason: str | None = None,
) -> None:
    """The owner's word takes effect at once; anyone else's becomes a request."""
    from vampd.stages.raw_presence import refuse_without_raw

    with acting_or_asking(context, config, verb) as (connections, asks):
        store = connections.store
        before = choose_record(store.nights(), text, kind)
        move = move_of(verb, before, stage, reason)
        try:
            if asks:
                moved(before, move.event, at=time.time(), code=move.code, message=move.message)
                write(ask(connections, before, verb, stage=stage, reason=reason))
                return
            if stage is StageName.SYNC and before.state.stage is not StageName.SYNC:
                refuse_without_raw(before.night, connections.reader)
            after = store.apply(
                before.night,
                move.event,
                at=time.time(),
                actor=actor_name(),
                code=move.code,
                message=move.message,
            )
        except IllegalTransition as error:
            # Nothing is wrong with the night; the request does not apply to it.
            raise UsageError(error.code, f"{title_of(before.night)}: {error.message}") from error
    write(describe_move(before, after, move))
