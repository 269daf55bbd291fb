"""Raw records: the headers and timing files of raw cubes, which products do not hold as they were.

One tar file a camera, compressed by gzip, for the cubes whose frames are in products; cubes that
late data bring later get another one. Members are ``<cube>.header``, the primary header with its
padding, and the timing file, both byte for byte. Nothing in it depends on when, where or by whom it
was written.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from vampd.disk.durable import replacing
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import MOST_TEXT_BYTES, hash_file, open_foreign, read_to_end
from vampd.engine.purge.raw_files import refuse_changed
from vampd.errors import DataError
from vampd.fits.headers import open_raw_file, read_cards_at
from vampd.model.cubes import CubeAccount
from vampd.model.nights import FileStamp, Stream
from vampd.model.proofs import PackingReceipt

HEADER_SUFFIX = ".header"
_LEVEL = 6
_NS = 1_000_000_000
_REMEMBERED = 8
_CHUNK_BYTES = 1 << 20


def records_path(stream: Stream, taken: Collection[str]) -> str:
    """The next free name of a camera's raw records, relative to the night's folder."""
    number = 1
    while True:
        suffix = "" if number == 1 else f"_{number}"
        path = f"vgen2/raw_records_{stream}{suffix}.tar.gz"
        if path not in taken:
            return path
        number += 1


def write_raw_records(folder: Path, path: str, cubes: Iterable[CubeAccount]) -> PackingReceipt:
    """Write the records of these cubes; what they are from then on.

    Replaces a file that a kill left without a receipt. DataError ``raw_changed``; MalformedCube.
    """
    with replacing(folder / path) as file:
        # Without a name and a time in its header.
        packed = gzip.GzipFile("", "wb", _LEVEL, file, mtime=0)
        with packed, tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for cube in sorted(cubes, key=lambda cube: cube.fits.path):
                _add(tar, cube.fits, read_header(folder, cube.fits.path), HEADER_SUFFIX)
                if cube.timing_file is not None:
                    _add(tar, cube.timing_file, _read_raw(folder, cube.timing_file.path))
                for stamp in (cube.fits, cube.timing_file):
                    if stamp is not None:
                        refuse_changed(folder, stamp)
    size, _, sha256 = hash_file(folder / path, SteadyPace())
    return PackingReceipt(path, size, sha256, None)


def read_header(folder: Path, path: str) -> bytes:
    """The bytes of a cube's primary header, with END and padding. MalformedCube."""
    with open(open_raw_file(folder, path), "rb") as file:
        _, length = read_cards_at(file.fileno(), 0, folder / path)
        return file.read(length)


def _read_raw(folder: Path, path: str) -> bytes:
    with open(open_raw_file(folder, path), "rb") as file:
        return read_to_end(file, folder / path)


class _Member(tarfile.TarInfo):
    """A member, or a header of one, that is no longer than a timing file can be."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        member = super().frombuf(buf, encoding, errors)
        if member.size > MOST_TEXT_BYTES:
            raise tarfile.ReadError(
                f"{member.name!r} claims {member.size:,} bytes, which no member of raw records has"
            )
        return member


@lru_cache(maxsize=_REMEMBERED)
def read_records(folder: Path, file: FileStamp) -> dict[str, str]:
    """SHA-256 (hex) of each member of raw records, by name; DataError ``raw_records_damaged``."""
    try:
        with (
            open_foreign(folder / file.path) as packed,
            gzip.open(packed) as unpacked,
            tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_Member) as tar,
        ):
            return dict(_digests(tar))
    except (gzip.BadGzipFile, zlib.error, EOFError, tarfile.TarError) as error:
        raise DataError("raw_records_damaged", f"{file.path}: {error}", path=file.path) from error


def _digests(tar: tarfile.TarFile) -> Iterator[tuple[str, str]]:
    for member in tar:
        content = tar.extractfile(member)
        if content is not None:
            digest = hashlib.sha256()
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
            yield member.name, digest.hexdigest()
        # It keeps each member that was read, though nothing asks for it again.
        tar.members = []  # type: ignore[attr-defined]


def _add(tar: tarfile.TarFile, file: FileStamp, content: bytes, suffix: str = "") -> None:
    member = tarfile.TarInfo(file.path + suffix)
    member.size = len(content)
    member.mtime = file.mtime_ns // _NS
    tar.addfile(member, io.BytesIO(content))
