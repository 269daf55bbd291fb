"""A fast reader of the database, for `vampctl status` and the page: plain SQL, no slow imports.

Reads one snapshot and nothing else. Anything unexpected gives None: then the store proper is read,
and reports the error. A test holds the two to the same answers.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    ManifestFile,
    Way,
)
from vampd.model.nights import (
    EventName,
    EventRecord,
    Gate,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    UnreadableNight,
    is_sound_column,
)
from vampd.store.database.reading import ReadingConnection, connect_reading
from vampd.store.revision import APPLICATION_ID, REVISION

if TYPE_CHECKING:
    from vampd.store.database.measures import Measures

# What reading raises of a database that is not as this version leaves it.
UNFIT = (sqlite3.Error, KeyError, ValueError, TypeError, AttributeError)

_Word = TypeVar("_Word", bound=StrEnum)
_REST = tuple(f.name for f in fields(NightRecord) if f.name not in ("night", "state"))
_STATE = ("stage", "status", "attempts", "not_before", "is_continued")
_COLUMNS = ("date", "kind", *_STATE, *_REST)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM nights"
_TEXTS = ("code", "error", "frame_flow", "note", "signature", "sync_sums", "verdict")
_NO_PATHS = "[]"
# What belongs to the nights of some keys: mailings by their key, anything by date and kind.
_NIGHTS_OF_KEYS = (
    " WHERE (date, kind) IN"
    " (SELECT date, kind FROM nights WHERE id IN (SELECT value FROM json_each(?)))"
)
_OF_KEYS = (
    f" WHERE {{}} IN (SELECT mailing_id FROM mailed_manifests{_NIGHTS_OF_KEYS})",
    _NIGHTS_OF_KEYS,
)
_IS_ON_RECORD = (
    "WITH these AS (SELECT date, kind FROM nights WHERE id IN (SELECT value FROM json_each(?)))"
    " SELECT EXISTS (SELECT 1 FROM these JOIN mailed_manifests USING (date, kind))"
    " OR EXISTS (SELECT 1 FROM these JOIN acknowledged_manifests USING (date, kind))"
)


def _words(kind: type[_Word]) -> dict[str, _Word]:
    # A dictionary, because calling the enumeration for each of thousands of rows is slower.
    return {word.value: word for word in kind}


_KINDS, _STAGES, _STATUSES = _words(Kind), _words(StageName), _words(Status)


@dataclass(frozen=True)
class FastStatus:
    """The database at one moment."""

    connection: ReadingConnection

    def nights(self) -> tuple[NightRecord, ...]:
        """All nights, oldest first."""
        rows = self.connection.execute(f"{_SELECT} ORDER BY date, kind")
        return _records(rows.fetchall())

    def nights_by_key(self, keys: Sequence[int]) -> tuple[NightRecord, ...]:
        """The nights in these rows, oldest first."""
        rows = self.connection.execute(
            f"{_SELECT} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY date, kind",
            (json.dumps(list(keys)),),
        )
        return _records(rows.fetchall())

    def history(self, night: NightId) -> tuple[EventRecord, ...]:
        """The night's events, oldest first."""
        rows = self.connection.execute(
            "SELECT at, event, stage, attempt, code, actor, message, to_stage, events.not_before"
            " FROM (SELECT id FROM nights WHERE date = ? AND kind = ?) AS night"
            " JOIN events ON events.night_id = night.id ORDER BY events.id",
            (night.date, night.kind.value),
        )
        return tuple(
            EventRecord(
                night,
                at,
                EventName(event),
                StageName(stage),
                attempt,
                _text(code),
                _text(actor) or "",
                _text(message),
                None if to_stage is None else StageName(to_stage),
                not_before,
            )
            for at, event, stage, attempt, code, actor, message, to_stage, not_before in rows
        )

    def measures(self) -> Measures:
        """What is kept over time, and the sums of the ledger."""
        from vampd.store.database.measures import Measures

        return Measures(self.connection.execute)

    def correspondence(self, keys: Sequence[int] | None = None) -> Correspondence:
        """What was mailed of the nights in these rows, by default of all, and what STARS has."""
        mails, nights, values = ("", "", ()) if keys is None else (*_OF_KEYS, (json.dumps(keys),))

        def execute(query: str) -> sqlite3.Cursor:
            return self.connection.execute(query, values)

        # Of a night at work nothing was mailed mostly, which one short question tells.
        if keys is not None and not execute(_IS_ON_RECORD).fetchone()[0]:
            return Correspondence()
        manifests = defaultdict(list)
        for key, *manifest in execute(
            "SELECT mailing_id, date, kind, name, sha256 FROM mailed_manifests"
            f"{mails.format('mailing_id')}"
        ):
            manifests[key].append(_manifest(*manifest))
        mailings = execute(
            "SELECT id, message_id, recipients, way, actor, at, outcome, concluded_at, detail"
            f" FROM mailings{mails.format('id')} ORDER BY id"
        )
        acknowledged = execute(
            f"SELECT date, kind, name, sha256, actor, at FROM acknowledged_manifests{nights}"
            " ORDER BY date, kind, name"
        )
        return Correspondence(
            tuple(
                Mailing(
                    message_id=_text(message_id) or "",
                    manifests=tuple(sorted(manifests[key])),
                    recipients=tuple((_text(recipients) or "").split("\n")) if recipients else (),
                    way=Way(way),
                    actor=_text(actor) or "",
                    at=at,
                    outcome=MailOutcome(outcome),
                    concluded_at=concluded_at,
                    detail=_text(detail),
                )
                for key, message_id, recipients, way, actor, at, outcome, concluded_at, detail in (
                    mailings
                )
                if key in manifests
            ),
            tuple(
                Acknowledgement(_manifest(date, kind, name, sha256), _text(actor) or "", at)
                for date, kind, name, sha256, actor, at in acknowledged
            ),
        )


