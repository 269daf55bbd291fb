"""The cubes that were found complete, in the database: ports.CheckedCubes."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from vampd.model.nights import CheckedCube, FileStamp, NightId, timing_name
from vampd.store.database.connection import Store
from vampd.store.nights import IS_NIGHT, night_key, of_night
from vampd.store.schema import CheckedCubeRow, NightRow

_ROWS = CheckedCubeRow.__table__
_SEEN = ("size", "mtime_ns", "timing_size", "timing_mtime_ns", "frame_id")


class StoredCheckedCubes:
    """The checked cubes of all nights of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, night: NightId) -> tuple[CheckedCube, ...]:
        with self._store.read() as connection:
            rows = connection.execute(
                select(_ROWS)
                .join(NightRow, NightRow.id == CheckedCubeRow.night_id)
                .where(IS_NIGHT),
                of_night(night),
            )
            cubes = [
                CheckedCube(
                    FileStamp(row.path, row.size, row.mtime_ns),
                    FileStamp(timing_name(row.path), row.timing_size, row.timing_mtime_ns),
                    row.frame_id,
                )
                for row in rows
            ]
        return tuple(sorted(cubes, key=lambda cube: cube.fits))

    def keep(self, night: NightId, cubes: Iterable[CheckedCube]) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            rows = [
                {
                    "night_id": key,
                    "path": cube.fits.path,
                    "size": cube.fits.size,
                    "mtime_ns": cube.fits.mtime_ns,
                    "timing_size": cube.timing_file.size,
                    "timing_mtime_ns": cube.timing_file.mtime_ns,
                    "frame_id": cube.frame_id,
                }
                for cube in cubes
            ]
            new = insert(CheckedCubeRow)
            newer = {name: new.excluded[name] for name in _SEEN}
            if rows:
                connection.execute(
                    new.on_conflict_do_update(index_elements=["night_id", "path"], set_=newer), rows
                )

    def forget(self, night: NightId) -> None:
        with self._store.write() as connection:
            key = night_key(connection, night)
            connection.execute(delete(CheckedCubeRow).where(CheckedCubeRow.night_id == key))
