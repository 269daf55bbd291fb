"""What is copied of a night: regular files under their own names, and no link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vampd.adapters.programs import ProgramCause
from vampd.disk.reading import file_behind, open_unlinked, raw_of_link
from vampd.disk.temporary import temporary_folder
from vampd.errors import DataError, TransientError

_SET_ASIDE = "vbad"
SET_ASIDE_FOLDER = f"{_SET_ASIDE}/"
_RAW_ASIDE = re.compile(r"vbad/vcam[12]/")


@dataclass(frozen=True)
class Part:
    """What is copied at once: names below the night's folder, into it or below it there."""

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
    if rest:
        yield Part(rest)
    if raw:
        yield Part(tuple(raw.values()), f"/{_SET_ASIDE}")


def parts_for_rsync(parts: Iterable[Part]) -> Iterator[Part]:
    """The same: rsync makes one folder, and the set-aside files need two."""
    is_first = True
    for part in parts:
        if is_first and part.below:
            yield Part((_SET_ASIDE,))
        is_first = False
        yield part


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
    with temporary_folder("vampd-sending-") as view, ExitStack() as opened:
        numbers, descriptors = dict[str, int](), list[int]()
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


def require_below(files: Iterable[str]) -> None:
    """ValueError for a path that leads out of the night, or is none."""
    for path in files:
        if not path or "\0" in path or path.startswith("/") or ".." in path.split("/"):
            raise ValueError(f"only paths below the night's folder may be sent, not {path!r}")


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


def unreadable_sources(
    sources: Sequence[str], cause: ProgramCause | None, words: str
) -> TransientError:
    """The error for files of this side that are there and cannot be read now.

    ``words`` are the system's or rsync's.
    """
    # Weather or a permission on this side, and no word about the files.
    why, cure = ("refused", "look at them") if cause is None else (cause.words, cause.cure)
    return TransientError(
        "source_unreadable",
        f"{why} here: {_listed(sources)} cannot be read, and must be sent; {cure} ({words})",
        files=tuple(sources),
    )


def vanished_sources(sources: Sequence[str], words: str) -> TransientError:
    """The error for files that went away while they were sent."""
    return TransientError(
        "source_vanished",
        f"files of the night went away while they were sent: {_listed(sources)} ({words})",
        files=tuple(sources),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _no_file(path: str) -> DataError:
    return DataError(
        "source_is_no_file",
        f"{path} is to be sent, so it must be a regular file, not a link or anything else; find out"
        " who put it there",
        path=path,
    )
