"""The mailings in the database: ports.MailLog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from vampd.disk.failpoint import failpoint
from vampd.errors import StateError
from vampd.model.delivery import Acknowledgement, Correspondence, Mailing, MailOutcome, ManifestFile
from vampd.model.frame_ids import FrameId
from vampd.model.nights import NightId
from vampd.store.database.connection import Store
from vampd.store.nights import of_night
from vampd.store.schema import (
    AcknowledgedLostIdRow,
    AcknowledgedManifestRow,
    MailedManifestRow,
    MailingRow,
    NightRow,
)

_MAILINGS = MailingRow.__table__
_MANIFESTS = MailedManifestRow.__table__
_ACKNOWLEDGED = AcknowledgedManifestRow.__table__
_IN_ORDER = select(_ACKNOWLEDGED).order_by(
    AcknowledgedManifestRow.date, AcknowledgedManifestRow.kind, AcknowledgedManifestRow.name
)


def _of_one(table: Any) -> ColumnElement[bool]:
    """Whether a row is of the night that is given as parameters."""
    return and_(table.c.date == bindparam("of_date"), table.c.kind == bindparam("of_kind"))


def _named_by(wanted: Select[int]) -> tuple[Select[Any], Select[Any]]:
    """The manifests of mailings and the mailings themselves."""
    return (
        select(_MANIFESTS).where(MailedManifestRow.mailing_id.in_(wanted)),
        select(_MAILINGS).where(MailingRow.id.in_(wanted)).order_by(MailingRow.id),
    )


# Of all nights, and of one, which is asked at each look at it: built once.
_MAILED = select(MailedManifestRow.mailing_id)
_OF_ALL, _OF_NIGHT = _named_by(_MAILED), _named_by(_MAILED.where(_of_one(_MANIFESTS)))
_ACKNOWLEDGED_OF_NIGHT = _IN_ORDER.where(_of_one(_ACKNOWLEDGED))


class StoredMailLog:
    """The mailings of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def intend(self, mailing: Mailing, despite: frozenset[str]) -> None:
        with self._store.write() as connection:
            # In the same transaction: two concurrent senders see each other here.
            _refuse_unknown(connection, mailing, despite)
            row = {
                "message_id": mailing.message_id,
                "recipients": "\n".join(mailing.recipients),
                "way": mailing.way,
                "actor": mailing.actor,
                "at": mailing.at,
                "outcome": MailOutcome.PENDING,
            }
            key = connection.execute(insert(MailingRow).returning(MailingRow.id), row).scalar_one()
            failpoint("store.mailings.inserted")
            connection.execute(
                insert(MailedManifestRow),
                [{"mailing_id": key, **_manifest_values(m)} for m in mailing.manifests],
            )
            _number_changes(connection, {manifest.night for manifest in mailing.manifests})

    def conclude(
        self, message_id: str, outcome: MailOutcome, *, at: float, detail: str | None = None
    ) -> None:
        with self._store.write() as connection:
            key = connection.execute(
                update(MailingRow)
                .where(MailingRow.message_id == message_id)
                .where(MailingRow.outcome == MailOutcome.PENDING)
                .values(outcome=outcome, concluded_at=at, detail=detail)
                .returning(MailingRow.id)
            ).scalar_one_or_none()
            mailed = select(_MANIFESTS).where(MailedManifestRow.mailing_id == key)
            nights = {_manifest(row).night for row in connection.execute(mailed)}
            _number_changes(connection, nights)
        if key is None:
            raise StateError(
                "mailing_concluded",
                f"expected the pending mailing {message_id}, found none; its outcome is final",
            )

    def acknowledge(self, manifests: Sequence[ManifestFile], *, at: float, actor: str) -> None:
        if not manifests:
            return
        with self._store.write() as connection:
            write_acknowledgments(connection, manifests, at=at, actor=actor)

    def acknowledge_lost(self, frame_ids: Sequence[FrameId], *, at: float, actor: str) -> None:
        rows = [{"number": one.number, "actor": actor, "at": at} for one in frame_ids]
        if not rows:
            return
        with self._store.write() as connection:
            connection.execute(upsert(AcknowledgedLostIdRow).on_conflict_do_nothing(), rows)

    def acknowledged_lost(self) -> frozenset[FrameId]:
        with self._store.read() as connection:
            return frozenset(map(FrameId, connection.scalars(select(AcknowledgedLostIdRow.number))))

    def correspondence(self, night: NightId | None = None) -> Correspondence:
        with self._store.read() as connection:
            return Correspondence(
                _mailings(connection, night),
                _acknowledgements(connection, night),
            )


