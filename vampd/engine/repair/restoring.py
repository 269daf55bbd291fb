"""Bringing a night's folder back to raw: plan what is removed, then remove only that.

Nothing is followed: a symbolic link is removed as a link. The last name of a raw file is never
removed; it is moved into its stream instead.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vampd.disk.durable import (
    fsync_folder,
    link,
    make_folder,
    remove_durably,
    remove_empty,
    rename,
    unlink,
)
from vampd.disk.failpoint import failpoint
from vampd.disk.rights import Obstacle, find_obstacles
from vampd.errors import DataError
from vampd.model.headers import table_name
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.proofs import SUMS_NAME

_BACKUP = "_hlinkbak"
_OLD_FOLDERS = re.compile(r"vsolo\d*|vsync|vbad|tmp.*|vgen2")
_OWN_FOLDERS = ("vgen2", "vbad")
# A logger's file name: nanoseconds, while products have microseconds.
_RAW_NAME = re.compile(
    r"(vcam[12])_\d\d:\d\d:\d\d\.\d{9}\.(?:fits|txt|fits\.header|fits\.\d+\.\d+\.tmp)"
)


@dataclass(frozen=True)
class Restoration:
    """What restoring a folder does, all paths relative to it.

    ``removed`` are files and links, ``rescued`` raw files that would otherwise lose their last
    name, with their destinations, ``emptied`` folders that are removed with their contents,
    ``renamed`` folders with their new names.
    """

    removed: tuple[str, ...] = ()
    rescued: tuple[tuple[str, str], ...] = ()
    emptied: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.removed or self.rescued or self.emptied or self.renamed)


def plan_own(folder: Path) -> Restoration:
    """A night of vampd: all of vgen2, vbad's links and listing, SHA256SUMS, the header table.

    DataError ``not_ours`` names a file in vbad that is not a link: it may be the only copy.
    """
    removed = []
    for path in _files(folder, _OWN_FOLDERS):
        name = path.rpartition("/")[2]
        if path.startswith("vbad/") and name != "reasons.tsv" and not (folder / path).is_symlink():
            raise DataError(
                "not_ours",
                f"{folder / path} is not a link, so vampd did not make it; find out what it is, and"
                " move it away before the night is restored",
                path=path,
            )
        if path.startswith("vgen2/") and _RAW_NAME.fullmatch(name):
            raise DataError(
                "not_ours",
                f"{folder / path} has the name of a raw file; move it to its stream, or away",
                path=path,
            )
        removed.append(path)
    texts = (SUMS_NAME, table_name(folder.name))
    removed += (name for name in texts if os.path.lexists(folder / name))
    present = tuple(name for name in _OWN_FOLDERS if (folder / name).is_dir())
    return Restoration(tuple(removed), emptied=present)


def plan_old_tools(folder: Path) -> Restoration:
    """A night of the old tools, as their script does it: only the hard-linked copies stay.

    A stream without such a copy stays as it is.
    """
    streams = [s.value for s in CAMERA_STREAMS if (folder / f"{s}{_BACKUP}").is_dir()]
    others = [name for name in sorted(os.listdir(folder)) if _OLD_FOLDERS.fullmatch(name)]
    kept = _inodes(folder, [f"{stream}{_BACKUP}" for stream in streams])
    kept |= _inodes(folder, [s.value for s in CAMERA_STREAMS if s.value not in streams])
    removed: list[str] = []
    rescued: list[tuple[str, str]] = []
    taken: set[str] = set()
    for path in _files(folder, [*streams, *others]):
        target = _rescue_target(folder, path, streams)
        status = (folder / path).lstat()
        if target is None or (status.st_dev, status.st_ino) in kept:
            removed.append(path)
        elif target in taken:
            raise DataError(
                "raw_ambiguous",
                f"{folder / path} is one of two different files that claim to be the raw file"
                f" {target}; move the wrong one away",
                path=path,
            )
        elif os.path.lexists(folder / target):
            removed.append(path)  # the copy kept its name, and is what the logger wrote
        else:
            rescued.append((path, target))
            taken.add(target)
            kept.add((status.st_dev, status.st_ino))
    renamed = tuple((f"{stream}{_BACKUP}", stream) for stream in streams)
    emptied = tuple(name for name in (*streams, *others) if (folder / name).is_dir())
    return Restoration(tuple(removed), tuple(rescued), emptied, renamed)


def _rescue_target(folder: Path, path: str, streams: list[str]) -> str | None:
    """Where the raw file of this name belongs, None if it is not a raw file."""
    name = path.rpartition("/")[2]
    match = _RAW_NAME.fullmatch(name)
    if match is None or not stat.S_ISREG((folder / path).lstat().st_mode):
        return None
    stream = match[1]
    return f"{stream}{_BACKUP}/{name}" if stream in streams else f"{stream}/{name}"


def restore_folder(folder: Path, plan: Restoration) -> None:
    """Do it: rescue first, then remove, then rename; after a kill, planning again resumes it."""
    for source, target in plan.rescued:
        make_folder((folder / target).parent)
        # link and unlink, and not rename, which would overwrite.
        link(folder / source, folder / target)
        fsync_folder((folder / target).parent)
        failpoint("restoring.raw.rescued")
        remove_durably(folder / source)
    # Generations last: a folder without them is no longer recognized as ours, and they say which
    # raw files the rest was made from.
    generations = [path for path in plan.removed if _is_generation(path)]
    for path in plan.removed:
        if path not in generations:
            _remove(folder / path)
    _remove_empty_folders(folder, plan)
    if generations:
        fsync_folder((folder / generations[0]).parent)
        fsync_folder(folder)
    # The newest first: those that are left are always a beginning.
    for path in sorted(generations, reverse=True):
        _remove(folder / path)
    _remove_empty_folders(folder, plan)
    for old, new in plan.renamed:
        if os.path.lexists(folder / new):
            raise DataError(
                "not_empty", f"{folder / new} is not empty, so {old} cannot take its name; check it"
            )
        rename(folder / old, folder / new)
        failpoint("restoring.folder.renamed")
    fsync_folder(folder)


def find_obstacles_to(folder: Path, plan: Restoration) -> tuple[Obstacle, ...]:
    """What would keep this process from doing it, by its access rights; nothing is tried."""
    below = {
        Path(parent)
        for name in plan.emptied
        if not (folder / name).is_symlink()
        for parent, _, _ in os.walk(folder / name)
    }
    # What is rescued loses a name here and gets one there, which the same right allows.
    targets = {(folder / target).parent for _, target in plan.rescued}
    entries = {folder / path for path in plan.removed}
    entries |= {folder / source for source, _ in plan.rescued}
    entries |= {folder / old for old, _ in plan.renamed} | below
    present = below | {target for target in targets if target.is_dir()}
    return tuple(find_obstacles(sorted(entries), sorted(present)))


def _is_generation(path: str) -> bool:
    return path.rpartition("/")[2].startswith("generation_")


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        unlink(path)
    failpoint("restoring.file.removed")


def _remove_empty_folders(folder: Path, plan: Restoration) -> None:
    for name in plan.emptied:
        if (folder / name).is_symlink():
            continue
        for parent, _, _ in os.walk(folder / name, topdown=False):
            if not os.listdir(parent):
                remove_empty(Path(parent))
                failpoint("restoring.folder.removed")


def _files(folder: Path, tops: list[str] | tuple[str, ...]) -> Iterator[str]:
    """Every file and link below these folders, hidden ones included, by path."""
    found = []
    for top in tops:
        if (folder / top).is_symlink():
            found.append(top)
            continue
        for parent, folders, files in os.walk(folder / top, onerror=_refuse_unlisted):
            links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
            found += [
                os.path.relpath(os.path.join(parent, name), folder) for name in (*files, *links)
            ]
    yield from sorted(found)


def _refuse_unlisted(error: OSError) -> None:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return
    raise DataError(
        "not_removable",
        f"{error.filename} cannot be listed: {error.strerror}; nothing was changed",
    ) from error


def _inodes(folder: Path, tops: list[str]) -> set[tuple[int, int]]:
    statuses = ((folder / path).lstat() for path in _files(folder, tops))
    return {(status.st_dev, status.st_ino) for status in statuses}
