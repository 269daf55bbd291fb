"""The tables, all of them, however long. A change here needs a migration; a test compares the two.

Times are unix seconds. Nights are (date, kind); tables that must outlive a lost row of ``nights``
(the frame-ID ledger, the mailings) carry both as text, the others refer to the row.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from vampd.model.cubes import RawFinding
from vampd.model.deed import Verb
from vampd.model.delivery import MailOutcome, Way
from vampd.model.measures import Sampled
from vampd.model.nights import EventName, Gate, Kind, StageName, Status
from vampd.model.proofs import DestinationOrigin, Place
from vampd.model.request import Outcome
from vampd.store.column_types import AnyText, Gates, Paths, words_of
from vampd.store.revision import APPLICATION_ID, REVISION

__all__ = ["APPLICATION_ID", "REVISION"]


class Base(DeclarativeBase):
    """The base of all tables: constraint names that migrations can rely on, and types."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy declares it
        str: AnyText(),
        int: Integer(),
        float: Float(),
        Kind: words_of(Kind),
        Place: words_of(Place),
        StageName: words_of(StageName),
        Status: words_of(Status),
        EventName: words_of(EventName),
        MailOutcome: words_of(MailOutcome),
        Way: words_of(Way),
        DestinationOrigin: words_of(DestinationOrigin),
        Outcome: words_of(Outcome),
        Verb: words_of(Verb),
        RawFinding: words_of(RawFinding),
        Sampled: words_of(Sampled),
    }


_NEXT_CHANGE = text("(SELECT ifnull(max(change), 0) + 1 FROM nights)")


class NightRow(Base):
    """A night: its state and what is known of it (ports.NightRecord).

    ``change`` is higher in each row the later vampd last wrote it.
    """

    __tablename__ = "nights"
    __table_args__ = (UniqueConstraint("date", "kind"), Index(None, "change"))

    id: Mapped[int] = mapped_column(primary_key=True)
    date: Mapped[str] = mapped_column(String(8))
    kind: Mapped[Kind]
    stage: Mapped[StageName]
    status: Mapped[Status]
    attempts: Mapped[int]
    not_before: Mapped[float | None]
    claim: Mapped[int]
    code: Mapped[str | None]
    error: Mapped[str | None]
    note_code: Mapped[str | None]
    note: Mapped[str | None]
    released: Mapped[frozenset[Gate]] = mapped_column(Gates(), server_default=text("''"))
    frames: Mapped[int]
    bytes: Mapped[int]
    done_actions: Mapped[int]
    all_actions: Mapped[int]
    done_frames: Mapped[int] = mapped_column(server_default="0")
    all_frames: Mapped[int] = mapped_column(server_default="0")
    done_bytes: Mapped[int] = mapped_column(server_default="0")
    all_bytes: Mapped[int] = mapped_column(server_default="0")
    signature: Mapped[str | None]
    discovered_at: Mapped[float]
    changed_at: Mapped[float]
    processed_at: Mapped[float | None]
    transferred_at: Mapped[float | None]
    safe_at: Mapped[float | None]
    manifests: Mapped[int | None]
    removed_cubes: Mapped[int] = mapped_column(server_default="0")
    purged_cubes: Mapped[int] = mapped_column(server_default="0")
    kept_cubes: Mapped[int] = mapped_column(server_default="0")
    purge_after: Mapped[float | None]
    refused: Mapped[tuple[str, ...]] = mapped_column(Paths(), server_default=text("'[]'"))
    let_go: Mapped[tuple[str, ...]] = mapped_column(Paths(), server_default=text("'[]'"))
    needs_person: Mapped[bool] = mapped_column(server_default=text("0"))
    verdict: Mapped[str | None]
    products: Mapped[int | None]
    manifest_sums: Mapped[str | None]
    is_continued: Mapped[bool] = mapped_column(server_default=text("0"))
    sync_sums: Mapped[str | None]
    done_files: Mapped[int] = mapped_column(server_default="0")
    all_files: Mapped[int] = mapped_column(server_default="0")
    bytes_per_s: Mapped[int] = mapped_column(server_default="0")
    progressed_at: Mapped[float | None]
    frame_flow: Mapped[str | None]
    change: Mapped[int] = mapped_column(
        server_default="0", insert_default=_NEXT_CHANGE, onupdate=_NEXT_CHANGE
    )


