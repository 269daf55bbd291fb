"""Comparing raw files that changed since sync with what was made of them.

A file that travels whole has a receipt, which says its bytes. Any other must give its products and
their sidecars again, byte for byte, with the sizes and times that it has now: what they are made
from is then the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vampd.disk.reading import hash_file
from vampd.engine.nights.framelist_source import FramelistSource
from vampd.errors import DataError, TransientError
from vampd.fits.products import digest_again, find_other_frame
from vampd.model.cubes import (
    ChangedRaw,
    Generation,
    Product,
    RawFinding,
    accounted_cubes,
    format_sidecar,
    take_up,
)
from vampd.model.nights import FileStamp, NightId, timing_name
from vampd.model.proofs import (
    PackingReceipt,
    aside_receipts,
    live_receipts,
    refuse_other_form,
    text_digest,
)
from vampd.ports import NightReader, Pace
from vampd.stages.late_cubes import REFUSALS
from vampd.stages.records.folder_receipts import believed_receipts
from vampd.stages.records.own_paths import sidecar_path
from vampd.stages.set_aside import aside_path

_Files = Sequence[tuple[FileStamp, FileStamp]]


def compare_raw(
    night: NightId, folder: Path, reader: NightReader, files: _Files, pace: Pace
) -> tuple[ChangedRaw, ...]:
    """What became of each of these files, given as sync saw it and as it is now.

    Reads them whole, and packs again what was made of them, beside it. TransientError of what
    cannot be read now.
    """
    whole = aside_receipts(live_receipts(reader.packing_receipts(night)))
    found = {
        now.path: _compare_whole(folder, synced, now, whole[aside_path(now.path)], pace)
        for synced, now in files
        if aside_path(now.path) in whole
    }
    used = [pair for pair in files if pair[1].path not in found]
    generations = _as_now(reader.generations(night), files)
    comparison = _Comparison(
        night, folder, reader, generations, believed_receipts(night, reader), pace
    )
    return (*found.values(), *comparison.judge(used))


def name_refused(
    error: TransientError, night: NightId, reader: NightReader, files: _Files
) -> TransientError:
    """The error with the cubes among these that cannot be read now, which a release lets go."""
    if error.code not in REFUSALS:
        return error
    unread = {now.path for _, now in files if not reader.reads_whole(night, now)}
    cubes = accounted_cubes(reader.generations(night))
    refused = (path for path in sorted(cubes) if {path, timing_name(path)} & unread)
    context = {**error.context, "refused": tuple(refused)}
    return type(error)(error.code, error.message, **context)


def find_retimed(
    generations: Sequence[Generation], files: Mapping[str, FileStamp]
) -> tuple[tuple[FileStamp, FileStamp], ...]:
    """The accounted files that have the size that sync saw, and another time."""
    return tuple(
        (synced, now)
        for account in accounted_cubes(generations).values()
        for synced in (account.fits, account.timing_file)
        if synced is not None
        and (now := files.get(synced.path)) not in (None, synced)
        and now.size == synced.size
    )


def _as_now(generations: Sequence[Generation], files: _Files) -> tuple[Generation, ...]:
    """The generations with these files as they are, whatever was taken up of them before."""
    now = {each.path: each for _, each in files}
    known = (
        stamp
        for account in accounted_cubes(generations).values()
        for stamp in (account.fits, account.timing_file)
        if stamp is not None and stamp.path in now
    )
    same = RawFinding.SAME
    return take_up(generations, [ChangedRaw(stamp, now[stamp.path], same) for stamp in known])


def is_whole(folder: Path, receipt: PackingReceipt, pace: Pace) -> bool:
    """Whether a file here is what its receipt says, as it is read now."""
    path = folder / receipt.path
    return path.is_file() and hash_file(path, pace)[::2] == (receipt.size, receipt.sha256)


@dataclass(frozen=True)
class _Comparison:
    """Products against raw; the generations have raw as it is now."""

    night: NightId
    folder: Path
    reader: NightReader
    generations: Sequence[Generation]
    receipts: Mapping[str, PackingReceipt]
    pace: Pace

    def judge(self, files: _Files) -> Iterator[ChangedRaw]:
        """What became of each of these files."""
        paths = {now.path for _, now in files}
        others: dict[str, str] = {}
        unpacked: set[str] = set()
        by_identity = {each.identity: each for each in self.receipts.values() if each.identity}
        touched: set[str] = set()
        source = FramelistSource(self.night, self.folder, self.reader, self.generations)
        for product in source.products:
            needed = _files_of(product) & paths
            touched |= needed
            receipt = by_identity.get(product.identity)
            if receipt is None:
                unpacked |= needed
            elif needed and (why := self._difference(source, product, receipt)):
                others |= dict.fromkeys(needed, why)
        for synced, now in files:
            changed = ChangedRaw(synced, now, RawFinding.SAME)
            if synced.size != now.size:
                why = f"{synced.size:,} bytes then, {now.size:,} now"
                yield replace(changed, finding=RawFinding.OTHER, why=why)
            elif now.path in others:
                yield replace(changed, finding=RawFinding.OTHER, why=others[now.path])
            elif now.path in unpacked or now.path not in touched:
                why = "its time changed, and no product holds all of its frames yet"
                yield replace(changed, finding=RawFinding.UNPACKED, why=why)
            else:
                yield changed

    def _difference(
        self, source: FramelistSource, product: Product, receipt: PackingReceipt
    ) -> str:
        """Why raw does not give this product again, '' if it does."""
        try:
            other = self._find_other(product, receipt)
            if other is not None:
                return f"frame {other[1]} of {other[0]} is another than {receipt.path} holds"
            refuse_other_form(receipt.form, receipt.path)
            framelist = source.read(product)
            sidecar = self.receipts.get(sidecar_path(receipt.path))
            if sidecar is not None and sidecar.sha256 != text_digest(format_sidecar(framelist)):
                return f"its rows or those of its partner are others than {sidecar.path} holds"
            sha256 = digest_again(framelist, self.folder, self.folder / receipt.path, self.pace)
        except DataError as error:
            return f"it does not give {receipt.path} again: {error.message}"
        return "" if sha256 == receipt.sha256 else f"it does not give {receipt.path} again"

    def _find_other(self, product: Product, receipt: PackingReceipt) -> tuple[str, int] | None:
        """The first frame that differs, where the product is here to say so."""
        if not is_whole(self.folder, receipt, self.pace):
            return None
        stamps = [account.fits for account in accounted_cubes(self.generations).values()]
        packed = self.folder / receipt.path
        return find_other_frame(packed, self.folder, stamps, product.ranges, self.pace)


def _compare_whole(
    folder: Path, synced: FileStamp, now: FileStamp, receipt: PackingReceipt, pace: Pace
) -> ChangedRaw:
    size, mtime_ns, sha256 = hash_file(folder / now.path, pace)
    read = FileStamp(now.path, size, mtime_ns)
    if sha256 == receipt.sha256:
        return ChangedRaw(synced, read, RawFinding.SAME)
    return ChangedRaw(synced, read, RawFinding.OTHER, "other bytes than were read to be sent")


def _files_of(product: Product) -> frozenset[str]:
    cubes = {part.cube for part in (*product.ranges, *product.partners)}
    return frozenset(cubes | {timing_name(path) for path in cubes})
