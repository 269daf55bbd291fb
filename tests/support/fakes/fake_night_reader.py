"""A night in memory, behind the port that surveys read through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO

from vampd.model.cubes import (
    SUFFIX,
    ChangedRaw,
    CountedBy,
    FrameCount,
    Framelist,
    FramelistHead,
    Generation,
    PackedProduct,
    RawCube,
    SetAside,
    take_up,
)
from vampd.model.delivery import Correspondence
from vampd.model.frame_ids import BoundId, FrameId
from vampd.model.headers import (
    CORRECTIONS,
    Corrections,
    Dictionary,
    ListedTable,
    list_table,
    parse_corrections,
    table_name,
)
from vampd.model.nights import FileStamp, NightId
from vampd.model.proofs import (
    ArchiveIdentity,
    MovedNight,
    PackingReceipt,
    Place,
    PurgedFile,
    Receipt,
    RecordedReceipt,
)
from vampd.model.sync import without_withdrawn

PACKED = ".fits.fz"
_IDENTITY = ArchiveIdentity("archive-host:/archive", "1" * 32)


@dataclass(frozen=True)
class FakeFile:
    """The bytes of a file and its mtime."""

    content: bytes
    mtime_ns: int = 1_700_000_000_000_000_000


@dataclass
class FakeNightReader:
    """One night, as dictionaries that a test fills and changes; every night asked for is this one.

    ``tree`` and ``archive`` are the files here and on the archive host, by path relative to the
    night's folder. ``cubes`` says what a raw cube is read as, ``framelists`` what lies in vgen2,
    ``identities`` what a packed product's sidecar tells, ``identity`` is the archive's,
    ``released`` what a person let go, ``moved`` what lies where the archive host has moved it,
    ``moved_to``.
    """

    tree: dict[str, FakeFile] = field(default_factory=dict)
    archive: dict[str, FakeFile] = field(default_factory=dict)
    cubes: dict[str, RawCube | SetAside] = field(default_factory=dict)
    committed: list[Generation] = field(default_factory=list)
    framelists: dict[str, Framelist] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    kept: dict[Place, dict[str, Receipt]] = field(default_factory=lambda: {p: {} for p in Place})
    recorded: list[RecordedReceipt] = field(default_factory=list)
    purged: list[PurgedFile] = field(default_factory=list)
    changed: list[ChangedRaw] = field(default_factory=list)
    bound: dict[str, BoundId] = field(default_factory=dict)
    known_mail: Correspondence = field(default_factory=Correspondence)
    keywords: Dictionary = field(default_factory=lambda: Dictionary({}))
    identity: ArchiveIdentity = _IDENTITY
    moved_to: str | None = None
    moved: dict[str, FakeFile] = field(default_factory=dict)
    hollow: set[str] = field(default_factory=set)
    released: frozenset[str] = frozenset()
    unreadable: set[str] = field(default_factory=set)

    def write(self, path: str, content: bytes | str, mtime_ns: int | None = None) -> FileStamp:
        """Put a file into the night's folder; without an mtime, a later one than the file had."""
        encoded = (
            content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        )
        if mtime_ns is None:
            old = self.tree.get(path)
            mtime_ns = FakeFile.mtime_ns if old is None else old.mtime_ns + 1_000_000_000
        self.tree[path] = FakeFile(encoded, mtime_ns)
        return stamp_of(path, self.tree[path])

    def keep(self, *receipts: Receipt) -> None:
        """Keep receipts as the store does: the newest per place and path."""
        for receipt in receipts:
            self.kept[receipt.place][receipt.path] = receipt

    def record(self, *receipts: PackingReceipt) -> None:
        """Put packing receipts on record."""
        self.recorded += [RecordedReceipt(receipt, at=1.0) for receipt in receipts]

    def add_cube(self, cube: RawCube | SetAside) -> None:
        """A raw cube and its files; their stamps are the cube's."""
        self.cubes[cube.path] = cube

    def add_framelist(self, framelist: Framelist) -> None:
        """A framelist in vgen2."""
        self.framelists[framelist.path] = framelist

    def for_worker(self, night: NightId) -> FakeNightReader:
        return self

    def raw_files(self, night: NightId) -> tuple[FileStamp, ...]:
        stamps = {
            path: stamp_of(path, file)
            for path, file in self.tree.items()
            if path.startswith(("vcam1/", "vcam2/"))
        }
        for cube in self.cubes.values():
            stamps[cube.fits.path] = cube.fits
            if cube.timing_file is not None:
                stamps[cube.timing_file.path] = cube.timing_file
        return tuple(stamps[path] for path in sorted(stamps))

    def raw_cube(self, night: NightId, fits: FileStamp) -> RawCube | SetAside:
        return self.cubes[fits.path]

    def unread_cube(self, night: NightId, fits: FileStamp, why: str) -> SetAside:
        return SetAside(fits, None, 0, "unreadable", why, CountedBy.SIZE)

    def count_frames(self, night: NightId, fits: FileStamp) -> FrameCount:
        return FrameCount(0, CountedBy.SIZE)

    def let_go(self, night: NightId) -> frozenset[str]:
        return self.released

    def reads_whole(
        self, night: NightId, fits: FileStamp, sign: Callable[[], None] = lambda: None
    ) -> bool:
        return fits.path not in self.unreadable

    def generations(self, night: NightId) -> tuple[Generation, ...]:
        generations = without_withdrawn(sorted(self.committed, key=lambda each: each.number))
        return take_up(generations, self.changed)

    def corrections(self, night: NightId) -> Corrections:
        text = self.text(night, CORRECTIONS)
        return Corrections() if text is None else parse_corrections(text)

    def framelist_heads(self, night: NightId) -> tuple[FramelistHead, ...]:
        return tuple(
            FramelistHead(path, self.framelists[path].identity) for path in sorted(self.framelists)
        )

    def framelist(self, night: NightId, path: str) -> Framelist:
        return self.framelists[path]

    def packed_products(self, night: NightId) -> tuple[PackedProduct, ...]:
        return tuple(
            PackedProduct(
                file=file,
                sidecar=next(
                    (
                        stamp
                        for stamp in self.files(night, "vgen2")
                        if stamp.path == file.path.removesuffix(PACKED) + ".txt"
                    ),
                    None,
                ),
                identity=self.identities.get(file.path),
            )
            for file in self.files(night, "vgen2")
            if file.path.endswith(PACKED)
        )

    def files(self, night: NightId, folder: str) -> tuple[FileStamp, ...]:
        stamps = {path: stamp_of(path, file) for path, file in self.tree.items()}
        stamps |= {file.path: file for file in self.raw_files(night)}
        for path in self.framelists:
            stamps.setdefault(path, FileStamp(path, 1, FakeFile.mtime_ns))
        return tuple(
            stamps[path]
            for path in sorted(stamps)
            if path.rpartition("/")[0] == folder and not path.rpartition("/")[2].startswith(".")
        )

    def raw_folders(self, night: NightId, within: str) -> tuple[str, ...]:
        if not within:
            tops = {path.partition("/")[0] for path in self.tree if "/" in path}
            return tuple(sorted(top for top in tops if top.startswith(("vcam3", "VCAM"))))
        prefix = f"{within}/"
        below = [path.removeprefix(prefix) for path in self.tree if path.startswith(prefix)]
        names = {path.partition("/")[0] for path in below if "/" in path}
        return tuple(f"{within}/{name}" for name in sorted(names))

    def raw_links(self, night: NightId) -> frozenset[str]:
        return frozenset()

    def hollow_files(self, night: NightId, folder: str) -> frozenset[str]:
        return frozenset(path for path in self.hollow if path.startswith(f"{folder}/"))

    def header_table(self, night: NightId) -> ListedTable | None:
        file = self.tree.get(table_name(night.date))
        return None if file is None else list_table(BytesIO(file.content))

    def text(self, night: NightId, path: str) -> str | None:
        file = self.tree.get(path)
        return None if file is None else file.content.decode("utf-8", "surrogateescape")

    def receipts(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        return dict(self.kept[place])

    def packing_receipts(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        return tuple(self.recorded)

    def purged_files(self, night: NightId) -> tuple[PurgedFile, ...]:
        return tuple(self.purged)

    def changed_raw(self, night: NightId) -> tuple[ChangedRaw, ...]:
        return tuple(self.changed)

    def archive_identity(self, night: NightId) -> ArchiveIdentity:
        return self.identity

    def moved_night(self, night: NightId) -> MovedNight | None:
        if self.moved_to is None:
            return None
        files = {path: stamp_of(path, file) for path, file in self.moved.items()}
        return MovedNight(ArchiveIdentity(self.moved_to), files)

    def archive_files(self, night: NightId) -> Mapping[str, FileStamp]:
        return {path: stamp_of(path, file) for path, file in self.archive.items()}

    def bound_ids(self, night: NightId) -> Mapping[str, BoundId]:
        return dict(self.bound)

    def foreign_ids(self, night: NightId) -> tuple[FrameId, ...]:
        return ()

    def correspondence(self, night: NightId) -> Correspondence:
        return self.known_mail

    def dictionary(self) -> Dictionary:
        return self.keywords

    def retire(self, path: str) -> None:
        """Remove a file or framelist."""
        assert path in self.tree or path.endswith(SUFFIX)
        self.tree.pop(path, None)
        self.framelists.pop(path, None)

    def mark_applied(self, identity: str) -> None:
        """Say that a product carries its ID."""
        self.bound[identity] = replace(self.bound[identity], applied=True)


def stamp_of(path: str, file: FakeFile) -> FileStamp:
    """What a listing tells of a file."""
    return FileStamp(path, len(file.content), file.mtime_ns)