class AdoptedNightRow(Base):
    """What the old tools said of a night that was taken over, newest first known."""

    __tablename__ = "adopted_nights"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - as SQLAlchemy declares it

    date: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[Kind] = mapped_column(primary_key=True)
    state: Mapped[str]
    # The row of their log: its path, and each flag with its time as they wrote it.
    path: Mapped[str]
    claims: Mapped[str]
    # In JSON: IDs by number, what is missing, where the records differ.
    ids: Mapped[str]
    missing: Mapped[str]
    contradictions: Mapped[str]
    at: Mapped[float]
    actor: Mapped[str]
    # What was found of its archive copy, in JSON; NULL until it was read.
    copy: Mapped[str | None]


class EventRow(Base):
    """One event of a night (ports.EventRecord); triggers refuse UPDATE and DELETE."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"), index=True)
    at: Mapped[float]
    event: Mapped[EventName]
    stage: Mapped[StageName]
    attempt: Mapped[int]
    to_stage: Mapped[StageName | None]
    not_before: Mapped[float | None]
    code: Mapped[str | None]
    actor: Mapped[str]
    message: Mapped[str | None]


class ReceiptRow(Base):
    """The newest receipt of a file at a place."""

    __tablename__ = "receipts"
    # The key is the row: no second B-tree that repeats every path.
    __table_args__ = ({"sqlite_with_rowid": False},)

    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"), primary_key=True)
    place: Mapped[Place] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    mtime_ns: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[float]
    md5: Mapped[str | None] = mapped_column(String(32))
    destination: Mapped[str | None]
    mark: Mapped[str | None] = mapped_column(String(32))
    has_ended: Mapped[bool] = mapped_column(server_default="0")


class DestinationRow(Base):
    """A destination of a kind of nights; the newest row is in use, and a trigger refuses DELETE."""

    __tablename__ = "destinations"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Kind]
    destination: Mapped[str]
    mark: Mapped[str | None] = mapped_column(String(32))
    is_placed: Mapped[bool]
    origin: Mapped[DestinationOrigin]
    actor: Mapped[str]
    at: Mapped[float]


class RootRow(Base):
    """A root of the nights; the newest row is in use, and a trigger refuses DELETE."""

    __tablename__ = "roots"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    mark: Mapped[str] = mapped_column(String(32))
    is_placed: Mapped[bool]
    actor: Mapped[str]
    at: Mapped[float]


class PackingReceiptRow(Base):
    """A packing receipt (model.proofs); triggers refuse DELETE and every change but its one end."""

    __tablename__ = "packing_receipts"
    __table_args__ = (
        # Of one path, one receipt at most has not ended.
        Index(
            "uq_packing_receipts_live",
            "night_id",
            "path",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index(None, "night_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"))
    path: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    identity: Mapped[str | None] = mapped_column(String(64))
    form: Mapped[int]
    at: Mapped[float]
    ended_at: Mapped[float | None]
    ended_by: Mapped[str | None]


class PurgedFileRow(Base):
    """A raw file that was purged (model.proofs); triggers refuse UPDATE and DELETE.

    ``kept_in`` is a list in JSON.
    """

    __tablename__ = "purged_files"
    __table_args__ = (
        # A night's files; and one that is recorded again before it goes is the same row.
        UniqueConstraint("night_id", "path", "size", "mtime_ns", "sha256"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"))
    path: Mapped[str]
    size: Mapped[int]
    mtime_ns: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    kept_in: Mapped[str]
    destination: Mapped[str]
    mark: Mapped[str | None] = mapped_column(String(32))
    at: Mapped[float]
    actor: Mapped[str]


class CheckedCubeRow(Base):
    """A cube of a filling night that was found complete, with its timing file."""

    __tablename__ = "checked_cubes"
    __table_args__ = ({"sqlite_with_rowid": False},)

    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    mtime_ns: Mapped[int]
    timing_size: Mapped[int]
    timing_mtime_ns: Mapped[int]
    frame_id: Mapped[str | None]


class ChangedRawRow(Base):
    """A raw file that is no longer as sync saw it, as it was last compared (model.cubes)."""

    __tablename__ = "changed_raw"
    __table_args__ = ({"sqlite_with_rowid": False},)

    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"), primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    synced_size: Mapped[int]
    synced_mtime_ns: Mapped[int]
    size: Mapped[int]
    mtime_ns: Mapped[int]
    finding: Mapped[RawFinding]
    why: Mapped[str]
    at: Mapped[float]


class FrameIdRequestRow(Base):
    """A request for ``wanted`` frame IDs; ``digest`` is that of the wanted identities, in order."""

    __tablename__ = "frame_id_requests"
    __table_args__ = (Index(None, "date", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    date: Mapped[str] = mapped_column(String(8))
    kind: Mapped[Kind]
    wanted: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    why: Mapped[str]
    refused: Mapped[str | None]


class FrameIdRow(Base):
    """A granted frame ID; triggers refuse DELETE and any change of what it is bound to.

    ``identity`` is None until it is bound.
    """

    __tablename__ = "frame_ids"
    __table_args__ = (
        # The identity first, so that the index also finds an identity in any night.
        UniqueConstraint("identity", "date", "kind"),
        Index(None, "date", "kind"),
        CheckConstraint("identity IS NOT NULL OR NOT applied", name="applied_is_bound"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    request_id: Mapped[int] = mapped_column(ForeignKey("frame_id_requests.id"), index=True)
    date: Mapped[str] = mapped_column(String(8))
    kind: Mapped[Kind]
    identity: Mapped[str | None]
    applied: Mapped[bool]


class MailingRow(Base):
    """A mail with manifests; triggers refuse DELETE and every change but its one conclusion.

    ``recipients`` are separated by line ends.
    """

    __tablename__ = "mailings"
    __table_args__ = (UniqueConstraint("message_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[str]
    recipients: Mapped[str]
    way: Mapped[Way]
    actor: Mapped[str]
    at: Mapped[float]
    outcome: Mapped[MailOutcome]
    concluded_at: Mapped[float | None]
    detail: Mapped[str | None]


class MailedManifestRow(Base):
    """A manifest in a mailing; triggers refuse UPDATE and DELETE."""

    __tablename__ = "mailed_manifests"
    __table_args__ = (Index(None, "date", "kind"), {"sqlite_with_rowid": False})

    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    date: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[Kind] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))


class AcknowledgedManifestRow(Base):
    """A manifest that STARS has ingested; triggers refuse UPDATE and DELETE."""

    __tablename__ = "acknowledged_manifests"
    __table_args__ = ({"sqlite_with_rowid": False},)

    date: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[Kind] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    actor: Mapped[str]
    at: Mapped[float]


class AnswerRow(Base):
    """What became of a request; it is what keeps the request from being acted on again."""

    __tablename__ = "answers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    uid: Mapped[int]
    actor: Mapped[str]
    at: Mapped[float]
    outcome: Mapped[Outcome]
    message: Mapped[str]
    code: Mapped[str | None]
    verb: Mapped[Verb | None]
    date: Mapped[str | None] = mapped_column(String(8))
    kind: Mapped[Kind | None]


class AcknowledgedLostIdRow(Base):
    """A frame ID known to have lost its product; triggers refuse UPDATE and DELETE."""

    __tablename__ = "acknowledged_lost_ids"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    actor: Mapped[str]
    at: Mapped[float]


class SampleRow(Base):
    """What something was at a time (model.measures); of days long gone, the last one."""

    __tablename__ = "samples"
    __table_args__ = ({"sqlite_with_rowid": False},)

    what: Mapped[Sampled] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(primary_key=True)
    value: Mapped[float]


class AttemptSumRow(Base):
    """What an attempt that has ended came to; of so many attempts, the newest."""

    __tablename__ = "attempt_sums"
    __table_args__ = (Index(None, "stage"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    night_id: Mapped[int] = mapped_column(ForeignKey("nights.id"))
    stage: Mapped[StageName]
    attempt: Mapped[int]
    began_at: Mapped[float]
    ended_at: Mapped[float]
    outcome: Mapped[EventName]
    code: Mapped[str | None]
    files: Mapped[int | None]
    frames: Mapped[int | None]
    bytes: Mapped[int | None]


class ToldAlarmRow(Base):
    """What was told a person by one way (model.alarm.Told)."""

    __tablename__ = "told_alarms"
    __table_args__ = ({"sqlite_with_rowid": False},)

    way: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[float]
    over_at: Mapped[float | None]
