"""Settings: frozen, typed, from one TOML file. What is not understood is refused.

A wrong key, type or value raises ConfigError with the key's full name; for an unknown key the
nearest known one is suggested. Relative paths are refused, except in ``database.url`` of the
embedded demo, which names none.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import re
import tomllib
from datetime import time
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from vampd.errors import ConfigError
from vampd.model.frame_id import FrameId, NumberRange
from vampd.model.mailing import Way
from vampd.model.manifest import DigestColumn, LineEnd, ManifestForm, Style
from vampd.model.night import Kind, parse_night_date
from vampd.model.proof import Verification

CONFIG_VARIABLE = "VAMPD_CONFIG"
MACHINE_CONFIG = Path("/etc/vampd/vampd.toml")  # where `make install` puts it

_KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class _Table(BaseModel):
    # Built once, as parts of Settings, and not each by itself as well: that doubles the start.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Watch(_Table):
    """[watch]: where nights appear and when they count as quiet."""

    root: Path
    quiet_after_s: Seconds = 1800
    stale_after_s: Seconds | None = None
    scan_every_s: Seconds = 30
    deep_scan_every_s: Seconds = 3600
    pause_after_write_s: Seconds = 15
    pause_while_writing: bool = True
    ignore_before: str | None = None

    @field_validator("root")
    @classmethod
    def _absolute(cls, root: Path) -> Path:
        if not root.is_absolute():
            raise ValueError("must be an absolute path")
        return root

    @field_validator("ignore_before")
    @classmethod
    def _a_night(cls, night: str | None) -> str | None:
        if night is not None and parse_night_date(night) is None:
            raise ValueError("must be a night such as '20250101'")
        return night

    @property
    def stale_s(self) -> float:
        """How long an incomplete cube may block a night: twice the quiet time unless set."""
        return 2 * self.quiet_after_s if self.stale_after_s is None else self.stale_after_s


class Schedule(_Table):
    """[schedule]: when nights may start, and how much runs at once."""

    archive_not_before: time = time(20)
    nights_at_once: Count = 4
    workers: Annotated[int, Field(ge=0)] = 0
    worker_deadline_s: Seconds = 3600
    sync_at_once: Count = 1
    headers_at_once: Count = 2
    frameids_at_once: Count = 1
    fpack_at_once: Count = 2
    transfer_at_once: Count = 1
    manifest_at_once: Count = 1

    @field_validator("archive_not_before", mode="before")
    @classmethod
    def _hour(cls, value: object) -> object:
        if not isinstance(value, str):
            raise ValueError("must be a UT time such as '20:00'")
        return value


class Retry(_Table):
    """[retry]: backoff after failures that may pass."""

    first_delay_s: Seconds = 10
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    max_delay_s: Seconds = 3600
    attempts: Count = 12


class Database(_Table):
    """[database]: the state of the nights and the frame-ID ledger."""

    url: str

    @field_validator("url")
    @classmethod
    def _sqlite(cls, url: str) -> str:
        if not url.startswith("sqlite:////"):
            raise ValueError("must be an absolute SQLite path such as 'sqlite:////var/lib/x.db'")
        return url

    @property
    def path(self) -> Path:
        """The database file."""
        return Path(self.url.removeprefix("sqlite:///"))


class Sync(_Table):
    """[sync]: pairing, cutting, and when a night's result counts as unexpected."""

    hold_when_unexpected: bool = True
    max_unpaired: Fraction = 0.2
    max_dubious: Fraction = 0.1
    max_set_aside: Fraction = 0.5
    cut_after_s: Seconds = 10
    cut_at_gap_s: Seconds = 3
    cut_on: tuple[str, ...] = (
        "EXPTIME",
        "RET-ANG1",
        "FILTER01",
        "FILTER02",
        "OBJECT",
        "DATA-TYP",
        "U_FLCEN",
        "U_FLCST",
        "U_DETMOD",
        "PRD-MIN1",
        "PRD-MIN2",
        "DETGAIN",
        "U_MBI",
    )


class WhenMissing(StrEnum):
    """What a night's cubes without a required card lead to."""

    WARN = "warn"
    HOLD = "hold"


class Headers(_Table):
    """[headers]: the keyword dictionary, and the cards that every cube should have."""

    dictionary: Path | None = None
    required: tuple[str, ...] = (
        "EXPTIME",
        "EXTTRIG",
        "DETECTOR",
        "U_CAMERA",
        "FILTER01",
        "FILTER02",
        "RET-ANG1",
        "OBJECT",
        "DATA-TYP",
        "OBS-MOD",
    )
    when_missing: WhenMissing = WhenMissing.WARN

    @field_validator("required")
    @classmethod
    def _keywords(cls, required: tuple[str, ...]) -> tuple[str, ...]:
        for keyword in required:
            if not _KEYWORD.fullmatch(keyword):
                raise ValueError(f"{keyword!r} is no keyword such as 'EXPTIME'")
        return required


