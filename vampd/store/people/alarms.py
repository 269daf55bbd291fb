"""What the alarm told, in the database: ports.AlarmLog."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from vampd.model.alarm import Told
from vampd.store.database.connection import Store
from vampd.store.schema import ToldAlarmRow

_TOLD = ToldAlarmRow.__table__
# What is over is kept so long, for whoever asks what was told.
_KEPT_S = 90 * 86_400.0


class StoredAlarms:
    """The record of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def told(self) -> tuple[Told, ...]:
        with self._store.read() as connection:
            ordered = select(_TOLD).order_by(ToldAlarmRow.at, ToldAlarmRow.subject)
            return tuple(Told(*row) for row in connection.execute(ordered))

    def record(self, told: Sequence[Told]) -> None:
        if not told:
            return
        with self._store.write() as connection:
            for one in told:
                values = vars(one)
                connection.execute(
                    upsert(ToldAlarmRow)
                    .values(values)
                    .on_conflict_do_update(
                        index_elements=list(_TOLD.primary_key),
                        set_={"at": one.at, "over_at": one.over_at},
                    )
                )

    def prune(self, ways: Collection[str], now: float) -> None:
        with self._store.read() as connection:
            known = select(ToldAlarmRow.way, ToldAlarmRow.over_at)
            is_old = any(
                way not in ways or (over_at is not None and over_at < now - _KEPT_S)
                for way, over_at in connection.execute(known)
            )
        if is_old:
            with self._store.write() as connection:
                connection.execute(
                    delete(ToldAlarmRow).where(
                        ToldAlarmRow.way.not_in(ways) | (ToldAlarmRow.over_at < now - _KEPT_S)
                    )
                )
