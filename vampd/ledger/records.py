"""The records of the frame-ID ledger, and their lines in ``frameids.ledger``.

One record per line, fields separated by tabs, the last field the CRC-32 of the text before it:

    requested  <request>  <night>    <count>    <digest of identities>  <why>
    granted    <ID>       <request>  <night>
    refused    <request>  <why>
    bound      <ID>       <identity> <night>
    applied    <ID>       <night>
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId


class _Record(ABC):
    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """The fields of its line, without the checksum."""

    def __str__(self) -> str:
        return " ".join(self.fields)


@dataclass(frozen=True)
class Requested(_Record):
    """IDs are about to be requested; ``digest`` is that of the wanted identities, in order."""

    request: int
    night: NightId
    count: int
    digest: str
    why: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its line, without the checksum."""
        return (
            "requested",
            str(self.request),
            str(self.night),
            str(self.count),
            self.digest,
            self.why,
        )


@dataclass(frozen=True)
class Granted(_Record):
    """The authority has granted this ID."""

    frame_id: FrameId
    request: int
    night: NightId

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its line, without the checksum."""
        return "granted", str(self.frame_id), str(self.request), str(self.night)


@dataclass(frozen=True)
class Refused(_Record):
    """The answer to a request was not what was asked for; it is never bound."""

    request: int
    why: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its line, without the checksum."""
        return "refused", str(self.request), self.why


@dataclass(frozen=True)
class Bound(_Record):
    """The ID belongs to this product."""

    frame_id: FrameId
    identity: str
    night: NightId

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its line, without the checksum."""
        return "bound", str(self.frame_id), self.identity, str(self.night)


@dataclass(frozen=True)
class Applied(_Record):
    """The product carries the ID."""

    frame_id: FrameId
    night: NightId

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its line, without the checksum."""
        return "applied", str(self.frame_id), str(self.night)


LedgerRecord = Requested | Granted | Refused | Bound | Applied


def format_line(record: LedgerRecord) -> bytes:
    """The record as a line, with its end; ValueError for text that would break a line."""
    for field in record.fields:
        refuse_unprintable(field)
    text = "\t".join(record.fields).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def refuse_unprintable(text: str) -> None:
    """ValueError for text that would break a line of the ledger, and for empty text."""
    if not text or not text.isprintable():
        raise ValueError(f"the ledger keeps printable text, not {text!r}")


def parse_line(line: bytes) -> LedgerRecord:
    """The record that a line (without its end) is, exactly; ValueError for anything else."""
    text, _, checksum = line.rpartition(b"\t")
    if checksum != b"%08x" % zlib.crc32(text):
        raise ValueError("its checksum does not agree")
    record = _parse_fields(text.decode().split("\t"))
    if format_line(record) != line + b"\n":
        raise ValueError("vampd writes such a record differently")
    return record


def _parse_fields(fields: list[str]) -> LedgerRecord:
    match fields:
        case ["requested", request, night, count, digest, why]:
            return Requested(int(request), _parse_night(night), int(count), digest, why)
        case ["granted", frame_id, request, night]:
            return Granted(FrameId.parse(frame_id), int(request), _parse_night(night))
        case ["refused", request, why]:
            return Refused(int(request), why)
        case ["bound", frame_id, identity, night]:
            return Bound(FrameId.parse(frame_id), identity, _parse_night(night))
        case ["applied", frame_id, night]:
            return Applied(FrameId.parse(frame_id), _parse_night(night))
        case _:
            raise ValueError("not a record of the ledger")


def _parse_night(text: str) -> NightId:
    night_date, _, kind = text.partition("/")
    return NightId(night_date, Kind(kind))
