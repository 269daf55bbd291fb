"""Packing a framelist: product and sidecar get their names when both are what they must be.

A product that already has its name is never overwritten: it is compared with its receipt, or with
what it is packed from.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from vampd.disk.durable import fsync_folder
from vampd.disk.failpoint import failpoint
from vampd.disk.reading import hash_file
from vampd.disk.shared import Unmetered
from vampd.errors import DataError
from vampd.fits.headers import without_checksums
from vampd.fits.products.packed import digest_packed, image_of, refuse_other_bytes, write_packed
from vampd.fits.products.sidecar import create_sidecar, write_sidecar
from vampd.model.cubes import Framelist, format_sidecar
from vampd.model.nights import FileStamp
from vampd.model.proofs import PackingReceipt, Place, Receipt, Verification, text_digest
from vampd.ports import Meter, Pace

_UNMETERED = Unmetered()


def pack_cube(
    framelist: Framelist,
    night_folder: Path,
    packed: Path,
    sidecar: Path,
    verify: Verification,
    pace: Pace,
    meter: Meter = _UNMETERED,
    proven: Collection[PackingReceipt] = (),
) -> Receipt:
    """Write a framelist's product and its sidecar; a reading of the product.

    The sidecar is written first. Before it is named, the product is read back past the cache for
    its SHA-256 and for what ``verify`` requires. ``proven`` are receipts of these two files, if
    they were proven before. A product that exists, or that another worker names meanwhile, is
    compared with its receipt or, if it has none, packed again beside it and compared with that:
    an order that is carried out twice ends in one product and in equal receipts.

    Raises DataError ``product_damaged`` if what exists is not what is packed, ``product_missing``
    if what is packed is not what was proven (nothing is named then), ``pack_mismatch`` (the file is
    kept hidden, as evidence), those of `stream_frames`; DiskFull; ClaimLost when the pace stops.
    """
    image_of(framelist)  # contradictory framelists get no sidecar
    digests = {night_folder / receipt.path: receipt.sha256 for receipt in proven}
    refuse_other_bytes(sidecar, text_digest(format_sidecar(framelist)), digests.get(sidecar))
    # Sums of other bytes than these.
    content = replace(framelist, cards=without_checksums(framelist.cards))
    written: tuple[int, int, str] | None = None
    if not packed.is_file():
        write_sidecar(framelist, sidecar, pace)
        failpoint("packed.sidecar_written")
        written = _write_first(content, night_folder, packed, verify, pace, meter, digests)
    if written is None:
        sha256 = digests.get(packed)
        if sha256 is None:
            sha256 = digest_packed(content, night_folder, packed, verify, pace, meter)
        written = _refuse_other_product(packed, sha256, pace)
        _complete_sidecar(framelist, sidecar, pace)
    size, mtime_ns, sha256 = written
    stamp = FileStamp(packed.relative_to(night_folder).as_posix(), size, mtime_ns)
    return Receipt(Place.HERE, stamp, sha256, time.time())


def _write_first(
    content: Framelist,
    night_folder: Path,
    packed: Path,
    verify: Verification,
    pace: Pace,
    meter: Meter,
    digests: Mapping[Path, str],
) -> tuple[int, int, str] | None:
    """Write the product; its size, mtime (ns) and SHA-256, None if another was faster.

    That is who has the same order where no lock reaches both: on another host, or thought dead.
    """
    try:
        status, sha256 = write_packed(
            content, night_folder, packed, verify, pace, meter, digests.get(packed)
        )
    except DataError as error:
        if error.code != "already_exists" or not packed.is_file():
            raise
        return None
    return status.st_size, status.st_mtime_ns, sha256


def digest_again(framelist: Framelist, night_folder: Path, packed: Path, pace: Pace) -> str:
    """The SHA-256 that a framelist's product has if it is packed now, beside where it lies.

    DataError as `pack_cube`; nothing is named.
    """
    content = replace(framelist, cards=without_checksums(framelist.cards))
    return digest_packed(content, night_folder, packed, "none", pace, _UNMETERED)


def _refuse_other_product(packed: Path, sha256: str, pace: Pace) -> tuple[int, int, str]:
    """Read a product that exists; its size, mtime (ns) and SHA-256 if it has this one."""
    size, mtime_ns, found = hash_file(packed, pace)
    if found != sha256:
        raise _not_as_proven(packed, f"SHA-256 {found}", f"SHA-256 {sha256}")
    # A worker that was killed may have named it and not made its name durable.
    fsync_folder(packed.parent)
    return size, mtime_ns, found


def _complete_sidecar(framelist: Framelist, sidecar: Path, pace: Pace) -> None:
    try:
        create_sidecar(framelist, sidecar, pace)
    except DataError as error:
        raise _not_as_proven(sidecar, "another text", "the text of its framelist") from error


def _not_as_proven(path: Path, found: str, expected: str) -> DataError:
    return DataError(
        "product_damaged",
        f"{path.name} has {found}, expected {expected}, by its packing receipt or its frames; it is"
        " left as it is: find out what it holds and move it out of the folder, then"
        " `vampctl retry NIGHT --from sync` makes it again",
        path=str(path),
    )
