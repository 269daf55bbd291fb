"""Framelists as they lie in a night's ``vgen2``."""

from __future__ import annotations

from pathlib import Path

from vampd.disk.reading import open_foreign, read_whole
from vampd.errors import DataError
from vampd.model.cubes import Framelist, parse_framelist

_HEAD_BYTES = 4096


def read_framelist(folder: Path, path: str) -> Framelist:
    """A framelist of the night in ``folder``; DataError ``framelist_damaged`` names it."""
    text = read_whole(folder / path).decode("utf-8", "surrogateescape")
    try:
        return parse_framelist(text)
    except DataError as error:
        raise _damaged_framelist(path, error.message) from error


def _damaged_framelist(path: str, why: str) -> DataError:
    cure = "move it out of the folder, then `vampctl retry NIGHT` makes it again"
    return DataError("framelist_damaged", f"{path}: {why}; {cure}", path=path)


def read_identity(path: Path) -> str:
    """The identity that a framelist names; DataError ``framelist_damaged``."""
    with open_foreign(path) as file:
        head = file.read(_HEAD_BYTES).decode("utf-8", "surrogateescape")
    for line in head.split("\n"):
        if line.startswith("identity "):
            return line.removeprefix("identity ")
    raise _damaged_framelist(str(path), "it has no identity")
