"""Receipts: proof that the bytes of a file were read and hashed, somewhere, at some time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vampd.model.nights import FileStamp


class Place(StrEnum):
    """Where bytes were read."""

    HERE = "here"
    ARCHIVE = "archive"


class Digests(StrEnum):
    """What one reading of a file computes."""

    SHA256 = "sha256"
    SHA256_AND_MD5 = "sha256 and md5"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The SHA-256 (hex) of a file as its bytes were read at ``place``.

    ``file`` is relative to the night's folder at that place; ``at`` is unix seconds. ``md5`` (hex)
    is from the same reading, None if not requested; it proves nothing and is for manifests.

    ``destination`` and ``mark`` name the archive that was read: the destination as the settings
    write it, and its identity. The mark is None in what earlier versions read, both are None for
    Place.HERE. A receipt that ``has_ended`` is a claim of what was once there, and proves nothing.
    """

    place: Place
    file: FileStamp
    sha256: str
    at: float
    md5: str | None = None
    destination: str | None = None
    mark: str | None = None
    has_ended: bool = False

    @property
    def path(self) -> str:
        """The file's path, relative to the night's folder."""
        return self.file.path
