"""Reads nights from the disk: all that no database is asked for, or with what one said before."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vampd.disk.reading import (
    UnchangedFiles,
    can_read_whole,
    list_files,
    list_hollow_files,
    list_raw_files,
    list_raw_folders,
    list_raw_links,
    open_foreign,
    read_whole,
    refuse_longer,
    stamp_of,
)
from vampd.engine.nights.corrections_file import read_corrections
from vampd.engine.nights.framelist_files import read_framelist, read_identity
from vampd.engine.nights.presence import refuse_unmounted
from vampd.errors import DataError
from vampd.fits.products import read_sidecar_identity
from vampd.fits.raw import count_frames, count_readable_frames, read_raw_cube
from vampd.model.cubes import (
    SUFFIX,
    ChangedRaw,
    FrameCount,
    Framelist,
    FramelistHead,
    Generation,
    KeptTiming,
    PackedProduct,
    RawCube,
    SetAside,
    parse_generation,
    take_up,
)
from vampd.model.delivery import Correspondence
from vampd.model.frame_ids import BoundId
from vampd.model.headers import Corrections, ListedTable, list_table, table_name
from vampd.model.nights import CAMERA_STREAMS, FileStamp, NightId, Stream, timing_name
from vampd.model.proofs import Place, PurgedFile, Receipt, RecordedReceipt
from vampd.model.sharing import shared
from vampd.model.sync import without_withdrawn

_PRODUCTS = Stream.VGEN2.value
_PACKED_SUFFIX = ".fits.fz"
_GENERATION = re.compile(rf"{_PRODUCTS}/generation_[^/]*\.json")
# Parsed, they take three times as much; that of 10,000 cubes has 15 MB, and takes a second.
_MOST_KEPT_BYTES = 32_000_000
_MOST_TABLE_BYTES = 1 << 29  # a table has some KB for each product
# Sync decides by these cards and by those of [sync] cut_on, and summaries show OBJECT; a night
# has millions of others.
_DECIDING = frozenset(
    (
        "EXPTIME",
        "EXTTRIG",
        "DETECTOR",
        "U_CAMERA",
        "U_FLCEN",
        "U_FLCST",
        "U_FLC",
        "U_TRIGJT",
        "U_DETMOD",
        "PRD-RNG2",
        "OBJECT",
        "DATE",
        "RET-POS1",
    )
)


class FolderReader(ABC):
    """Reads nights below the watched root; ``cut_on`` are cards that sync decides by too."""

    def __init__(self, root: Path, cut_on: tuple[str, ...]) -> None:
        self._root = root
        self._deciding = _DECIDING | frozenset(cut_on)
        self._generations = UnchangedFiles[Generation](_MOST_KEPT_BYTES)

    @abstractmethod
    def changed_raw(self, night: NightId) -> tuple[ChangedRaw, ...]:
        """The raw files that are no longer as sync saw them, as is on record."""

    def raw_files(self, night: NightId) -> tuple[FileStamp, ...]:
        """Every file of the camera streams, by path; TransientError ``night_absent``."""
        refuse_unmounted(self._folder(night))
        return list_raw_files(self._folder(night), CAMERA_STREAMS)

    def raw_cube(self, night: NightId, fits: FileStamp) -> RawCube | SetAside:
        """One raw cube with its timing and the cards that matter."""
        seen = look_at_cube(self._folder(night), fits)
        if isinstance(seen, SetAside):
            return seen
        return replace(seen, cards=seen.cards.only(self._deciding), timing=KeptTiming(seen.timing))

    def unread_cube(self, night: NightId, fits: FileStamp, why: str) -> SetAside:
        """A cube that is set aside unread."""
        folder = self._folder(night)
        timing_file = stamp_of(folder, timing_name(fits.path))
        count = count_readable_frames(folder, fits, timing_file)
        return SetAside(fits, timing_file, count.frames, "unreadable", why, count.counted_by)

    def count_frames(self, night: NightId, fits: FileStamp) -> FrameCount:
        """The frames of a cube."""
        folder = self._folder(night)
        return count_frames(folder, fits, stamp_of(folder, timing_name(fits.path)))

    def reads_whole(
        self, night: NightId, fits: FileStamp, sign: Callable[[], None] = lambda: None
    ) -> bool:
        """Whether each byte of a file can be read now."""
        return can_read_whole(self._folder(night) / fits.path, sign)

    def generations(self, night: NightId) -> tuple[Generation, ...]:
        """The committed generations, with the raw files that were taken up as they are now."""
        folder = self._folder(night)
        # Not by glob, to which a folder that may not be read is an empty one.
        generations = without_withdrawn(
            [
                self._generations.read(
                    folder / file.path, partial(_read_generation, folder, file.path)
                )
                for file in list_files(folder, _PRODUCTS)
                if _GENERATION.fullmatch(file.path)
            ]
        )
        return take_up(generations, self.changed_raw(night))

    def corrections(self, night: NightId) -> Corrections:
        """The night's corrections."""
        return read_corrections(self._folder(night))

    def framelist_heads(self, night: NightId) -> tuple[FramelistHead, ...]:
        """The framelists in vgen2, by path."""
        folder = self._folder(night)
        return tuple(
            FramelistHead(file.path, read_identity(folder / file.path))
            for file in list_files(folder, _PRODUCTS)
            if file.path.endswith(SUFFIX)
        )

    def framelist(self, night: NightId, path: str) -> Framelist:
        """One framelist, whole."""
        return read_framelist(self._folder(night), path)

    def packed_products(self, night: NightId) -> tuple[PackedProduct, ...]:
        """The packed products in vgen2, by path."""
        folder = self._folder(night)
        files = {file.path: file for file in list_files(folder, _PRODUCTS)}
        products = []
        for path, file in files.items():
            if path.endswith(_PACKED_SUFFIX):
                sidecar = files.get(path.removesuffix(_PACKED_SUFFIX) + ".txt")
                identity = read_sidecar_identity(folder / sidecar.path) if sidecar else None
                products.append(PackedProduct(file, sidecar, shared(identity)))
        return tuple(products)

    def files(self, night: NightId, folder: str) -> tuple[FileStamp, ...]:
        """The files of one folder of the night."""
        return list_files(self._folder(night), folder)

    def raw_folders(self, night: NightId, within: str) -> tuple[str, ...]:
        """The folders in a camera stream, or in one of those."""
        return list_raw_folders(self._folder(night), within)

    def raw_links(self, night: NightId) -> frozenset[str]:
        """The raw files that are links."""
        return list_raw_links(self._folder(night), CAMERA_STREAMS)

    def hollow_files(self, night: NightId, folder: str) -> frozenset[str]:
        """The files of one folder that are mostly holes."""
        return list_hollow_files(self._folder(night), folder)

    def header_table(self, night: NightId) -> ListedTable | None:
        """What the table of headers lists, None if it does not exist."""
        path = self._folder(night) / table_name(night.date)
        try:
            with open_foreign(path) as file:
                refuse_longer(file, path, _MOST_TABLE_BYTES)
                return list_table(file)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def text(self, night: NightId, path: str) -> str | None:
        """A small text file, None if it does not exist; line ends as they are."""
        try:
            return read_whole(self._folder(night) / path).decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _folder(self, night: NightId) -> Path:
        return self._root / night.folder


