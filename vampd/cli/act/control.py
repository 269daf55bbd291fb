"""vampctl retry, hold, release: recorded as events like any other."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.nights import choose_record, title_of
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, KindOption, NightArgument, actor_name, connected
from vampd.errors import IllegalTransition, UsageError
from vampd.model.nights import HELD_BY_PERSON, Event, EventName, Kind, NightId, StageName, Status

if TYPE_CHECKING:
    from vampd.wiring.connections import Connections

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
    _move(context, config, night, kind, Event(EventName.RETRIED, stage))


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
    _move(context, config, night, kind, Event(EventName.HELD), HELD_BY_PERSON, reason)


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
    _move(context, config, night, kind, Event(EventName.RELEASED))


def _unmark(connections: Connections, night: NightId, reason: str | None) -> None:
    connections.store.apply(
        night, Event(EventName.UNMARKED), at=time.time(), actor=actor_name(), message=reason
    )
    write(f"{title_of(night)}: no longer marked for deletion")


def _move(
    context: typer.Context,
    config: ConfigOption,
    text: str,
    kind: Kind | None,
    event: Event,
    code: str | None = None,
    message: str | None = None,
) -> None:
    from vampd.stages.raw_presence import refuse_without_raw

    with connected(context, config) as connections:
        store = connections.store
        before = choose_record(store.nights(), text, kind)
        if event.stage is StageName.SYNC and before.state.stage is not StageName.SYNC:
            refuse_without_raw(before.night, connections.reader)
        is_done = before.state.status is Status.DONE
        if event.name is EventName.HELD and is_done and before.purge_after is not None:
            _unmark(connections, before.night, message)
            return
        try:
            after = store.apply(
                before.night,
                event,
                at=time.time(),
                actor=actor_name(),
                code=code,
                message=message,
            )
        except IllegalTransition as error:
            # Nothing is wrong with the night; the request does not apply to it.
            raise UsageError(error.code, f"{title_of(before.night)}: {error.message}") from error
    write(
        f"{title_of(before.night)}: {after.state.status} at {after.state.stage}"
        f" (was {before.state.status} at {before.state.stage})"
    )