class Authority(StrEnum):
    """Who grants frame IDs."""

    NONE = "none"
    LOCAL = "local"
    GEN2 = "gen2"
    COMMAND = "command"


class FrameIds(_Table):
    """[frameids]: who grants IDs.

    ``first`` is for the local sequence; ``numbers`` and ``timeout_s`` for gen2 and command,
    ``gen2_answer`` and ``gen2_hosts`` for gen2, ``command`` for command.
    """

    authority: Authority = Authority.NONE
    first: str = "VMPA90000001"
    numbers: NumberRange = NumberRange.RAW
    timeout_s: Seconds = 120
    gen2_answer: Path = Path("/tmp/frames_VMPA.txt")
    gen2_hosts: tuple[str, ...] = ()
    command: tuple[str, ...] = ()

    @field_validator("first")
    @classmethod
    def _a_frame_id(cls, text: str) -> str:
        FrameId.parse(text)
        return text

    @field_validator("gen2_answer")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        if not path.is_absolute():
            raise ValueError("must be an absolute path")
        return path

    @model_validator(mode="after")
    def _a_command(self) -> FrameIds:
        if self.authority is Authority.COMMAND and not any(self.command):
            raise ValueError('authority = "command" needs frameids.command')
        return self


class Fpack(_Table):
    """[fpack]: compression and its proof."""

    verify: Verification = "full"


def _split_destination(destination: str) -> tuple[str | None, str]:
    # The path begins with the first slash: a colon behind it is a part of a name.
    front, slash, rest = destination.partition("/")
    if not front:
        return None, slash + rest
    return (front[:-1], slash + rest) if front.endswith(":") else (None, destination)