def write_acknowledgments(
    connection: Connection, manifests: Sequence[ManifestFile], *, at: float, actor: str
) -> None:
    """Record that STARS has ingested these, in the caller's transaction."""
    rows = [{**_manifest_values(manifest), "actor": actor, "at": at} for manifest in manifests]
    connection.execute(upsert(AcknowledgedManifestRow).on_conflict_do_nothing(), rows)
    _number_changes(connection, {manifest.night for manifest in manifests})


def _number_changes(connection: Connection, nights: Iterable[NightId]) -> None:
    """Nothing of their rows is another, but what is known of the nights."""
    for night in nights:
        connection.execute(
            update(NightRow).where(_is(NightRow.__table__, night)).values(date=night.date)
        )


def _refuse_unknown(connection: Connection, mailing: Mailing, despite: frozenset[str]) -> None:
    mine = or_(
        *(
            and_(_is(_MANIFESTS, manifest.night), MailedManifestRow.sha256 == manifest.sha256)
            for manifest in mailing.manifests
        )
    )
    earlier = set(
        connection.scalars(
            select(MailingRow.message_id)
            .join(MailedManifestRow, MailedManifestRow.mailing_id == MailingRow.id)
            .where(MailingRow.outcome != MailOutcome.FAILED)
            .where(mine)
        )
    )
    if earlier - despite:
        raise StateError(
            "mailed_meanwhile",
            "another process has mailed, or is mailing, one of these manifests:"
            f" {min(earlier - despite)}; check `vampctl status NIGHT`, then decide again",
        )


def _mailings(connection: Connection, night: NightId | None) -> tuple[Mailing, ...]:
    of_manifests, of_mailings = _OF_ALL if night is None else _OF_NIGHT
    named = {} if night is None else of_night(night)
    manifests = defaultdict(list)
    for row in connection.execute(of_manifests, named):
        manifests[row.mailing_id].append(_manifest(row))
    rows = connection.execute(of_mailings, named)
    return tuple(
        Mailing(
            message_id=row.message_id,
            manifests=tuple(sorted(manifests[row.id])),
            recipients=tuple(row.recipients.split("\n")) if row.recipients else (),
            way=row.way,
            actor=row.actor,
            at=row.at,
            outcome=row.outcome,
            concluded_at=row.concluded_at,
            detail=row.detail,
        )
        for row in rows
    )


def _acknowledgements(connection: Connection, night: NightId | None) -> tuple[Acknowledgement, ...]:
    rows = (
        connection.execute(_IN_ORDER)
        if night is None
        else connection.execute(_ACKNOWLEDGED_OF_NIGHT, of_night(night))
    )
    return tuple(Acknowledgement(_manifest(row), row.actor, row.at) for row in rows)


def _is(table: Any, night: NightId) -> ColumnElement[bool]:
    return and_(table.c.date == night.date, table.c.kind == night.kind)


def _manifest(row: Any) -> ManifestFile:
    return ManifestFile(NightId(row.date, row.kind), row.name, row.sha256)


def _manifest_values(manifest: ManifestFile) -> dict[str, Any]:
    return {
        "date": manifest.night.date,
        "kind": manifest.night.kind,
        "name": manifest.name,
        "sha256": manifest.sha256,
    }