@dataclass(frozen=True)
class Recorded:
    """What is on record of one night: see `ports.SyncReader`."""

    let_go: frozenset[str]
    receipts: Mapping[Place, Mapping[str, Receipt]]
    packing_receipts: tuple[RecordedReceipt, ...]
    purged_files: tuple[PurgedFile, ...]
    changed_raw: tuple[ChangedRaw, ...]
    bound_ids: Mapping[str, BoundId]
    correspondence: Correspondence


class RecordedReader(FolderReader):
    """Implements ports.SyncReader for one night; picklable."""

    def __init__(self, root: Path, cut_on: tuple[str, ...], recorded: Recorded) -> None:
        super().__init__(root, cut_on)
        self._recorded = recorded

    def let_go(self, night: NightId) -> frozenset[str]:
        """The raw files that a person let the night go on without."""
        del night
        return self._recorded.let_go

    def receipts(self, night: NightId, place: Place) -> Mapping[str, Receipt]:
        """The newest receipt per path."""
        del night
        return self._recorded.receipts[place]

    def packing_receipts(self, night: NightId) -> tuple[RecordedReceipt, ...]:
        """The packing receipts on record."""
        del night
        return self._recorded.packing_receipts

    def purged_files(self, night: NightId) -> tuple[PurgedFile, ...]:
        """The raw files that were purged, or were about to be."""
        del night
        return self._recorded.purged_files

    def changed_raw(self, night: NightId) -> tuple[ChangedRaw, ...]:
        """The raw files that are no longer as sync saw them."""
        del night
        return self._recorded.changed_raw

    def bound_ids(self, night: NightId) -> Mapping[str, BoundId]:
        """The frame IDs of this night's products."""
        del night
        return self._recorded.bound_ids

    def correspondence(self, night: NightId) -> Correspondence:
        """What was mailed of this night and what STARS has ingested."""
        del night
        return self._recorded.correspondence


def look_at_cube(folder: Path, fits: FileStamp) -> RawCube | SetAside:
    """One raw cube with its timing and all its cards, or why it cannot be used."""
    timing_path = timing_name(fits.path)
    stream = Stream(fits.path.partition("/")[0])
    return read_raw_cube(folder, fits, stamp_of(folder, timing_path), stream)


def _read_generation(folder: Path, path: str) -> Generation:
    # What is damaged may be no UTF-8 either.
    text = read_whole(folder / path).decode("utf-8", "surrogateescape")
    try:
        return parse_generation(text)
    except DataError as error:
        raise DataError(
            error.code,
            f"{path}: {error.message}; `vampctl recover {folder.name}` gets it back",
            path=path,
        ) from error
