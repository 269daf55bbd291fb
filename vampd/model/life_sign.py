"""What vampd leaves beside its database for whoever asks whether it runs: a sign of life.

A sign says which process wrote it, so that it can be held against the processes of this machine: no
sign is believed for being there, since a killed process leaves its last one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

# A sign is written once a minute at least; a loop that is late by more stands still.
LATE_AFTER_S = 180.0
LONGEST_SIGN_BYTES = 1 << 16


@dataclass(frozen=True)
class ProcessMark:
    """A process, as no other one is: ``began`` in clock ticks since the boot of this id."""

    pid: int
    began: int
    boot: str
    # Numbers of processes are those of a namespace, such as a container's.
    namespace: str
    host: str


@dataclass(frozen=True)
class HostAccount:
    """Raw bytes per second that a host packed in the last 10 minutes, and the orders lost there."""

    bytes_per_s: int
    losses: int


@dataclass(frozen=True)
class LifeSign:
    """What vampd says of itself; times in Unix seconds.

    ``database`` is the number of the file (inode) that it has open, None before there is one.
    """

    version: str
    process: ProcessMark
    database: int | None
    up_since: float
    seen_at: float
    scanned_at: float | None = None
    is_paused: bool = False
    doing: str = ""
    configuration: str | None = None
    # Who packs, in words, where that is not this machine alone.
    crew: str | None = None
    # What each of these hosts has done, by name.
    hosts: Mapping[str, HostAccount] = field(default_factory=dict)
    # What is in force, as JSON, and why the file was refused when it was read again.
    settings: str | None = None
    refused: str | None = None
    # The SHA-256 of the file that says what is in force: whoever finds that text need not judge it.
    accepted: str | None = None
    stopped_at: float | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a reader finds: its own machine, and the process that has the sign's number now."""

    boot: str
    namespace: str
    host: str
    database: int | None
    # When that process began, None for none.
    began: int | None = None
    # There is one, but its times are hidden from this user.
    is_hidden: bool = False


class LifeState(StrEnum):
    """Whether vampd runs."""

    RUNNING = "running"
    SILENT = "silent"  # its process lives, its loop gives no sign
    STOPPED = "stopped"
    KILLED = "killed"
    NEVER_SEEN = "never_seen"
    UNKNOWN = "unknown"  # cannot be told from here


@dataclass(frozen=True)
class Life:
    """What is known of vampd; ``why`` it is not known whether it runs, or how it ended."""

    state: LifeState
    sign: LifeSign | None = None
    why: str = ""

    @property
    def is_running(self) -> bool | None:
        """None where it cannot be told."""
        if self.state is LifeState.UNKNOWN:
            return None
        return self.state in (LifeState.RUNNING, LifeState.SILENT)

    @property
    def hosts(self) -> Mapping[str, HostAccount]:
        """What each host that packs has done, by name; none where vampd does not run."""
        return {} if self.sign is None or self.is_running is False else self.sign.hosts

    @property
    def ended_at(self) -> float | None:
        """Since when it does not run: of a killed one, its last sign. None if it runs, or may."""
        if self.sign is None or self.state not in (LifeState.STOPPED, LifeState.KILLED):
            return None
        stopped_at = self.sign.stopped_at
        return self.sign.seen_at if stopped_at is None else stopped_at

    def needs_person(self, now: float) -> bool:
        """Whether nothing is done until someone looks; elsewhere, a sign must be recent."""
        if self.state is LifeState.UNKNOWN:
            return self.sign is None or now - self.sign.seen_at > LATE_AFTER_S
        return self.state is not LifeState.RUNNING


def judge_life(sign: LifeSign, around: Surroundings, now: float) -> Life:
    """Whether the process that left the sign still runs on this database. Never guesses that."""
    if around.database != sign.database:
        # The sign of another database, which came with a copy of the folder.
        return Life(LifeState.NEVER_SEEN)
    if sign.stopped_at is not None:
        return Life(LifeState.STOPPED, sign)
    process = sign.process
    if process.boot != around.boot:
        if process.host != around.host:
            return Life(LifeState.UNKNOWN, sign, f"it was started on {process.host}")
        return Life(LifeState.KILLED, sign, "the host was restarted")
    if process.namespace != around.namespace:
        return Life(LifeState.UNKNOWN, sign, "it was started in another container")
    if around.is_hidden:
        return Life(LifeState.UNKNOWN, sign, "this machine hides the processes of others")
    if around.began != process.began:
        return Life(LifeState.KILLED, sign, "it was killed")
    if now - sign.seen_at > LATE_AFTER_S:
        return Life(LifeState.SILENT, sign, "its loop stands still")
    return Life(LifeState.RUNNING, sign)


def write_sign(sign: LifeSign) -> bytes:
    """The sign as a file holds it: one JSON object in ASCII."""
    return f"{json.dumps(asdict(sign))}\n".encode("ascii")


def parse_sign(content: bytes) -> LifeSign | None:
    """The sign; None for what is none, or is of a version that says something else."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    process = _read(ProcessMark, found.get("process"), _PROCESS)
    # Earlier versions say nothing of hosts.
    told = found.get("hosts", {})
    if process is None or not isinstance(told, dict):
        return None
    hosts = {host: _read(HostAccount, account, _ACCOUNT) for host, account in told.items()}
    if None in hosts.values():
        return None
    whole = found | {"process": process, "hosts": hosts}
    sign: LifeSign | None = _read(LifeSign, whole, _SIGN)
    return sign


_NUMBER = (int, float)
_PROCESS: dict[str, Any] = {"pid": int, "began": int, "boot": str, "namespace": str, "host": str}
_ACCOUNT: dict[str, Any] = {"bytes_per_s": int, "losses": int}
_SIGN: dict[str, Any] = {
    "version": str,
    "process": ProcessMark,
    "database": (int, type(None)),
    "up_since": _NUMBER,
    "seen_at": _NUMBER,
    "scanned_at": (*_NUMBER, type(None)),
    "is_paused": bool,
    "doing": str,
    "configuration": (str, type(None)),
    "crew": (str, type(None)),
    "hosts": dict,
    "settings": (str, type(None)),
    "refused": (str, type(None)),
    "accepted": (str, type(None)),
    "stopped_at": (*_NUMBER, type(None)),
}


def _read(kind: type, found: object, types: dict[str, Any]) -> Any:
    """The value with these keys; later versions may say more, and none says less."""
    if not isinstance(found, dict):
        return None
    values = {field.name: found.get(field.name) for field in fields(kind)}
    is_sound = all(isinstance(values[name], types[name]) for name in values)
    return kind(**values) if is_sound else None
