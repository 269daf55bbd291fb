"""What stages and engine need from the world, as Protocols.

Everything speaks ``model`` types. Paths given as text are relative to a night's folder and
``/``-separated; times are unix seconds. One module, however long: the one place to read what the
world must offer, and nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vampd.model.nights import Event, EventRecord, NightId, NightRecord, NightUpdate

if TYPE_CHECKING:
    # Only for annotations: `vampctl status`, which needs nights alone, starts without them.
    from vampd.model.accounts import Adoption, OldCopy
    from vampd.model.alarm import AlarmMessage, AlarmState, Told
    from vampd.model.crew import Packed, PackOrder
    from vampd.model.cubes import (
        ChangedRaw,
        FrameCount,
        Framelist,
        FramelistHead,
        Generation,
        PackedProduct,
        RawCube,
        SetAside,
    )
    from vampd.model.delivery import Correspondence, Mailing, MailOutcome, ManifestFile
    from vampd.model.frame_ids import BoundId, FrameId, LedgerListing, NumberRange
    from vampd.model.headers import Corrections, Dictionary, ListedTable
    from vampd.model.life_sign import HostAccount
    from vampd.model.measures import Sampled
    from vampd.model.nights import CheckedCube, Discovery, FileStamp, Kind, UnreadableNight
    from vampd.model.plan import Compare
    from vampd.model.proofs import (
        ArchiveIdentity,
        KnownDestination,
        KnownRoot,
        MovedNight,
        PackingReceipt,
        Place,
        PurgedFile,
        Receipt,
        RecordedReceipt,
    )
    from vampd.model.request import Answer, Outcome, Request
    from vampd.model.resources import Space


class Pace(Protocol):
    """Makes long work pause (the cameras come first) or stop."""

    @property
    def paused(self) -> bool:
        """Whether work should pause now."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether work should stop now."""
        ...

    def check(self) -> None:
        """Block while paused; raise ClaimLost (``stopped``) when stopped."""
        ...


class Meter(Protocol):
    """Counts the progress of long work."""

    def add(self, frames: int, size: int) -> None:
        """Count frames and raw bytes that are packed."""
        ...


class Crew(Protocol):
    """Whoever packs: the worker processes of this machine, or of others."""

    @property
    def places(self) -> int:
        """How many orders it may have in hand at once now."""
        ...

    @property
    def most_places(self) -> int:
        """How many it may come to have while a night is packed."""
        ...

    def describe(self) -> str | None:
        """Who packs, in words; None where it is this machine alone."""
        ...

    def packers(self, folder: Path) -> tuple[str, ...]:
        """The hosts that have orders of the night in this folder; none where it is this alone."""
        ...

    def accounts(self) -> Mapping[str, HostAccount]:
        """What each host has packed and lost, by name; none where it is this machine alone."""
        ...

    def pack(self, order: PackOrder, pace: Pace, meter: Meter) -> Packed:
        """Wait for a place, have an order carried out, and say what was proven.

        A worker that is lost costs a try, not the order: WorkerLost if all were. Else what packing
        raises: DataError, TransientError, OSError; ClaimLost (``stopped``) if the pace stops or the
        crew was closed. What ``meter`` counts begins anew with each try.
        """
        ...


