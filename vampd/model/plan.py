"""Plans: what a stage will do, as values.

A plan is a tuple of waves; the actions of one wave are independent of each other, but for one that
takes up what the others have done, and a wave begins when the one before has ended. An empty plan
means that the stage is done. All paths are relative to the night's folder, so that ``vampctl plan``
prints exactly the plan that ``vampd`` executes. All actions in one module, however long: they are
one vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from vampd.model.cubes import ChangedRaw, Generation, Product
from vampd.model.delivery import ManifestFile
from vampd.model.frame_ids import FrameId
from vampd.model.headers import Dictionary
from vampd.model.nights import FileStamp
from vampd.model.proofs import Digests, PackingReceipt, Place


class RunsIn(StrEnum):
    """Where an action is executed."""

    DAEMON = "daemon"  # in the thread that runs the stage: short, or bound to the store
    THREAD = "thread"  # in a thread of its own: waits for disks or for the network
    WORKER = "worker"  # in a supervised worker process: computes
    BESIDE = "beside"  # in a thread of its own, until the others of its wave have ended


class Compare(StrEnum):
    """How a transfer decides that a file is already there."""

    SIZE_AND_TIME = "size and time"
    CHECKSUM = "checksum"
    NOTHING = "nothing"  # it is sent, whatever is there
    NAME = "name"  # what has the name there stays, whatever it is


@dataclass(frozen=True)
class CommitGeneration:
    """Write a generation file: from then on its decisions stand."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    generation: Generation


@dataclass(frozen=True)
class WriteFramelist:
    """Make a product's framelist from the raw headers and timing files."""

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    product: Product
    version: str
    form: int


@dataclass(frozen=True)
class WriteText:
    """Write a small file whose whole content is known (reasons, checksums, a manifest).

    A listing that grows is replaced; ``once`` forbids overwriting an existing file.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    path: str
    text: str
    once: bool = False


@dataclass(frozen=True)
class WriteHeaderTable:
    """Write the table of the headers of all packed products; the ``folder`` is the archive's."""

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    path: str
    folder: str
    products: tuple[str, ...]


@dataclass(frozen=True)
class LinkSetAside:
    """Make a symbolic link ``vbad/...`` to a set-aside raw file, so that it can be sent."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    path: str
    raw: str


@dataclass(frozen=True)
class EditCards:
    """Bring so many cards of a framelist into the dictionary's form.

    Which they are is found again when it is done: the texts of all framelists of a night would be
    held at once.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    framelist: str
    cards: int
    dictionary: Dictionary = field(hash=False)


@dataclass(frozen=True)
class ReserveFrameIds:
    """Request one frame ID per product, in this order, and bind them; all on record."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    identities: tuple[str, ...]


@dataclass(frozen=True)
class StampFrameId:
    """Rewrite the framelist under its frame ID, with FRAMEID and EXP-ID."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    framelist: str
    identity: str
    frame_id: FrameId


@dataclass(frozen=True)
class MarkApplied:
    """Record in the ledger that the product carries its ID."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    frame_ids: tuple[FrameId, ...]


@dataclass(frozen=True)
class RebuildFramelists:
    """Write again the retired framelists of these products, as they were when they were packed."""

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    products: tuple[Product, ...]


@dataclass(frozen=True)
class Pack:
    """Stream a framelist's frames into its packed product, prove it lossless, then name it.

    A product that has its name already is compared instead. ``proven`` are the receipts that
    product and sidecar have: nothing else gets their names.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.WORKER
    framelist: str
    packed: str
    frames: int
    bytes: int
    proven: tuple[PackingReceipt, ...] = ()


@dataclass(frozen=True)
class TakeOver:
    """Prove a product of the old tools, and record what it and its sidecar are from then on.

    What is not packed is packed first, beside the plain cube, which stays; ``bytes`` are its size,
    0 for what the old tools packed. Where both are there, they must hold the same.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.WORKER
    packed: str
    bytes: int = 0


@dataclass(frozen=True)
class RecordReceipts:
    """Record packing receipts that are known from elsewhere than a packing."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    receipts: tuple[PackingReceipt, ...]


@dataclass(frozen=True)
class RenewReceipts:
    """Give set-aside raw files other receipts: a person says that they are right as they are."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    receipts: tuple[PackingReceipt, ...]


@dataclass(frozen=True)
class ReadGrown:
    """Read a set-aside raw file that is longer than its receipt says, and keep the reading.

    If it only goes on where that ends, it has a new receipt from then on.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    receipt: PackingReceipt


