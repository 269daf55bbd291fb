"""Packed products as a listing shows them."""

from __future__ import annotations

from dataclasses import dataclass

from vampd.model.nights import FileStamp


@dataclass(frozen=True)
class PackedProduct:
    """A packed product on this disk; ``identity`` is what its sidecar says, None without one."""

    file: FileStamp
    sidecar: FileStamp | None
    identity: str | None
