"""What every vampctl command begins with: the configuration and the connection to the store."""

from __future__ import annotations

import contextlib
import getpass
import math
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vampd.cli.shared.output import write_error
from vampd.cli.shared.typed_nights import forget_names
from vampd.config import (
    MACHINE_CONFIG,
    Settings,
    config_path,
    demo_text,
    load_settings,
    parse_settings,
)
from vampd.disk.rights import become_owner
from vampd.errors import ConfigError, NotPermitted, UsageError
from vampd.model.deed import ASKED_BY, LONG_VERBS, Verb
from vampd.model.nights import Kind

if TYPE_CHECKING:
    from vampd.wiring.connections import Connections

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help=f"The configuration file. Default: VAMPD_CONFIG, else {MACHINE_CONFIG},"
        " else the demo's.",
        show_default=False,
    ),
]
KindOption = Annotated[
    Kind | None,
    typer.Option("--kind", help="Which night, if the date has both kinds.", show_default=False),
]
NightArgument = Annotated[
    str, typer.Argument(metavar="NIGHT", help="20251106 or 2025-11-06.", show_default=False)
]
READ_NIGHT = "20251106, 2025-11-06, last or yesterday (in UT)."
ReadNightArgument = Annotated[
    str, typer.Argument(metavar="NIGHT", help=READ_NIGHT, show_default=False)
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what it would do, and change nothing.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def refuse_nan(value: float | None) -> float | None:
    """An option's number; a usage error for one that no comparison holds of."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is no number.")
    return value


def examples(*lines: str) -> str:
    """The end of a command's help."""
    # A lone backspace makes the help's formatter leave the line ends of this paragraph alone.
    return "\b\n" + "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def read_settings(config: Path | None) -> Settings:
    """The settings from this file, else VAMPD_CONFIG's, the machine's, the demo's. ConfigError."""
    path = config_path(config)
    return load_settings(path) if path else parse_settings(demo_text(), "the demo's configuration")


def settings_of(context: typer.Context, config: Path | None) -> Settings:
    """The settings for a command; its own ``--config`` outranks the one before the command.

    Where the file is refused, those that the running vampd has in force.
    """
    forget_names()
    given = config or context.obj
    try:
        return read_settings(given)
    except ConfigError as error:
        path = config_path(given)
        if path is None or (settings := _settings_behind(path)) is None:
            raise
        write_error(
            f"vampctl: the configuration is refused ({error.message}); this goes on with what the"
            " running vampd has in force: `vampctl config check` after mending it"
        )
        return settings


def _settings_behind(path: Path) -> Settings | None:
    from vampd.wiring.in_force import settings_behind

    return settings_behind(path)


@contextlib.contextmanager
def connected(context: typer.Context, config: Path | None) -> Iterator[Connections]:
    """The store and the rest of the world, for one command that may change them.

    NotPermitted ``not_the_owner`` says what to type instead.
    """
    from vampd.wiring.connections import connect

    settings = settings_of(context, config)
    work_as_owner(settings)
    with owners_only(), connect(settings) as connections:
        yield connections


@contextlib.contextmanager
def reading(context: typer.Context, config: Path | None) -> Iterator[Connections]:
    """The same for a command that changes nothing, which every member of the group may run."""
    from vampd.wiring.connections import connect_to_read

    with connect_to_read(settings_of(context, config)) as connections:
        yield connections


@contextlib.contextmanager
def acting_or_asking(
    context: typer.Context, config: Path | None, verb: Verb | None
) -> Iterator[tuple[Connections, bool]]:
    """The same for what members may ask for, and whether it is asked for, or takes effect.

    Without a verb it is the owner's alone, like all that the settings leave to the owner.
    """
    from vampd.wiring.connections import connect, connect_to_read, may_write

    settings = settings_of(context, config)
    asks = verb in settings.requests.members_may and not may_write(settings.database.path)
    # A login at the mail server may be root's alone to read.
    if verb is None or verb in LONG_VERBS - {Verb.MAIL}:
        work_as_owner(settings)
    with owners_only(), (connect_to_read if asks else connect)(settings) as connections:
        yield connections, asks


@contextlib.contextmanager
def owners_only() -> Iterator[None]:
    """Say to whoever is not the owner of the nights what to type."""
    try:
        yield
    except NotPermitted as error:
        if error.code != "not_the_owner":
            raise
        user = str(error.context["owner"])
        given = shlex.join(["sudo", "-u", user.replace("uid ", "#"), "vampctl", *sys.argv[1:]])
        raise NotPermitted(
            error.code,
            f"{error.message}: `{given}`; members of the group look, and ask as"
            " `vampctl requests -h` says",
            **error.context,
        ) from error


def work_as_owner(settings: Settings) -> None:
    """Do as the owner what root asks for: the service has to go on with what it makes.

    On record it is root's all the same.
    """
    actor = actor_name()
    with contextlib.suppress(FileNotFoundError):
        if become_owner(settings.database.path.parent) is not None:
            os.environ[ASKED_BY] = actor


def agreed(question: str) -> bool:
    """The answer of the person at the terminal; UsageError ``not_asked`` without one."""
    if not sys.stdin.isatty():
        raise UsageError("not_asked", "not a terminal, so cannot ask: pass --yes to confirm")
    return typer.confirm(question)


def actor_name() -> str:
    """Who gives this command, or asked for it, as recorded in the store."""
    # vampd, which runs the command for a member, says whom it acts for.
    if asked_by := os.environ.get(ASKED_BY):
        return asked_by
    try:
        return f"{getpass.getuser()} (vampctl)"
    except (KeyError, OSError, ImportError):  # a user id without a name
        return "vampctl"
