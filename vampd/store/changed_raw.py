"""The raw files that are no longer as sync saw them, in the database: ports.ChangedRawFiles."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from vampd.model.cubes import ChangedRaw, RawFinding
from vampd.model.nights import FileStamp, NightId
from vampd.store.connection import Store
from vampd.store.nights import night_key
from vampd.store.schema import ChangedRawRow, NightRow

_ROWS = ChangedRawRow.__table__
_KEY = ["night_id", "path"]


class StoredChangedRaw:
    """The changed raw files of all nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, night: NightId) -> tuple[ChangedRaw, ...]:
        with self._store.read() as connection:
            rows = connection.execute(
                select(_ROWS)
                .join(NightRow, NightRow.id == ChangedRawRow.night_id)
                .where(NightRow.date == night.date, NightRow.kind == night.kind)
            )
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
