"""A request: what a member of the group asks of the owner, as a small file of fixed form.

Whoever reads one believes nothing of it: not its length, its keys, their types, nor who wrote it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from vampd.errors import DataError
from vampd.model.deed import NIGHTLESS, NO_CHOICES, Choices, Verb, choices_object, parse_choices
from vampd.model.delivery import ManifestFile
from vampd.model.nights import (
    HELD_BY_PERSON,
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    Status,
    parse_night_date,
)
from vampd.model.proofs import KnownDestination

LONGEST_REQUEST_BYTES = 16384
LONGEST_REASON = 500
# The code of an answer whose night, or manifests, are not as they were seen.
OUT_OF_DATE = "request_out_of_date"
_FORM = 1
_NAME = re.compile(r"([0-9a-f]{32})\.json")
_MANIFEST = re.compile(r"manifest_VMP_[\w.-]{1,80}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Outcome(StrEnum):
    """What became of a request."""

    DONE = "done"
    BEGUN = "begun"  # vampd carries it out
    FAILED = "failed"
    REFUSED = "refused"
    OUT_OF_DATE = "out_of_date"


@dataclass(frozen=True)
class SeenState:
    """What the writer saw of a night; ``since`` is the time of its last move."""

    stage: StageName
    status: Status
    code: str | None
    attempt: int
    since: float


@dataclass(frozen=True)
class Request:
    """One request; ``manifests`` are those that an acknowledgment, or a mail, is about.

    ``night`` and what was ``seen`` of it are None for a deed that concerns no single night.
    """

    id: str
    verb: Verb
    night: NightId | None
    seen: SeenState | None
    stage: StageName | None = None
    reason: str | None = None
    manifests: tuple[ManifestFile, ...] = ()
    choices: Choices = NO_CHOICES


@dataclass(frozen=True)
class Answer:
    """What became of a request, and whose it was by the kernel's word."""

    id: str
    uid: int
    actor: str
    at: float
    outcome: Outcome
    message: str
    code: str | None = None
    verb: Verb | None = None
    night: NightId | None = None


@dataclass(frozen=True)
class Move:
    """What a person's word does to a night."""

    event: Event
    code: str | None = None
    message: str | None = None


def move_of(verb: Verb, record: NightRecord, stage: StageName | None, reason: str | None) -> Move:
    """What `retry`, `hold` or `release` does to a night as it is."""
    match verb:
        case Verb.RETRY:
            return Move(Event(EventName.RETRIED, stage))
        case Verb.HOLD if record.state.status is Status.DONE and record.purge_after is not None:
            return Move(Event(EventName.UNMARKED), None, reason)
        case Verb.HOLD:
            return Move(Event(EventName.HELD), HELD_BY_PERSON, reason)
        case _:
            return Move(Event(EventName.RELEASED))


def describe_move(before: NightRecord, after: NightRecord, move: Move) -> str:
    """What became of the night, for whoever asked."""
    title = f"{before.night.date} {before.night.kind}"
    if move.event.name is EventName.UNMARKED:
        return f"{title}: no longer marked for deletion"
    return (
        f"{title}: {after.state.status} at {after.state.stage}"
        f" (was {before.state.status} at {before.state.stage})"
    )


def seen_state(record: NightRecord) -> SeenState:
    """What is seen of a night now."""
    state = record.state
    return SeenState(state.stage, state.status, record.code, state.attempts, record.changed_at)


def destination_seen(known: KnownDestination | None) -> tuple[str, str] | None:
    """What is seen of the archive on record now."""
    return None if known is None else (known.destination, known.mark or "")


def request_name(request_id: str) -> str:
    """The name of a request's file."""
    return f"{request_id}.json"


def request_id_of(name: str) -> str | None:
    """The identity that a file's name gives; None if it is no request's."""
    match = _NAME.fullmatch(name)
    return match[1] if match else None


def format_request(request: Request) -> bytes:
    """The content of its file."""
    content = {
        "request": _FORM,
        "id": request.id,
        "verb": request.verb,
        "date": None if request.night is None else request.night.date,
        "kind": None if request.night is None else request.night.kind,
        "seen": None if request.seen is None else asdict(request.seen),
        "stage": request.stage,
        "reason": request.reason,
        "manifests": [[one.name, one.sha256] for one in request.manifests],
        "choices": choices_object(request.verb, request.choices),
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def parse_request(content: bytes, request_id: str) -> Request:
    """The request in a file of that name; DataError ``request_malformed`` for anything else."""
    try:
        given = json.loads(
            content.decode("ascii"), object_pairs_hook=_once, parse_constant=_no_number
        )
        return _parse(given, request_id)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise _malformed(error) from error
    except RecursionError as error:
        raise _malformed(error) from error


def _malformed(error: Exception) -> DataError:
    return DataError(
        "request_malformed",
        f"expected a request as `vampctl` of this version writes it, found another text"
        f" ({type(error).__name__}); ask again",
    )


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("a key occurs twice")
    return keys


def _parse(given: dict[str, Any], request_id: str) -> Request:
    form, found_id, named, date, kind, seen, stage, reason, manifests, choices = _values(
        given,
        "request", "id", "verb", "date", "kind", "seen", "stage", "reason", "manifests", "choices",
    )  # fmt: skip
    if form != _FORM or found_id != request_id:
        raise ValueError("another form or name")
    if reason is not None and (len(reason) > LONGEST_REASON or not _text(reason).isprintable()):
        raise ValueError("a reason that is too long, or not one line")
    verb = Verb(named)
    night = _night(verb, date, kind)
    return Request(
        request_id,
        verb,
        night,
        None if night is None else _seen(seen),
        None if stage is None else StageName(stage),
        reason,
        tuple(_manifest(night, *pair) for pair in manifests),
        parse_choices(verb, choices),
    )


def _night(verb: Verb, date: object, kind: object) -> NightId | None:
    if verb in NIGHTLESS:
        if date is not None or kind is not None:
            raise ValueError(f"{verb} concerns no single night")
        return None
    if parse_night_date(_text(date)) is None:
        raise ValueError("no night")
    return NightId(_text(date), Kind(_text(kind)))


def _seen(seen: dict[str, Any]) -> SeenState:
    stage, status, code, attempt, since = _values(
        seen, "stage", "status", "code", "attempt", "since"
    )
    if type(attempt) is not int or type(since) not in (int, float):
        raise ValueError("what was seen")
    return SeenState(
        StageName(stage),
        Status(status),
        None if code is None else _text(code),
        attempt,
        float(since),
    )


def _values(given: dict[str, Any], *names: str) -> list[Any]:
    if set(given) != set(names):
        raise ValueError("keys that lack, or that are unknown")
    return [given[name] for name in names]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _manifest(night: NightId | None, name: str, sha256: str) -> ManifestFile:
    if night is None or not _MANIFEST.fullmatch(name) or not _SHA256.fullmatch(sha256):
        raise ValueError("no manifest")
    return ManifestFile(night, name, sha256)
