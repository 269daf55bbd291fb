"""Settings of the transfer: where nights go, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from vampd.config.base import Seconds, Table
from vampd.model.nights import ARCHIVE_FOLDER, Kind, parse_night_date

# More than sshd lets begin at once, by its default.
MOST_STREAMS = 8
# Any night's date: what holds for its folder holds for those of all nights.
_DATE = "20000101"


def _split_destination(destination: str) -> tuple[str | None, str]:
    # The path begins at the first slash: a colon after it is part of a name.
    front, slash, rest = destination.partition("/")
    if not front:
        return None, slash + rest
    return (front[:-1], slash + rest) if front.endswith(":") else (None, destination)


class Destination(Table):
    """[transfer.archive], [transfer.engineering]: where nights of a kind go.

    ``destination`` is ``host:/absolute/path`` or ``/absolute/path``; ``moved_to`` are folders on
    the same host where a night may lie later, with ``{date}`` for its date. ``mount_point`` is the
    destination or a folder above it, where the disk of the archive must be mounted.
    """

    destination: str
    mount_point: Path | None = None
    moved_to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _around(self) -> Destination:
        point = self.mount_point
        if point is not None and point not in (self.path, *self.path.parents):
            raise ValueError(f"mount_point {point} must be {self.path} or a folder above it")
        return self

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
        # Manifests name files below it, one a line, in columns.
        if set(destination) & set("|\r\n\0"):
            raise ValueError("must be on one line and without '|', which manifests cannot hold")
        return destination

    @property
    def host(self) -> str | None:
        """The archive host, None for a folder on this machine."""
        return _split_destination(self.destination)[0]

    @property
    def path(self) -> Path:
        """The folder that holds the nights there."""
        return Path(_split_destination(self.destination)[1])


class Transfer(Table):
    """[transfer]: how nights travel: to another host by rsync and ssh, within this one by copies.

    ``pull_from`` is the machine with the nights as the archive host names it, for `vampctl pull`.
    ``streams`` are the connections that send a night to another host at once, 0: as many as suit,
    three at least.
    While a night is packed, what is ready is sent ``send_ahead_bytes`` at a time; a night with less
    is sent when all of it is packed, and with 0 so is every night.
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
    streams: Annotated[int, Field(ge=0, le=MOST_STREAMS)] = 0
    send_ahead_bytes: Annotated[int, Field(ge=0)] = 256_000_000
    pull_from: str | None = None

    @field_validator("pull_from")
    @classmethod
    def _a_host(cls, host: str | None) -> str | None:
        if host is not None and (not host or host.startswith("-") or set(host) & set("/ ")):
            raise ValueError("must be the name of a host, as ssh takes it")
        return host

    @property
    def streams_at_once(self) -> int:
        """How many scripts read there at once: one for four cores unless set, four at most."""
        return self.streams or max(1, min(4, (os.cpu_count() or 1) // 4))

    @property
    def connections(self) -> int:
        """How many parts of a night are sent at once, by a connection each.

        Three unless more suit: while one begins, the others keep the link at work.
        """
        return self.streams or max(3, self.streams_at_once)

    def destination(self, kind: Kind) -> Destination:
        """Where nights of this kind go."""
        return self.archive if kind is Kind.ARCHIVE else self.engineering


def misplaced_destinations(transfer: Transfer, *roots: Path) -> Iterator[tuple[str, str]]:
    """The keys of [transfer] that lead to where other nights lie, each with what is wrong.

    To the nights here, whose copy would be themselves, or to the other kind's nights, which may
    have the same dates and would overwrite each other's files. ``roots`` are the names of the data
    root. By name alone: a disk that does not answer must not stop who only reads, and what leads
    there by links is refused at its use.
    """
    own = [_plain(root / folder / _DATE) for root in roots for folder in ("", ARCHIVE_FOLDER)]
    for kind in Kind:
        one = transfer.destination(kind)
        if is_in_night(one.path):
            yield (
                f"{kind}.destination",
                f"{one.path} is, or lies in, the folder of a night: name the one that holds them",
            )
        if one.host is None and _plain(one.path / _DATE) in own:
            yield (
                f"{kind}.destination",
                f"{one.path} holds the nights themselves: name another disk",
            )
        if one.host is None and any(_plain(moved) in own for moved in one.moved_folders(_DATE)):
            yield f"{kind}.moved_to", "it names the nights themselves, which are no copy"
    archive, engineering = transfer.archive, transfer.engineering
    moved = {_plain(folder) for folder in archive.moved_folders(_DATE)}
    if archive.host == engineering.host:
        if moved & {_plain(folder) for folder in engineering.moved_folders(_DATE)}:
            yield (
                "engineering.moved_to",
                "nights of both kinds have the same dates, so it must not name a folder of"
                " transfer.archive.moved_to",
            )
        if _plain(archive.path) == _plain(engineering.path):
            yield (
                "engineering.destination",
                f"nights of both kinds have the same dates, so {engineering.path} must not be"
                " transfer.archive.destination",
            )


def is_in_night(path: Path) -> bool:
    """Whether a path leads into the folder of a night, by the names on it."""
    return any(parse_night_date(part) is not None for part in path.parts)


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path))
