"""Sidecars on disk: written whole before their product, recognized by their first bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from vampd.disk.durable import creating, fsync_folder, replacing
from vampd.disk.reading import open_foreign
from vampd.errors import DataError
from vampd.model.cubes import HEAD_BYTES, Framelist, format_sidecar, parse_sidecar_identity
from vampd.ports import Pace


def write_sidecar(framelist: Framelist, sidecar: Path, pace: Pace) -> None:
    """Write the product's timing file; an identical one is left as it is.

    A sidecar that differs belongs to no product (its product would exist), and is
    replaced. ClaimLost when the pace stops, and nothing is named then.
    """
    _write(framelist, sidecar, pace, replacing)


def create_sidecar(framelist: Framelist, sidecar: Path, pace: Pace) -> None:
    """As `write_sidecar`, but one that differs stays: DataError ``already_exists``."""
    try:
        _write(framelist, sidecar, pace, creating)
    except DataError:
        # Another worker with the same order may have been faster.
        if not _holds(sidecar, _text_of(framelist)):
            raise


def _write(
    framelist: Framelist,
    sidecar: Path,
    pace: Pace,
    opening: Callable[[Path, Callable[[], None]], AbstractContextManager[BinaryIO]],
) -> None:
    text = _text_of(framelist)
    if _holds(sidecar, text):
        fsync_folder(sidecar.parent)
        return
    with opening(sidecar, pace.check) as file:
        file.write(text)


def _text_of(framelist: Framelist) -> bytes:
    return format_sidecar(framelist).encode("utf-8", "surrogateescape")


def _holds(sidecar: Path, text: bytes) -> bool:
    try:
        with open_foreign(sidecar) as file:
            return file.read(len(text) + 1) == text
    except (FileNotFoundError, DataError):
        return False


def read_sidecar_identity(sidecar: Path) -> str | None:
    """The identity of the product that a sidecar belongs to, None if it names none.

    Reads the first 4 KB only. OSError is passed on.
    """
    with open_foreign(sidecar) as file:
        return parse_sidecar_identity(file.read(HEAD_BYTES).decode("utf-8", "replace"))
