"""Settings of the service: what it watches, when it works, where it keeps state, and free space."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from vampd.config.base import AbsolutePath, Count, Days, Fraction, Seconds, Table
from vampd.model.deed import MEMBERS_VERBS, Verb
from vampd.model.nights import parse_night_date


class Watch(Table):
    """[watch]: where nights appear and when they count as quiet."""

    root: AbsolutePath
    quiet_after_s: Seconds = 1800
    stale_after_s: Seconds | None = None
    scan_every_s: Seconds = 30
    deep_scan_every_s: Seconds = 3600
    pause_after_write_s: Seconds = 15
    pause_while_writing: bool = True
    ignore_before: str | None = None

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


class Schedule(Table):
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


class Retry(Table):
    """[retry]: backoff after failures that may pass."""

    first_delay_s: Seconds = 10
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    max_delay_s: Seconds = 3600
    attempts: Count = 12


class Database(Table):
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


class Purge(Table):
    """[purge]: what `vampctl purge` asks of the archive before raw goes."""

    proof_within_days: Days = 30


class Requests(Table):
    """[requests]: what members of the group may ask for; all else is the owner's alone."""

    members_may: tuple[Verb, ...] = MEMBERS_VERBS


class Disk(Table):
    """[disk]: space that must stay free, here and on the archive host, and when to warn.

    ``warn_below`` is a fraction of the file system.
    """

    reserve_bytes: Annotated[int, Field(ge=0)] = 0
    warn_below: Fraction = 0.05