@dataclass(frozen=True)
class PutAway:
    """Give files that a person gave up hidden names, where they stay, and end their receipts."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    paths: tuple[str, ...]


@dataclass(frozen=True)
class EndReceipts:
    """End the receipts of set-aside raw files that a person gave up: nothing of them is here."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    paths: tuple[str, ...]


@dataclass(frozen=True)
class CompareRaw:
    """Compare raw files with what was made of them, and keep what that finds.

    Each is given as sync saw it and as it is now.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    files: tuple[tuple[FileStamp, FileStamp], ...]


@dataclass(frozen=True)
class AcceptRaw:
    """Record that a person keeps what was made of raw files that are others now."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    files: tuple[ChangedRaw, ...]


@dataclass(frozen=True)
class Send:
    """Copy files to the archive host, and read them there when they have arrived.

    ``compare`` by checksum repairs what is damaged there. ``bytes`` are as of `Hash`.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    files: tuple[str, ...]
    compare: Compare
    bytes: int = field(default=0, kw_only=True, compare=False)


@dataclass(frozen=True)
class SendAhead:
    """Send products of this wave while others are packed, and read them there.

    A product with its sidecar goes once it is proven, and only if the archive lacks it. What has
    not gone when all is packed is left to the transfer stage; ``bytes`` are the raw ones.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.BESIDE
    products: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Hash:
    """Read files from the disk at a place, never from its cache, and keep receipts.

    More than the SHA-256 is computed only here, not on the archive host. ``before_sending`` tells
    a second reading from the first, as which it would look like work that gets nowhere. ``bytes``
    are what is read, for those who follow the work.
    """

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    files: tuple[str, ...]
    place: Place
    digests: Digests = Digests.SHA256
    before_sending: bool = field(default=False, kw_only=True)
    bytes: int = field(default=0, kw_only=True, compare=False)


@dataclass(frozen=True)
class Retire:
    """Remove a file whose content survives; it cannot be built without naming the survivor."""

    runs_in: ClassVar[RunsIn] = RunsIn.DAEMON
    path: str
    kept_as: str

    def __post_init__(self) -> None:
        if not self.kept_as or self.kept_as == self.path:
            raise ValueError(f"{self.path} may be retired only in favor of another file")
        is_link = self.path == f"vbad/{self.kept_as}"
        if not self.path.startswith("vgen2/") and not is_link:
            raise ValueError(
                "only vampd's own files in vgen2, and links of raw files under vbad, may be"
                f" retired, not {self.path}"
            )


@dataclass(frozen=True)
class SendMail:
    """Mail these manifests to STARS, on record before it is sent."""

    runs_in: ClassVar[RunsIn] = RunsIn.THREAD
    manifests: tuple[ManifestFile, ...]
    replaced: tuple[FrameId, ...] = ()  # IDs that were announced before with other bytes


Action = (
    CommitGeneration
    | WriteFramelist
    | WriteText
    | WriteHeaderTable
    | LinkSetAside
    | EditCards
    | ReserveFrameIds
    | StampFrameId
    | MarkApplied
    | RebuildFramelists
    | Pack
    | TakeOver
    | RecordReceipts
    | RenewReceipts
    | ReadGrown
    | PutAway
    | EndReceipts
    | CompareRaw
    | AcceptRaw
    | Send
    | SendAhead
    | Hash
    | Retire
    | SendMail
)
Wave = tuple[Action, ...]


@dataclass(frozen=True)
class Remark:
    """Something that planning noticed and that no action fixes; it becomes a log event.

    ``code`` is stable, ``subject`` is what it is about (a keyword, a path), ``message`` is for
    people, ``changes`` are further fields of the event, by name.
    """

    code: str
    subject: str
    message: str
    changes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """Waves of actions, never an empty wave.

    Remarks do not count: a plan with only remarks is empty, and plans that differ only in
    remarks are equal. Equal plans have equal hashes: a stage knows by them what it did before.
    """

    waves: tuple[Wave, ...] = ()
    remarks: tuple[Remark, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, *waves: Iterable[Action], remarks: Iterable[Remark] = ()) -> Plan:
        """A plan of these waves, without the empty ones."""
        return cls(tuple(wave for wave in map(tuple, waves) if wave), tuple(remarks))

    def __bool__(self) -> bool:
        return bool(self.waves)

    def __len__(self) -> int:
        return sum(map(len, self.waves))
