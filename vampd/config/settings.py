"""Settings: frozen, typed, from one TOML file. What is not understood is refused.

A wrong key, type or value raises ConfigError with the key's full name; for an unknown key the
nearest known one is suggested. Relative paths are refused.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, field_validator

from vampd.config.alarm import Heartbeat, Notify, refuse_twins
from vampd.config.base import Table
from vampd.config.configured import digest_of, read_configured
from vampd.config.crew import CrewSettings
from vampd.config.mail import Mail
from vampd.config.service import Database, Disk, Purge, Requests, Retry, Schedule, Watch
from vampd.config.stages import Fpack, FrameIds, Headers, ManifestSettings, Sync
from vampd.config.transfer import Destination, Transfer, misplaced_destinations
from vampd.config.web import Web
from vampd.errors import ConfigError, UsageError
from vampd.model.nights import Kind

# A person's: what else it needs is in that person's configuration, and it asks nothing.
OWN_SSH = ("ssh", "-T", "-x", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Settings(Table):
    """The whole configuration."""

    watch: Watch
    database: Database
    transfer: Transfer
    # What the file leaves out. Constructed: to validate a default would build the validator of its
    # table a second time, beside that of Settings, and take a tenth of the start of a command.
    schedule: Schedule = Schedule.model_construct()
    crew: CrewSettings = CrewSettings.model_construct()
    retry: Retry = Retry.model_construct()
    sync: Sync = Sync.model_construct()
    headers: Headers = Headers.model_construct()
    frameids: FrameIds = FrameIds.model_construct()
    fpack: Fpack = Fpack.model_construct()
    disk: Disk = Disk.model_construct()
    purge: Purge = Purge.model_construct()
    requests: Requests = Requests.model_construct()
    manifest: ManifestSettings = ManifestSettings.model_construct()
    mail: Mail = Mail.model_construct()
    web: Web = Web.model_construct()
    notify: Annotated[tuple[Notify, ...], Field(max_length=8)] = ()
    heartbeat: Heartbeat = Heartbeat.model_construct()

    @field_validator("notify")
    @classmethod
    def _each_with_a_name(cls, notify: tuple[Notify, ...]) -> tuple[Notify, ...]:
        return refuse_twins(notify)


def load_settings(path: Path) -> Settings:
    """Read and validate a configuration file; ConfigError names file, key and what is expected."""
    try:
        text = read_configured(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config_unreadable", f"cannot read the configuration {path}: {error}", path=str(path)
        ) from error
    return parse_settings(text, str(path))


def accepted_digest(path: Path, settings: Settings) -> str | None:
    """The SHA-256 of the configuration file, None unless it says these settings."""
    try:
        text = read_configured(path)
        is_said = parse_settings(text, str(path)) == settings
    except (OSError, UnicodeDecodeError, ConfigError):
        return None
    return digest_of(text) if is_said else None


def parse_settings(text: str, origin: str) -> Settings:
    """Validate configuration text; ``origin`` names it in messages."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config_not_toml", f"{origin} is not valid TOML: {error}") from error
    try:
        settings = Settings.model_validate(tables)
    except ValidationError as error:
        problems = [_problem(dict(item)) for item in error.errors()]
        raise ConfigError("config_invalid", f"{origin}: " + "; ".join(problems)) from error
    # Root and state may be links; below them, vampd follows none.
    root = Path(os.path.realpath(settings.watch.root))
    for key, problem in misplaced_destinations(settings.transfer, settings.watch.root, root):
        raise ConfigError("config_invalid", f"{origin}: key transfer.{key}: {problem}")
    folder = os.path.realpath(settings.database.path.parent)
    url = f"sqlite:///{Path(folder, settings.database.path.name)}"
    return settings.model_copy(
        update={
            "watch": settings.watch.model_copy(update={"root": root}),
            "database": settings.database.model_copy(update={"url": url}),
        }
    )


def with_destination(settings: Settings, kind: Kind, destination: str) -> Settings:
    """The settings with another destination of a kind; UsageError ``no_destination``.

    Where that one is mounted is not known.
    """
    table = settings.transfer.destination(kind)
    if table.destination == destination:
        return settings
    try:
        changed = Destination(destination=destination, moved_to=table.moved_to)
    except ValidationError as error:
        problem = _problem(dict(error.errors()[0]))
        raise UsageError("no_destination", f"no destination: {problem}") from error
    transfer = settings.transfer.model_copy(update={kind.value: changed})
    for _, problem in misplaced_destinations(transfer, settings.watch.root):
        raise UsageError("no_destination", f"no destination: {problem}")
    return settings.model_copy(update={"transfer": transfer})


def find_misplaced(settings: Settings, kind: Kind) -> str | None:
    """Why the destination of a kind is no place of an archive, by any name; None if it is one.

    Looks at the disk, as reading the settings does not: what leads there may be links.
    """
    one = settings.transfer.destination(kind)
    if os.path.normpath(one.path) in ("/", "//"):
        return f"{one.destination} is no folder of an archive: name its own folder"
    if one.host is not None:
        return None
    real = Path(os.path.realpath(one.path))
    if real == Path("/"):
        return f"{one.destination} leads to /: name the archive's own folder"
    own = {"root of the nights": settings.watch.root, "state": settings.database.path.parent}
    for what, folder in own.items():
        if real.is_relative_to(os.path.realpath(folder)):
            return f"{one.destination} is, or lies in, the folder of the {what}: name another"
    return None


def _problem(item: dict[str, Any]) -> str:
    location = tuple(str(part) for part in item["loc"])
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, _known_keys(), n=1, cutoff=0.5)
        return f"unknown key {key}" + (f", did you mean {near[0]}?" if near else "")
    if item["type"] == "missing":
        return f"key {key} is missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"key {key}: {message} (found {item['input']!r})"


def _known_keys(table: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in table.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys


def with_own_ssh(settings: Settings, user: str | None) -> Settings:
    """The settings for a person who reads the archive: the person's own ssh, none of vampd's keys.

    ``user`` logs in, else whom that ssh's configuration names; UsageError ``no_user``.
    """
    if user is not None and not _USER.fullmatch(user):
        raise UsageError("no_user", f"expected the name of a user, found {user!r}")
    changed: dict[str, object] = {"ssh": OWN_SSH}
    for kind in Kind:
        table = settings.transfer.destination(kind)
        if table.host is not None:
            host = table.host.rpartition("@")[2]
            named = host if user is None else f"{user}@{host}"
            changed[kind.value] = table.model_copy(update={"destination": f"{named}:{table.path}"})
    return settings.model_copy(update={"transfer": settings.transfer.model_copy(update=changed)})
