"""The writer of packed products: frames stream from raw cubes into Rice-coded tiles.

The laws: raw is read once and the product is written once; a product gets its name only when it is
whole, on the disk and proven lossless; its bytes are a function of the framelist and the raw bytes
alone. Layout: an empty primary HDU, then one table whose heap holds one tile per frame.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vampd.disk.durable import creating, fsync_folder, rename, scratch, sync_file
from vampd.disk.failpoint import failpoint
from vampd.disk.machine import WriteBack
from vampd.disk.reading import hash_file
from vampd.disk.shared import Unmetered
from vampd.errors import DataError, DigestMismatch
from vampd.fits.headers import (
    OnesComplementSum,
    add_sums,
    check_data_sum,
    descriptor_bytes,
    padded,
    plain_cards,
    primary_header,
    sum_bytes,
    table_header,
)
from vampd.fits.products.packed_file import Proof, frame_digest, prove_packed
from vampd.fits.raw import frames_a_batch, locate_frame, stream_frames
from vampd.fits.rice import TileEncoder, largest_tile_bytes, sum_words
from vampd.model.cubes import Framelist
from vampd.model.proofs import Verification, frames_to_decode
from vampd.ports import Meter, Pace

# P descriptors are signed 32-bit numbers.
_LARGEST_P_HEAP = 2**31 - 1
_UNMETERED = Unmetered()


@dataclass(frozen=True)
class _Heap:
    """What is known of the heap when it is written."""

    lengths: list[int]
    proof: Proof
    plain_sum: int

    @property
    def bytes(self) -> int:
        return sum(self.lengths)


def write_packed(
    framelist: Framelist,
    night_folder: Path,
    packed: Path,
    verify: Verification,
    pace: Pace,
    meter: Meter = _UNMETERED,
    proven_sha256: str | None = None,
) -> tuple[os.stat_result, str]:
    """Write a framelist's packed file and nothing else; its status and SHA-256.

    Never overwrites (DataError ``already_exists``); ClaimLost when the pace stops. Checksums that
    the cards hold stay, so that `funpack` gives back the very file that has them; DataError
    ``data_sum_disagrees`` if they are of other pixels.
    """
    # Who was frozen meanwhile may no longer be wanted.
    with creating(packed, pace.check) as file:
        sha256 = _write_and_prove(file, framelist, night_folder, packed, verify, pace, meter)
        refuse_other_bytes(packed, sha256, proven_sha256)
        return os.fstat(file.fileno()), sha256


def digest_packed(
    framelist: Framelist,
    night_folder: Path,
    packed: Path,
    verify: Verification,
    pace: Pace,
    meter: Meter,
) -> str:
    """The SHA-256 of what `write_packed` would write: packed and proven beside it, then removed."""
    with scratch(packed) as file:
        return _write_and_prove(file, framelist, night_folder, packed, verify, pace, meter)


def _write_and_prove(
    file: BinaryIO,
    framelist: Framelist,
    night_folder: Path,
    packed: Path,
    verify: Verification,
    pace: Pace,
    meter: Meter,
) -> str:
    """Write the whole file and read it back from the disk; its SHA-256."""
    head, proof = _write(file, framelist, night_folder, image_of(framelist), verify, pace, meter)
    failpoint("packed.streamed")
    sync_file(file)
    failpoint("packed.file_synced")
    temporary = Path(file.name)
    if verify == "none":
        return hash_file(temporary, pace)[2]
    sha256 = _proven(temporary, head, proof, framelist, packed, pace)
    failpoint("packed.proven")
    return sha256


def refuse_other_bytes(path: Path, sha256: str, proven_sha256: str | None) -> None:
    """DataError ``product_missing`` if a file was proven before, and now comes out as another."""
    if proven_sha256 not in (None, sha256):
        raise DataError(
            "product_missing",
            f"{path.name} cannot be made again: its packing receipt says SHA-256 {proven_sha256},"
            f" made again from raw it has {sha256}, so it was not named; `vampctl recover NIGHT`"
            " gets it back from the archive copy",
            path=str(path),
        )


def image_of(framelist: Framelist) -> tuple[int, int]:
    """(NAXIS2, NAXIS1) of its frames; DataError if its cards describe another cube."""
    cards = framelist.cards
    axes, rows, columns = (cards.integer(keyword) for keyword in ("NAXIS", "NAXIS2", "NAXIS1"))
    frames = cards.integer("NAXIS3") if axes == 3 else 1
    if axes not in (2, 3) or frames != framelist.frames or not frames or not rows or not columns:
        raise DataError(
            "framelist_contradicts_itself",
            f"{framelist.name}: expected the cards of a cube of {framelist.frames} frames,"
            f" found {columns} x {rows} x {frames} in {axes} axes",
        )
    return rows, columns


def _write(
    file: BinaryIO,
    framelist: Framelist,
    night_folder: Path,
    image: tuple[int, int],
    verify: Verification,
    pace: Pace,
    meter: Meter,
) -> tuple[bytes, Proof]:
    """Write the whole file, its beginning last; return the beginning, and the proof of the rest."""
    # Decided from the worst case: it cannot be changed later.
    worst = framelist.frames * largest_tile_bytes(image[0] * image[1])
    descriptor = "P" if worst <= _LARGEST_P_HEAP else "Q"
    primary = primary_header()
    table_bytes = framelist.frames * descriptor_bytes(descriptor)
    # The header's length does not depend on the numbers in it.
    blank = table_header(
        plain_cards(framelist.cards, 0),
        descriptor=descriptor,
        largest_tile=0,
        heap_bytes=0,
        data_sum=0,
    )
    file.seek(len(primary) + len(blank) + table_bytes)
    heap = _write_heap(file, framelist, night_folder, image, verify, pace, meter)
    check_data_sum(framelist.cards, heap.plain_sum)
    file.write(bytes(padded(table_bytes + heap.bytes) - table_bytes - heap.bytes))
    failpoint("packed.heap_written")
    table = _table(heap.lengths, descriptor)
    header = table_header(
        plain_cards(framelist.cards, heap.plain_sum),
        descriptor=descriptor,
        largest_tile=max(heap.lengths),
        heap_bytes=heap.bytes,
        data_sum=add_sums(sum_bytes(table), heap.proof.heap_sum),
    )
    head = primary + header + table
    file.seek(0)
    file.write(head)
    return head, heap.proof


def _write_heap(
    file: BinaryIO,
    framelist: Framelist,
    night_folder: Path,
    image: tuple[int, int],
    verify: Verification,
    pace: Pace,
    meter: Meter,
) -> _Heap:
    decoded = frames_to_decode(framelist.frames, verify)
    lengths: list[int] = []
    digests: list[bytes] = []
    plain_sum, heap_sum = OnesComplementSum(sum_words), OnesComplementSum(sum_words)
    encoder = TileEncoder(frames_a_batch(image), image[0] * image[1])
    write_back = WriteBack(file.fileno(), file.tell())
    for batch in stream_frames(night_folder, framelist.sources, framelist.ranges, image):
        pace.check()
        plain_sum.update(batch.pixels)
        encoder.clear()
        for pixels in batch.pixels:
            # The bytes compress as the signed integers that they are on the disk, as fpack does it.
            is_decoded = len(lengths) in decoded
            if is_decoded:
                digests.append(frame_digest(pixels))
            lengths.append(encoder.add(pixels))
            if verify == "sample" and not is_decoded:
                digests.append(frame_digest(encoder.coded[-lengths[-1] :]))
        heap_sum.update(encoder.coded)
        file.write(encoder.coded.data)
        write_back.follow(file.tell())
        meter.add(len(batch.positions), batch.pixels.nbytes)
    return _Heap(lengths, Proof(heap_sum.value, digests, decoded), plain_sum.value)


def _table(lengths: list[int], descriptor: str) -> bytes:
    rows = np.empty((len(lengths), 2), np.int64)
    rows[:, 0] = lengths
    rows[:, 1] = np.cumsum([0, *lengths[:-1]])
    return rows.astype(">i4" if descriptor == "P" else ">i8").tobytes()


def _proven(
    temporary: Path,
    head: bytes,
    proof: Proof,
    framelist: Framelist,
    packed: Path,
    pace: Pace,
) -> str:
    try:
        return prove_packed(temporary, head, proof, pace)
    except DigestMismatch as error:
        evidence = packed.with_name(f".{packed.name}.mismatch")
        rename(temporary, evidence)
        fsync_folder(evidence.parent)
        frame = error.context["frame"]
        where = ""
        if isinstance(frame, int):
            where = " ({}, frame {})".format(*locate_frame(framelist.ranges, frame))
        raise DigestMismatch(
            error.code,
            f"{packed.name} is not lossless: {error.message}{where}; the file is kept as"
            f" {evidence.name}; check memory and disk of this machine, then retry",
            **error.context,
        ) from error
