"""What became of raw files, in the database: ports.PurgedFiles and ports.ChangedRawFiles."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from vampd.model.cubes import ChangedRaw, RawFinding
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import PurgedFile
from vampd.store.database.connection import Store
from vampd.store.nights import IS_NIGHT, night_key, of_night
from vampd.store.schema import ChangedRawRow, NightRow, PurgedFileRow

_ROWS = PurgedFileRow.__table__
_CHANGED = ChangedRawRow.__table__
_KEY = ["night_id", "path"]
_CHANGED_OF_NIGHT = (
    select(_CHANGED).join(NightRow, NightRow.id == ChangedRawRow.night_id).where(IS_NIGHT)
)


class StoredPurgedFiles:
    """The purged files of all nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, night: NightId, files: Iterable[PurgedFile]) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            rows = [
                {
                    "night_id": key,
                    "path": each.file.path,
                    "size": each.file.size,
                    "mtime_ns": each.file.mtime_ns,
                    "sha256": each.sha256,
                    "kept_in": json.dumps(each.kept_in),
                    "destination": each.destination,
                    "mark": each.mark,
                    "at": each.at,
                    "actor": each.actor,
                }
                for each in files
            ]
            connection.execute(insert(PurgedFileRow).on_conflict_do_nothing(), rows)

    def of(self, night: NightId) -> tuple[PurgedFile, ...]:
        with self._store.read() as connection:
            rows = connection.execute(
                select(_ROWS)
                .join(NightRow, NightRow.id == PurgedFileRow.night_id)
                .where(IS_NIGHT)
                .order_by(PurgedFileRow.id),
                of_night(night),
            )
            return tuple(
                PurgedFile(
                    FileStamp(row.path, row.size, row.mtime_ns),
                    row.sha256,
                    tuple(json.loads(row.kept_in)),
                    row.destination,
                    row.mark,
                    row.at,
                    row.actor,
                )
                for row in rows
            )


class StoredChangedRaw:
    """The changed raw files of all nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, night: NightId) -> tuple[ChangedRaw, ...]:
        with self._store.read() as connection:
            rows = connection.execute(_CHANGED_OF_NIGHT, of_night(night))
            changed = [
                ChangedRaw(
                    FileStamp(row.path, row.synced_size, row.synced_mtime_ns),
                    FileStamp(row.path, row.size, row.mtime_ns),
                    RawFinding(row.finding),
                    row.why,
                )
                for row in rows
            ]
        return tuple(sorted(changed, key=lambda each: each.path))

    def keep(self, night: NightId, files: Iterable[ChangedRaw], *, at: float) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            rows = [
                {
                    "night_id": key,
                    "path": each.path,
                    "synced_size": each.synced.size,
                    "synced_mtime_ns": each.synced.mtime_ns,
                    "size": each.now.size,
                    "mtime_ns": each.now.mtime_ns,
                    "finding": each.finding,
                    "why": each.why,
                    "at": at,
                }
                for each in files
            ]
            new = insert(ChangedRawRow)
            newer = {each.name: each for each in new.excluded if each.name not in _KEY}
            connection.execute(new.on_conflict_do_update(index_elements=_KEY, set_=newer), rows)
