"""Which receipts of an archive copy prove something: those of the archive as it is now.

An archive is recognized by its mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vampd.model.nights import FileStamp
from vampd.model.proofs.receipt import Receipt


@dataclass(frozen=True)
class ArchiveIdentity:
    """The archive that nights of a kind go to now.

    ``destination`` is as the settings write it (``host:/path`` or ``/path``); ``mark`` is its
    identity on record, None before its first use.
    """

    destination: str
    mark: str | None = None


@dataclass(frozen=True)
class MovedNight:
    """A night that the archive host has moved by itself: where to, and the files there, by path.

    Its proofs name that folder, of which no mark is asked.
    """

    identity: ArchiveIdentity
    files: Mapping[str, FileStamp]


class DestinationOrigin(StrEnum):
    """How a destination came on record."""

    UPGRADED = "upgraded"  # nights were archived there before destinations had marks
    PLACED = "placed"  # vampd's first use
    ACCEPTED = "accepted"  # a person knew the mark that lay there, or asked for a new one
    MOVED = "moved"  # a person moved the archive there


@dataclass(frozen=True)
class KnownDestination:
    """Where nights of a kind are archived, as it is on record; ``at`` is unix seconds."""

    destination: str
    # None: in use, without a mark yet.
    mark: str | None
    # Whether the mark is known to have been there. A kill between the record and the mark leaves
    # it False, and then the mark may still be placed.
    is_placed: bool
    origin: DestinationOrigin
    actor: str
    at: float


def is_proof(receipt: Receipt, archive: ArchiveIdentity) -> bool:
    """Whether this reading counts for this archive.

    A reading without a mark is from before destinations had one: it counts until it is ended, as
    everything is that is not certainly about the same archive.
    """
    return (
        not receipt.has_ended
        and receipt.destination == archive.destination
        and receipt.mark in (None, archive.mark)
    )


def choose_proofs(receipts: Mapping[str, Receipt], archive: ArchiveIdentity) -> dict[str, Receipt]:
    """The receipts, by path, that count for this archive."""
    return {path: receipt for path, receipt in receipts.items() if is_proof(receipt, archive)}
