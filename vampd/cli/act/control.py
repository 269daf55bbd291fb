"""vampctl retry, hold, release: a person's word, on record as events like any other."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vampd.cli.shared.nights import choose_record, title_of
from vampd.cli.shared.output import write
from vampd.cli.shared.session import ConfigOption, KindOption, NightArgument, actor_name, connected
from vampd.errors import IllegalTransition, UsageError
from vampd.model.nights import HELD_BY_PERSON, Event, EventName, Kind, StageName

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
    """Do a night's stage again, or begin at an earlier one.

    A running attempt is given up and its results are dropped. What is done already is kept:
    a stage does only what is missing.
    """
    _move(context, config, night, kind, Event(EventName.RETRIED, stage))


def hold(
    context: typer.Context,
    night: NightArgument,
    reason: ReasonOption = None,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Stop a night until a person releases it.

    A running attempt is given up.
    """
    _move(context, config, night, kind, Event(EventName.HELD), HELD_BY_PERSON, reason)


def release(
    context: typer.Context,
    night: NightArgument,
    kind: KindOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a night go on that is held or waits for others.

    It goes on past what it is held for, or past the older nights that it waits for. It stands for
    that reason alone: what else would hold the night holds it still. Late data take it back. An
    archive night that is not held may from then on pass older ones on its way to frame IDs.
    """
    _move(context, config, night, kind, Event(EventName.RELEASED))


def _move(
    context: typer.Context,
    config: ConfigOption,
    text: str,
    kind: Kind | None,
    event: Event,
    code: str | None = None,
    message: str | None = None,
) -> None:
    with connected(context, config) as connections:
        store = connections.store
        before = choose_record(store.nights(), text, kind)
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
            # The night is well; it is the person who asked for what does not apply.
            raise UsageError(error.code, f"{title_of(before.night)}: {error.message}") from error
    write(
        f"{title_of(before.night)}: {after.state.status} at {after.state.stage}"
        f" (was {before.state.status} at {before.state.stage})"
    )
