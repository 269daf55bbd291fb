"""Sidecars on disk: written whole before their product, recognised by their first bytes."""

from __future__ import annotations

from pathlib import Path

from vampd.disk.atomic import fsync_folder, replacing
from vampd.model.framelist import Framelist
from vampd.model.sidecar import HEAD_BYTES, format_sidecar, parse_sidecar_identity


def write_sidecar(framelist: Framelist, sidecar: Path) -> None:
    """Write the product's timing file; one that already says the same is left as it is.

    A sidecar that says something else belongs to no product (its product would exist), and is
    replaced.
    """
    text = format_sidecar(framelist).encode("utf-8", "surrogateescape")
    if sidecar.is_file() and sidecar.read_bytes() == text:
        fsync_folder(sidecar.parent)
        return
    with replacing(sidecar) as file:
        file.write(text)


def read_sidecar_identity(sidecar: Path) -> str | None:
    """The identity of the product that a sidecar belongs to, None if it tells none.

    Reads the first 4 KB only. OSError as it comes.
    """
    with sidecar.open("rb") as file:
        return parse_sidecar_identity(file.read(HEAD_BYTES).decode("utf-8", "replace"))