class SyncReader(Protocol):
    """Reads what sync goes by: lists, stats, small files, headers; never pixels, never hashes."""

    def raw_files(self, night: NightId) -> tuple[FileStamp, ...]:
        """Every entry of the camera streams that is, or should be, a file, by path; links followed.

        What cannot be a file (a link that leads nowhere, a folder named as a cube) has size 0.
        """
        ...

    def raw_cube(self, night: NightId, fits: FileStamp) -> RawCube | SetAside:
        """One raw cube with its timing, or why it cannot be used.

        TransientError (NotPermitted) if it cannot be read now.
        """
        ...

    def unread_cube(self, night: NightId, fits: FileStamp, why: str) -> SetAside:
        """A cube that is to be set aside unread, with its frames counted by what can be read."""
        ...

    def count_frames(self, night: NightId, fits: FileStamp) -> FrameCount:
        """The frames of a cube, whatever its name; TransientError as `raw_cube`."""
        ...

    def let_go(self, night: NightId) -> frozenset[str]:
        """The raw files that a person let the night go on without."""
        ...

    def reads_whole(self, night: NightId, fits: FileStamp, sign: Callable[[], None] = ...) -> bool:
        """Whether each byte of a file can be read now; what is no file counts as read.

        ``sign`` is called after each part.
        """
        ...

    def generations(self, night: NightId) -> tuple[Generation, ...]:
        """The committed generations, by number, without what later ones withdrew.

        Raw files that were taken up since are in them as they are now.
        """
        ...

    def corrections(self, night: NightId) -> Corrections:
        """The night's corrections; none where others may write them.

        DataError ``corrections_malformed``, ``link_found``.
        """
        ...

    def framelist_heads(self, night: NightId) -> tuple[FramelistHead, ...]:
        """The framelists in vgen2, by path."""
        ...

    def packed_products(self, night: NightId) -> tuple[PackedProduct, ...]:
        """The packed products in vgen2, by path."""
        ...

    def files(self, night: NightId, folder: str) -> tuple[FileStamp, ...]:
        """The files of one folder of the night ('' for the night itself), by path.

        Hidden files are not listed, nor links that lead out of the night.
        """
        ...

    def raw_links(self, night: NightId) -> frozenset[str]:
        """The paths in the camera streams that are links."""
        ...

    def text(self, night: NightId, path: str) -> str | None:
        """A small text file, None if it does not exist."""
        ...

    def receipts(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        """The newest receipt per path."""
        ...

    def packing_receipts(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        """The packing receipts on record, ended ones too."""
        ...

    def purged_files(self, night: NightId) -> tuple[PurgedFile, ...]:
        """The raw files that were purged, or were about to be; one may be here again."""
        ...

    def changed_raw(self, night: NightId) -> tuple[ChangedRaw, ...]:
        """The raw files that were found to be no longer as sync saw them."""
        ...

    def bound_ids(self, night: NightId) -> Mapping[str, BoundId]:
        """The frame IDs of this night's products, by identity."""
        ...

    def correspondence(self, night: NightId) -> Correspondence:
        """What was mailed of this night and what STARS has ingested."""
        ...


class NightReader(SyncReader, Protocol):
    """Reads, for surveys, all that they go by; never pixels, never hashes."""

    def for_worker(self, night: NightId) -> SyncReader:
        """A reader of this night that another process can be given.

        It looks at the folder itself, and has with it what is on record now.
        """
        ...

    def framelist(self, night: NightId, path: str) -> Framelist:
        """One framelist, whole."""
        ...

    def raw_folders(self, night: NightId, within: str) -> tuple[str, ...]:
        """The folders in a camera stream, or in one of those, by path; OSError.

        ``within`` '': those of the night that bear nearly a stream's name.
        """
        ...

    def hollow_files(self, night: NightId, folder: str) -> frozenset[str]:
        """The files of one folder that claim gigabytes and hold nearly none of them."""

    def header_table(self, night: NightId) -> ListedTable | None:
        """What the night's table of headers lists, None if it does not exist."""
        ...

    def foreign_ids(self, night: NightId) -> tuple[FrameId, ...]:
        """The frame IDs on record that others used for this night, lowest first."""
        ...

    def archive_identity(self, night: NightId) -> ArchiveIdentity:
        """The archive that this night goes to now: what its proofs must name."""
        ...

    def moved_night(self, night: NightId) -> MovedNight | None:
        """The night where the archive host may have moved it, by the settings; None: nowhere."""
        ...

    def archive_files(self, night: NightId) -> Mapping[str, FileStamp]:
        """The files of this night on the archive host, by path. RemoteUnavailable."""
        ...

    def dictionary(self) -> Dictionary:
        """The keyword dictionary that headers are written by. ConfigError."""
        ...


@dataclass(frozen=True)
class Seen:
    """What shows whether a destination is the archive: a mount, if one is asked for; its mark."""

    is_mounted: bool
    mark: str | None


@dataclass(frozen=True)
class Guard:
    """Asked in one with what is read at a destination; what it raises lets nothing of that be used.

    ``judge`` is told whether a file system is mounted at ``point``, and which mark lies there.
    """

    point: Path | None
    judge: Callable[[Seen], object]


class ArchiveHost(Protocol):
    """One destination of nights: a local folder, or a folder on another host.

    All methods raise RemoteUnavailable when it cannot be reached and DiskFull when it is full.
    """

    def files(self, night: NightId) -> Mapping[str, FileStamp]:
        """Every file of the night there, by path; empty if the night is not there."""
        ...

    def send(
        self,
        night: NightId,
        folder: Path,
        files: Sequence[str],
        compare: Compare,
        pace: Pace,
        *,
        connection: int = 0,
        after: Callable[[], object] = ...,
    ) -> None:
        """Copy these files of the night's folder; a final name appears only when it is whole.

        ``after`` is called when the last byte has gone, a moment before the return perhaps.
        ``connection`` is the number of the one that it takes: two who send at once have different
        ones.
        """
        ...

    def digests(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """Read these files there, read-only and past the cache, and return their receipts.

        A file that is missing there has no receipt.
        """
        ...

    def text(self, night: NightId, path: str, pace: Pace) -> str:
        """A small text of the night there, by path; '' if it does not come, or is too large."""
        ...

    def space(self) -> Space:
        """The space on the file system that holds the nights there."""
        ...

    def device(self, night: NightId) -> int | None:
        """The device (st_dev) that the night lies on there; None: another machine's."""
        ...


class Archive(ArchiveHost, Protocol):
    """An archive host that is recognized at each use."""

    def get_ready(self, pace: Pace) -> None:
        """Ask now what `send` has to know before the first byte, for who is about to send."""
        ...

    def remove_leftovers(self, night: NightId, files: Sequence[str], pace: Pace) -> None:
        """Remove what killed copies have left of files that lie at the destination whole.

        `send` does so too, of what it has sent.
        """
        ...

    def arrived(self, night: NightId, files: Sequence[str], pace: Pace) -> Sequence[Receipt]:
        """As `digests`, of a part that was sent just now, at the destination, beside others."""
        ...


class MarkedHost(ArchiveHost, Protocol):
    """An archive host that can be recognized by the mark at its destination."""

    def send(
        self,
        night: NightId,
        folder: Path,
        files: Sequence[str],
        compare: Compare,
        pace: Pace,
        before: Callable[[Sequence[str]], object] = ...,
        connection: int = 0,
        after: Callable[[], object] = ...,
    ) -> None:
        """As `ArchiveHost`; ``before`` is called with what each program sends, before it starts."""
        ...

    def files(self, night: NightId, guard: Guard | None = None) -> Mapping[str, FileStamp]:
        """As `ArchiveHost`, once ``guard`` has passed."""
        ...

    def digests(
        self,
        night: NightId,
        files: Sequence[str],
        pace: Pace,
        guard: Guard | None = None,
        at_once: int | None = None,
    ) -> Sequence[Receipt]:
        """As `ArchiveHost`, once ``guard`` has passed; so many at once, None: as many as suit."""
        ...

    def get_ready(self, pace: Pace) -> None:
        """As `Archive`."""
        ...

    def remove_leftovers(self, night: NightId, files: Sequence[str], pace: Pace) -> None:
        """As `Archive`."""
        ...

    def pass_guard(self, guard: Guard) -> None:
        """Ask what the guard needs, and nothing else."""
        ...

    def mark(self) -> str | None:
        """The mark that lies there; ArchiveUnknown if the file in its place holds none."""
        ...

    def place_mark(self, mark: str) -> None:
        """Place this mark, durably, unless one is there; the one that is there stays."""
        ...

    def is_mount_point(self, folder: Path) -> bool:
        """Whether a file system is mounted at this folder there."""
        ...

    def nights(self) -> Sequence[str]:
        """The dates of the nights that lie there, in order."""
        ...


class FrameIdAuthority(Protocol):
    """Grants frame IDs. What it answers is judged by `judge_grant`, never trusted."""

    @property
    def numbers(self) -> NumberRange:
        """The range that it grants from."""
        ...

    def strays(self) -> Sequence[str]:
        """All answers known to have come, one ID a line: they may not be on record.

        A call may have been cut off between the answer and its record.
        """
        ...

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        """The answer to a request for ``count`` IDs above ``highest_used``, one ID a line.

        Whatever came is durable somewhere. FrameIdsUnavailable if nothing came; ClaimLost
        (``stopped``).
        """
        ...


class Ledger(Protocol):
    """The frame-ID ledger: requested -> granted -> bound -> applied. FrameIdConflict."""

    def reserve(
        self, night: NightId, identities: Sequence[str], authority: FrameIdAuthority
    ) -> None:
        """Grant and bind one ID per identity that has none, in this order, each step recorded."""
        ...

    def reconcile(self) -> None:
        """Add what only the ledger's file knows to the database."""
        ...

    def bound(self, night: NightId) -> Mapping[str, BoundId]:
        """The night's bound IDs, by identity."""
        ...

    def record_foreign(
        self, night: NightId, frame_ids: Collection[FrameId], why: str
    ) -> tuple[FrameId, ...]:
        """Put IDs on record that others used for this night; return those that were not."""
        ...

    def foreign(self, night: NightId) -> tuple[FrameId, ...]:
        """Those of this night, lowest first."""
        ...

    def listing(self) -> LedgerListing:
        """All requests and IDs, and where the ledger contradicts itself."""
        ...

    def mark_applied(self, night: NightId, frame_ids: Sequence[FrameId]) -> None:
        """Record that these IDs stand in their products."""
        ...


class NightStore(Protocol):
    """The nights, their states and their histories."""

    def nights(self) -> tuple[NightRecord, ...]:
        """All nights that can be read, oldest first."""
        ...

    def unreadable_nights(self) -> tuple[UnreadableNight, ...]:
        """The rows that are no record of a night, which `nights` leaves out."""
        ...

    def night(self, night: NightId) -> NightRecord | None:
        """One night, None if it was never discovered; DataError if its row cannot be read."""
        ...

    def discover(self, night: NightId, at: float) -> NightRecord:
        """Add a night unless it is there; either way return it."""
        ...

    def discover_all(self, found: Sequence[Discovery], at: float, actor: str) -> frozenset[NightId]:
        """Add the nights that are not there, in one transaction; those with traces are legacy.

        What is said of one that is there counts while it fills. Returns those of which the record
        is new or has changed; a row that cannot be read stays as it is.
        """
        ...

    def apply(
        self,
        night: NightId,
        event: Event,
        *,
        at: float,
        actor: str,
        claim: int | None = None,
        code: str | None = None,
        message: str | None = None,
    ) -> NightRecord:
        """Move a night and append the event, in one transaction.

        Going back to transfer, or further, at a person's word ends what was proven on the archive
        host (`ends_proofs`).

        With ``claim``, the move is refused with ClaimLost (``claim_lost``) unless the night still
        runs under that claim. IllegalTransition if the machine has no such move.
        """
        ...

    def update(self, night: NightId, changes: NightUpdate, *, claim: int | None = None) -> None:
        """Store what changed apart from moves: progress, sizes, times.

        With ``claim``, ClaimLost (``claim_lost``) unless the night still runs under that claim.
        """
        ...

    def history(self, night: NightId) -> tuple[EventRecord, ...]:
        """The night's events, oldest first."""
        ...

    def change_counter(self) -> int:
        """A number that is different when any process has changed the store since last asked."""
        ...


class Adoptions(Protocol):
    """What the old tools said of the nights that were taken over: claims, never proofs."""

    def keep(self, adoptions: Sequence[Adoption], at: float, actor: str) -> None:
        """Keep what is known of these nights now; it replaces what was known before.

        What was found of a night's copy stays.
        """
        ...

    def keep_copy(self, night: NightId, copy: OldCopy) -> None:
        """Keep what was found of the archive copy of an adopted night."""
        ...

    def all(self) -> tuple[Adoption, ...]:
        """All of them, oldest night first."""
        ...


class Receipts(Protocol):
    """The newest readings of files, here and on the archive host."""

    def keep(self, night: NightId, receipts: Iterable[Receipt]) -> None:
        """Keep receipts; a newer one of the same place and path replaces the older."""
        ...

    def of(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        """The newest receipt per path."""
        ...

    def end_proofs(self, night: NightId, paths: Sequence[str]) -> None:
        """End what was proven of these paths on the archive host; the receipts stay as claims."""
        ...

    def forget(self, night: NightId) -> None:
        """Forget what was read of a night here, and end what was proven on the archive host."""
        ...


class PackingReceipts(Protocol):
    """What the files of the nights were when they were proven: recorded once, never replaced."""

    def record(self, night: NightId, receipts: Iterable[PackingReceipt], *, at: float) -> None:
        """Record these, all or none; those that are on record stay as they are.

        DataError ``receipts_disagree`` if one of these paths has another receipt.
        """
        ...

    def of(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        """All receipts of the night, those that have ended too, in the order of their record."""
        ...

    def renew(
        self, night: NightId, receipts: Iterable[PackingReceipt], *, at: float, actor: str
    ) -> None:
        """End what these set-aside raw files have, and record these instead: all or none."""
        ...

    def end(
        self, night: NightId, *, at: float, actor: str, paths: Collection[str] | None = None
    ) -> None:
        """End receipts at a person's word; they stay on record.

        Those of these ``paths``, or of all that vampd made: those of set-aside raw files stand, as
        a restore touches no raw file.
        """
        ...


class PurgedFiles(Protocol):
    """The raw files that were purged: recorded before they are removed, for good."""

    def record(self, night: NightId, files: Iterable[PurgedFile]) -> None:
        """Record these, all or none; those that are on record stay as they are."""
        ...

    def of(self, night: NightId) -> tuple[PurgedFile, ...]:
        """All of the night, in the order of their record."""
        ...


class ChangedRawFiles(Protocol):
    """Raw files that are no longer as sync saw them, each as it was last compared."""

    def of(self, night: NightId) -> tuple[ChangedRaw, ...]:
        """All of the night, by path."""
        ...

    def keep(self, night: NightId, files: Iterable[ChangedRaw], *, at: float) -> None:
        """Keep these, one at least; a newer one of the same path replaces the older."""
        ...


class CheckedCubes(Protocol):
    """Cubes of filling nights that were found complete, so that a restart need not look again."""

    def of(self, night: NightId) -> tuple[CheckedCube, ...]:
        """All of the night, by path."""
        ...

    def keep(self, night: NightId, cubes: Iterable[CheckedCube]) -> None:
        """Keep these; a newer one of the same path replaces the older."""
        ...

    def forget(self, night: NightId) -> None:
        """Forget all of the night."""
        ...


class Samples(Protocol):
    """What is kept of disks and rates over time."""

    def keep(self, values: Mapping[Sampled, float], at: float) -> None:
        """Keep these as they were at a time; of days long gone, only the last ones stay."""
        ...


class Destinations(Protocol):
    """Where nights of each kind are archived, and by which mark that place is recognized."""

    def known(self, kind: Kind) -> KnownDestination | None:
        """The destination in use; None before the first use."""
        ...

    def adopt(self, kind: Kind, destination: str, *, at: float) -> None:
        """After an upgrade: say where the receipts of earlier versions were read.

        They do not name it, so the destination in the settings is taken for it. Nothing happens
        once a destination of this kind is on record.
        """
        ...

    def intend(self, kind: Kind, destination: str, mark: str, *, at: float) -> KnownDestination:
        """Record a mark before it is placed; the destination as it is then on record.

        A mark that is already on record for this destination, also for another kind of night, is
        kept.
        """
        ...

    def confirm(self, kind: Kind, mark: str) -> None:
        """Record that this mark lies at the destination in use."""
        ...

    def change(self, kind: Kind, new: KnownDestination, *, code: str, message: str) -> None:
        """Record another destination, or mark, at a person's word; all in one transaction.

        Every proof of this kind ends, and what was safe goes back to transfer, or stays held
        without being safe (`after_lost_proofs`), with code and message in its history.
        """
        ...


class Roots(Protocol):
    """The folder that nights appear in, and by which mark it is recognized."""

    def known(self) -> KnownRoot | None:
        """The root in use; None before the first use."""
        ...

    def intend(self, new: KnownRoot) -> KnownRoot:
        """Record a root before its mark is placed; the root as it is then on record.

        One that is already on record is kept.
        """
        ...

    def confirm(self, mark: str) -> None:
        """Record that this mark lies at the root in use."""
        ...

    def change(self, new: KnownRoot) -> None:
        """Record another root, or mark, at a person's word."""
        ...


class MailLog(Protocol):
    """What was mailed, what STARS has ingested, and which losses a person knows of.

    Authoritative: no folder records it.
    """

    def intend(self, mailing: Mailing, despite: frozenset[str]) -> None:
        """Record a mailing before its mail is sent.

        StateError ``mailed_meanwhile`` if one of its manifests is in a mailing, not certainly
        failed, that ``despite`` does not name by its message ID.
        """
        ...

    def conclude(
        self, message_id: str, outcome: MailOutcome, *, at: float, detail: str | None = None
    ) -> None:
        """Record what became of a pending mailing; once."""
        ...

    def acknowledge(self, manifests: Sequence[ManifestFile], *, at: float, actor: str) -> None:
        """Record that STARS has ingested these; earlier acknowledgments stay as they are."""
        ...

    def acknowledge_lost(self, frame_ids: Sequence[FrameId], *, at: float, actor: str) -> None:
        """Record that a person knows that these IDs have no product any more; earlier rows stay."""
        ...

    def acknowledged_lost(self) -> frozenset[FrameId]:
        """The IDs without a product that a person knows of."""
        ...

    def correspondence(self, night: NightId | None = None) -> Correspondence:
        """What concerns this night, or all nights."""
        ...


class Answers(Protocol):
    """What became of requests. The deed and its answer are one transaction.

    ``answer`` says whose request it is; an answer that is on record already is returned unchanged,
    and nothing is done.
    """

    def answer(self, request_id: str) -> Answer | None:
        """What became of a request; None if it was not acted on."""
        ...

    def newest(self, most: int) -> tuple[Answer, ...]:
        """The newest answers, so many at most, the newest first."""
        ...

    def move(self, request: Request, answer: Answer) -> Answer:
        """Apply `retry`, `hold` or `release`, if the night is as it was seen."""
        ...

    def acknowledge(self, request: Request, answer: Answer) -> Answer:
        """Record that STARS has ingested its manifests, if the night is as it was seen."""
        ...

    def begin(self, request: Request, answer: Answer) -> Answer:
        """Record that a deed is begun, if its night is as it was seen."""
        ...

    def conclude(
        self, request_id: str, outcome: Outcome, code: str | None, message: str, at: float
    ) -> None:
        """Record what became of a deed that was begun."""
        ...

    def interrupt(self, at: float) -> None:
        """Record that the deeds that were begun have not ended: the process that did them died."""
        ...

    def refuse(self, answer: Answer) -> Answer:
        """Record that nothing is done, and why."""
        ...


class AlarmLog(Protocol):
    """What the alarm told whom, so that a restart tells nothing twice."""

    def told(self) -> tuple[Told, ...]:
        """All that is on record, oldest first."""
        ...

    def record(self, told: Sequence[Told]) -> None:
        """Record that these were told, in one transaction; the newest of a key counts."""
        ...

    def prune(self, ways: Collection[str], now: float) -> None:
        """Forget what was told by ways that are no more, and what is over for long."""
        ...


class AlarmWay(Protocol):
    """A way to tell a person something."""

    @property
    def name(self) -> str:
        """What it is called, on record and in the log."""
        ...

    @property
    def states(self) -> Collection[AlarmState]:
        """What it is to tell of."""
        ...

    def tell(self, message: AlarmMessage) -> None:
        """Tell it within the time that its settings allow.

        DataError if it may have been told, another VampdError if it certainly was not.
        """
        ...


class Heart(Protocol):
    """Whoever is told that vampd lives."""

    def beat(self, signal: str, text: str) -> None:
        """Send a signal; VampdError if it did not arrive."""
        ...


class Mailer(Protocol):
    """Hands a mail to a mail server."""

    def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> None:
        """Send to all recipients or to none.

        ``mail`` has CRLF line ends. TransientError ``mail_failed`` or ConfigError: certainly not
        sent. DataError ``mail_uncertain``: the server had all of it and did not confirm that it
        accepted it.
        """
        ...
