"""What rsync reads of a night: regular files under their own names, and no link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.reading import file_behind, open_unlinked, raw_of_link
from vampd.errors import DataError, TransientError

_SET_ASIDE = "vbad"
SET_ASIDE_FOLDER = f"{_SET_ASIDE}/"


@dataclass(frozen=True)
class Part:
    """What one rsync copies: names below the night's folder, into it or below it there."""

    names: tuple[str, ...]
    below: str = ""


def parts_to_send(folder: Path, files: Sequence[str]) -> Iterator[Part]:
    """The files as they are, then set-aside files from their camera stream, where they lie."""
    raw = {path: name for path in files if (name := raw_of_link(folder, path)) is not None}
    rest = tuple(path for path in files if path not in raw)
    if rest or raw:
        # rsync creates one folder, and the set-aside files need two.
        yield Part(rest or (_SET_ASIDE,))
    if raw:
        yield Part(tuple(raw.values()), f"/{_SET_ASIDE}")


def check_sources(folder: Path, files: Sequence[str]) -> None:
    """DataError ``source_is_no_file`` for a link or what is no file; TransientError."""
    # rsync would silently skip what is not a file.
    for path in files:
        source = file_behind(folder, path)
        try:
            source_fd = open_unlinked(source, os.O_PATH)
        except FileNotFoundError as error:
            raise TransientError(
                "source_vanished", f"{path} is no longer in the night's folder", path=path
            ) from error
        except OSError as error:
            raise TransientError(
                "source_unreadable", f"{path} cannot be read: {error.strerror}", path=path
            ) from error
        except DataError as error:
            raise _no_file(path) from error
        try:
            mode = os.fstat(source_fd).st_mode
        finally:
            os.close(source_fd)
        if not stat.S_ISREG(mode):
            raise _no_file(path)


def _no_file(path: str) -> DataError:
    return DataError(
        "source_is_no_file",
        f"{path} is to be sent, so it must be a regular file, not a link or anything else; find out"
        " who put it there",
        path=path,
    )
