"""Where a copy is written on this machine: one folder after the other, as it was walked to."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vampd.disk.durable import fsync_folder, make_folder_here, opened_folder, remove_empty
from vampd.disk.failpoint import failpoint
from vampd.disk.refusal import PathAccess, translate_refusal
from vampd.errors import TransientError


@dataclass(frozen=True)
class PinnedFolder:
    """A folder as it was opened, whatever bears its name by now; rsync inherits it."""

    folder: Path
    descriptor: int

    @property
    def name(self) -> str:
        """What rsync is told."""
        return f"/proc/self/fd/{self.descriptor}"

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What rsync inherits."""
        return (self.descriptor,)

    def original(self, text: str) -> str:
        """Rsync's words, of the folder's own name."""
        return re.sub(rf"{self.name}(?![0-9])", lambda _: str(self.folder), text)


def names_by_folder(names: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each folder of these paths ('' for the night itself), with the names in it."""
    found: dict[str, list[str]] = {}
    for name in names:
        folder, _, last = name.rpartition("/")
        found.setdefault(folder, []).append(last)
    return ((folder, tuple(lasts)) for folder, lasts in found.items())


@contextmanager
def pinned_target(base: Path, below: str) -> Iterator[PinnedFolder]:
    """The folder ``below`` of ``base``, which exists; made durably, unless it is there.

    DataError ``link_found``; OSError, also for something else of that name.
    """
    folder = base
    for part in PurePosixPath(below).parts:
        folder = folder / part
        with suppress(FileExistsError):
            make_folder_here(folder)
            failpoint("archive.target.made")
            fsync_folder(folder.parent)
    with opened_folder(folder) as folder_fd:
        yield PinnedFolder(folder, folder_fd)


@contextmanager
def made_here(base: Path, below: str) -> Iterator[PinnedFolder]:
    """As `pinned_target`, in a night of this side: TransientError for what refuses it."""
    with ExitStack() as stack:
        try:
            target = stack.enter_context(pinned_target(base, below))
        except OSError as error:
            raise translate_refusal(error, base / below, PathAccess.WRITE) from error
        yield target


@contextmanager
def without_folders(target: PinnedFolder, names: Sequence[str], source: str) -> Iterator[None]:
    """A block of rsync that brings no folder under the name of a file; one that comes is removed.

    A host that sends one is refused: TransientError ``archive_garbled``.
    """
    there = _folders_among(target, names)
    try:
        yield
    finally:
        sent = sorted(_folders_among(target, names) - there)
        for name in sent:
            remove_empty(target.folder / name)
    if sent:
        raise TransientError(
            "archive_garbled",
            f"{source} sent a folder under the name of a file, {', '.join(sent)}: look at what runs"
            " there as rsync",
            target=source,
        )


def _folders_among(target: PinnedFolder, names: Sequence[str]) -> frozenset[str]:
    found = set()
    for name in names:
        with suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=target.descriptor, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                found.add(name)
    return frozenset(found)