@dataclass(frozen=True)
class StatusSnapshot:
    """All nights, what was mailed of them, and their histories on demand."""

    nights: tuple[NightRecord, ...]
    correspondence: Correspondence
    history: Callable[[NightId], tuple[EventRecord, ...]]
    # What was measured, and the sums of the ledger, on demand.
    measures: Callable[[], Measures]
    # Rows that are none of a night.
    unreadable: tuple[UnreadableNight, ...] = ()


@contextmanager
def connect_fast(path: Path) -> Iterator[ReadingConnection | None]:
    """A snapshot of the database; None unless it is there, ours and of this version."""
    try:
        connection = connect_reading(path)
    except (sqlite3.Error, OSError):
        yield None
        return
    with closing(connection):
        yield connection if _is_ours(connection) else None


@contextmanager
def read_fast_status(path: Path) -> Iterator[StatusSnapshot | None]:
    """One snapshot of the database, None unless it is there, ours, whole and of this version."""
    with connect_fast(path) as connection:
        seen = None if connection is None else _snapshot(FastStatus(connection))
        if connection is None or seen is None or not connection.is_sound:
            yield None
        else:
            yield seen
            # Histories are read on demand.
            connection.refuse_unsound()


def _snapshot(status: FastStatus) -> StatusSnapshot | None:
    try:
        return StatusSnapshot(
            status.nights(), status.correspondence(), status.history, status.measures
        )
    except UNFIT:
        return None


def _is_ours(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        revisions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        return False
    return bool(application == APPLICATION_ID and revisions == [(REVISION,)])


def _records(rows: Sequence[tuple[Any, ...]]) -> tuple[NightRecord, ...]:
    """The records of these rows; one of `UNFIT` if any of them is damaged."""
    # Column by column: of thousands of rows, each step would be called for each of fifty values.
    found = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True)) if rows else {}
    if not found:
        return ()
    for name in _TEXTS:
        if bytes in set(map(type, found[name])):
            found[name] = tuple(map(_text, found[name]))
    for name in ("refused", "let_go"):
        found[name] = tuple(
            () if text == _NO_PATHS else tuple(json.loads(text)) for text in found[name]
        )
    found["released"] = tuple(frozenset(map(Gate, text.split())) for text in found["released"])
    found["needs_person"] = tuple(map(bool, found["needs_person"]))
    if damaged := [name for name, values in found.items() if not is_sound_column(name, values)]:
        raise ValueError(damaged)
    nights = (
        NightId(date, _KINDS[kind]) for date, kind in zip(found["date"], found["kind"], strict=True)
    )
    states = map(_state, *(found[name] for name in _STATE))
    return tuple(map(NightRecord, nights, states, *(found[name] for name in _REST)))


# Most nights have one of a few.
@lru_cache
def _state(
    stage: str, status: str, attempts: int, not_before: float | None, is_continued: int
) -> State:
    return State(_STAGES[stage], _STATUSES[status], attempts, not_before, bool(is_continued))


def _manifest(date: str, kind: str, name: str | bytes, sha256: str) -> ManifestFile:
    return ManifestFile(NightId(date, _KINDS[kind]), _text(name) or "", sha256)


def _text(value: str | bytes | None) -> str | None:
    # Text with a file name that is not UTF-8 is in its column as bytes.
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
