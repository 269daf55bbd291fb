"""Raw files that a person's purge removed: what they were, and where the archive keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from vampd.model.nights import FileStamp


@dataclass(frozen=True)
class PurgedFile:
    """A raw file as it was read right before it was removed; on record before it went.

    ``kept_in`` are the files of the archive copy that hold its content, relative to the night's
    folder there; ``destination`` and ``mark`` name that archive, as proofs do.
    """

    file: FileStamp
    # SHA-256 (hex) of the whole file.
    sha256: str
    kept_in: tuple[str, ...]
    destination: str
    mark: str | None
    # Unix seconds.
    at: float
    actor: str
