"""What rsync reads of a night: regular files under their own names, and no link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from vampd.disk.reading import file_behind, open_unlinked, raw_of_link
from vampd.errors import DataError, TransientError

_SET_ASIDE = "vbad"
SET_ASIDE_FOLDER = f"{_SET_ASIDE}/"
_RAW_ASIDE = re.compile(r"vbad/vcam[12]/")


@dataclass(frozen=True)
class Part:
    """What one rsync copies: names below the night's folder, into it or below it there."""

    names: tuple[str, ...]
    below: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """What the names are below the night's folder there."""
        below = f"{self.below}/".removeprefix("/")
        return tuple(f"{below}{name}" for name in self.names)


def parts_to_send(folder: Path, files: Sequence[str]) -> Iterator[Part]:
    """The files as they are, then set-aside files from their camera stream, where they lie."""
    raw = {path: name for path in files if (name := raw_of_link(folder, path)) is not None}
    rest = tuple(path for path in files if path not in raw)
    if rest or raw:
        # rsync creates one folder, and the set-aside files need two.
        yield Part(rest or (_SET_ASIDE,))
    if raw:
        yield Part(tuple(raw.values()), f"/{_SET_ASIDE}")


def parts_to_fetch(files: Sequence[str]) -> Iterator[Part]:
    """The same from where vampd works: what lies in a stream under vbad there is a link to it."""
    raw = tuple(path for path in files if _RAW_ASIDE.match(path))
    rest = tuple(path for path in files if not _RAW_ASIDE.match(path))
    if rest:
        yield Part(rest)
    if raw:
        yield Part(tuple(path.removeprefix(SET_ASIDE_FOLDER) for path in raw), f"/{_SET_ASIDE}")


@dataclass(frozen=True)
class PinnedSources:
    """What rsync reads in place of a night's folder: the folders as they were opened.

    ``names`` are what it is told, ``descriptors`` what it inherits.
    """

    view: Path
    folder: Path
    names: tuple[str, ...]
    descriptors: tuple[int, ...]

    @property
    def folders(self) -> frozenset[Path]:
        """The folders of the files, each to be read by itself."""
        return frozenset(self.view / name.rpartition("/")[0] for name in self.names)

    def original(self, text: str) -> str:
        """Rsync's words, of the night's own folder."""
        return re.sub(rf"{re.escape(str(self.view))}/[0-9]+/", f"{self.folder}/", text)


@contextmanager
def pinned_sources(folder: Path, names: Sequence[str]) -> Iterator[PinnedSources]:
    """The folders of these files of a night, opened one after the other without a link.

    rsync takes names, and would follow a link that takes a folder's place meanwhile. So it is given
    a folder of our own, with links to the descriptors, which it inherits. What it names before
    ``/./`` is not sent. DataError ``source_is_no_file``; TransientError ``source_vanished``.
    """
    with TemporaryDirectory(prefix="vampd-send-") as made, ExitStack() as opened:
        view, numbers, descriptors = Path(made), dict[str, int](), list[int]()
        for name in names:
            parent = name.rpartition("/")[0]
            if parent in numbers:
                continue
            try:
                folder_fd = open_unlinked(folder / parent, os.O_PATH | os.O_DIRECTORY)
            except (FileNotFoundError, NotADirectoryError) as error:
                raise TransientError(
                    "source_vanished", f"{name} is no longer in the night's folder", path=name
                ) from error
            except DataError as error:
                raise _no_file(name) from error
            opened.callback(os.close, folder_fd)
            descriptors.append(folder_fd)
            numbers[parent] = len(numbers)
            link = view / str(numbers[parent]) / parent
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(f"/proc/self/fd/{folder_fd}")
        pinned = tuple(f"{numbers[name.rpartition('/')[0]]}/./{name}" for name in names)
        yield PinnedSources(view, folder, pinned, tuple(descriptors))


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