class Destination(_Table):
    """[transfer.archive], [transfer.engineering]: where nights of a kind go.

    ``destination`` is ``host:/absolute/path`` or ``/absolute/path``; ``moved_to`` are folders on
    the same host where a night may lie later, with ``{date}`` for its date.
    """

    destination: str
    moved_to: tuple[str, ...] = ()

    @field_validator("moved_to")
    @classmethod
    def _with_date(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            rest = template.replace("{date}", "")
            if not template.startswith("/") or rest == template or set(rest) & set("{}\0"):
                raise ValueError(
                    f"{template!r} must be an absolute path with {{date}} for the night's date"
                )
        return templates

    def moved_folders(self, date: str) -> tuple[Path, ...]:
        """Where a night may have been moved to, on the same host."""
        return tuple(Path(template.replace("{date}", date)) for template in self.moved_to)

    @field_validator("destination")
    @classmethod
    def _absolute(cls, destination: str) -> str:
        host, path = _split_destination(destination)
        if not path.startswith("/") or host == "" or (host and host.startswith("-")):
            raise ValueError("must be 'host:/absolute/path' or '/absolute/path'")
        return destination

    @property
    def host(self) -> str | None:
        """The archive host, None for a folder on this machine."""
        return _split_destination(self.destination)[0]

    @property
    def path(self) -> Path:
        """The folder that holds the nights there."""
        return Path(_split_destination(self.destination)[1])


class Transfer(_Table):
    """[transfer]: rsync and ssh.

    ``pull_from`` is the machine with the nights as the archive host names it, for `vampctl pull`.
    """

    archive: Destination
    engineering: Destination
    rsync: str = "rsync"
    ssh: tuple[str, ...] = (
        "ssh",
        "-T",
        "-x",
        "-c",
        "aes128-gcm@openssh.com",
        "-o",
        "Compression=no",
        "-o",
        "ConnectTimeout=10",
        "-o",
        "BatchMode=yes",
    )
    timeout_s: Seconds = 300
    pull_from: str | None = None

    @field_validator("pull_from")
    @classmethod
    def _a_host(cls, host: str | None) -> str | None:
        if host is not None and (not host or host.startswith("-") or set(host) & set("/ ")):
            raise ValueError("must be the name of a host, as ssh takes it")
        return host

    def destination(self, kind: Kind) -> Destination:
        """Where nights of this kind go."""
        return self.archive if kind is Kind.ARCHIVE else self.engineering


class Disk(_Table):
    """[disk]: room that must stay free, here and on the archive host, and when to warn.

    ``warn_below`` is a part of the file system.
    """

    reserve_bytes: Annotated[int, Field(ge=0)] = 0
    warn_below: Fraction = 0.05


class ManifestSettings(_Table):
    """[manifest]: how new manifests are written; those that exist are never changed.

    ``prefix`` is the folder of the archive nights as the host names it that STARS reads from; None:
    as the transfer's destination names it.
    """

    form: Style = Style.PLAIN
    columns: tuple[DigestColumn, ...] = ()
    line_ends: LineEnd = LineEnd.CRLF
    prefix: Path | None = None

    @field_validator("prefix")
    @classmethod
    def _absolute(cls, prefix: Path | None) -> Path | None:
        if prefix is not None and (not prefix.is_absolute() or set(str(prefix)) & set("|\r\n")):
            raise ValueError("must be an absolute path without '|'")
        return prefix

    @model_validator(mode="after")
    def _columns_have_names(self) -> ManifestSettings:
        self.manifest_form  # noqa: B018 - its own rules decide
        return self

    @property
    def manifest_form(self) -> ManifestForm:
        """The form of new manifests."""
        return ManifestForm(self.form, self.columns, self.line_ends)


class Tls(StrEnum):
    """How the connection to a mail server is made safe; its certificate is always verified."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


_MAIL_ADDRESS = re.compile(r"(?!-)[!-~]+@(?!-)[!-~]+")


class Mail(_Table):
    """[mail]: who tells STARS, whom, and how; and who is warned when space runs low.

    ``data_host_ip`` is the address that STARS pulls from; it is never guessed, because a host may
    well think that it is 127.0.1.1.
    """

    automatic: bool = False
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    warn_recipients: tuple[str, ...] = ()
    data_host_ip: str | None = None
    template: Path | None = None
    way: Literal[Way.SMTP, Way.SENDMAIL] = Way.SENDMAIL
    sendmail: Path = Path("/usr/sbin/sendmail")
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    tls: Tls = Tls.STARTTLS
    ca_file: Path | None = None
    credentials: Path | None = None
    timeout_s: Seconds = 60

    @field_validator("sender", "recipients", "warn_recipients")
    @classmethod
    def _addresses(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for address in (value,) if isinstance(value, str) else value or ():
            if not _MAIL_ADDRESS.fullmatch(address) or set(address) & set('<>,;:"()'):
                raise ValueError("must be plain addresses such as 'name@host.org'")
        return value

    @field_validator("data_host_ip")
    @classmethod
    def _reachable(cls, text: str | None) -> str | None:
        if text is not None:
            address = ipaddress.ip_address(text)
            if address.is_loopback or address.is_unspecified:
                raise ValueError("must be the address that other hosts reach the data host by")
        return text

    @field_validator("template", "sendmail", "ca_file", "credentials")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_absolute():
            raise ValueError("must be an absolute path")
        return path

    @model_validator(mode="after")
    def _consistent(self) -> Mail:
        if self.credentials is not None and self.tls is Tls.NONE:
            raise ValueError("a password does not travel in the clear: credentials need tls")
        if self.automatic and self.missing:
            raise ValueError(f"automatic needs {' and '.join(self.missing)}")
        lacking = [key for key in self.missing if key in ("mail.sender", "mail.host")]
        if self.warn_recipients and lacking:
            raise ValueError(f"warn_recipients needs {' and '.join(lacking)}")
        return self

    @property
    def missing(self) -> tuple[str, ...]:
        """The keys without which nothing can be sent."""
        needed = {
            "mail.sender": self.sender,
            "mail.recipients": self.recipients,
            "mail.data_host_ip": self.data_host_ip,
            "mail.host": self.host if self.way is Way.SMTP else "none is needed",
        }
        return tuple(key for key, value in needed.items() if not value)


class Settings(_Table):
    """The whole configuration."""

    watch: Watch
    database: Database
    transfer: Transfer
    schedule: Schedule = Schedule()
    retry: Retry = Retry()
    sync: Sync = Sync()
    headers: Headers = Headers()
    frameids: FrameIds = FrameIds()
    fpack: Fpack = Fpack()
    disk: Disk = Disk()
    manifest: ManifestSettings = ManifestSettings()
    mail: Mail = Mail()


def packaged_file(name: str) -> Path:
    """A file of the repository's ``config`` folder, installed or in a checkout."""
    installed = Path(str(resources.files("vampd"))) / "_config" / name
    checkout = Path(str(resources.files("vampd"))).parent / "config" / name
    return installed if installed.exists() else checkout


def config_path(given: Path | None) -> Path | None:
    """The configuration file: the one given, else VAMPD_CONFIG's, else the machine's, if any."""
    named = os.environ.get(CONFIG_VARIABLE)
    if given or named:
        return given or Path(str(named))
    return MACHINE_CONFIG if MACHINE_CONFIG.exists() else None


def load_settings(path: Path) -> Settings:
    """Read and validate a configuration file; ConfigError tells file, key and what is expected."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "config_unreadable", f"cannot read the configuration {path}: {error}", path=str(path)
        ) from error
    return parse_settings(text, str(path))


def parse_settings(text: str, origin: str) -> Settings:
    """Validate configuration text; ``origin`` names it in messages."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("config_not_toml", f"{origin} is not valid TOML: {error}") from error
    try:
        return Settings.model_validate(tables)
    except ValidationError as error:
        problems = [_problem(dict(item)) for item in error.errors()]
        raise ConfigError("config_invalid", f"{origin}: " + "; ".join(problems)) from error


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
