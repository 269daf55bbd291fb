"""The folder of an export: it appears whole, in the place of the last one, and of nothing else.

A list of its files, with their SHA-256, lies in it. So what others put there, or changed, is known.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from vampd.disk.durable import (
    create_file,
    exchange,
    fsync_folder,
    make_folder_here,
    remove_tree,
    rename,
    sync_file,
)
from vampd.disk.reading import read_whole
from vampd.errors import UsageError

LIST_NAME = ".vampd-export"
_Files = Iterable[tuple[str, bytes]]


def write_export(folder: Path, tell: Callable[[Callable[[_Files], int]], int]) -> int:
    """Put files into a folder, all of them or none; how many there are.

    ``tell`` calls what it is given with the files, once or, if it has to begin again, more often.
    UsageError ``export_foreign``, ``cannot_write``.
    """
    folder = Path(os.path.realpath(folder))
    try:
        _refuse_foreign(folder)
        _remove_left(folder)
        new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
        try:
            count = tell(lambda files: _write(new, files))
            # Again, since that may have taken long.
            _refuse_foreign(folder)
            if folder.exists():
                exchange(new, folder)
            else:
                rename(new, folder)
            fsync_folder(folder.parent)
        finally:
            remove_tree(new)
    except OSError as error:
        raise UsageError(
            "cannot_write",
            f"cannot export to {folder}: {error.strerror or error}; name a folder beside which you"
            " may write",
        ) from error
    return count


def _remove_left(folder: Path) -> None:
    """Remove what exports that were killed have left beside it."""
    for name in os.listdir(folder.parent):
        if name.startswith(f".{folder.name}.") and name.endswith(".new"):
            process = name.removeprefix(f".{folder.name}.").removesuffix(".new")
            if process.isdecimal() and not Path("/proc", process).exists():
                remove_tree(folder.parent / name)


def _write(new: Path, files: _Files) -> int:
    remove_tree(new)
    make_folder_here(new)
    made, lines = {new}, []
    for name, content in files:
        path = new / name
        for parent in reversed(path.parents[: len(Path(name).parts) - 1]):
            if parent not in made:
                make_folder_here(parent)
                made.add(parent)
        _write_file(path, content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
    _write_file(new / LIST_NAME, "".join(sorted(lines)).encode())
    for each in made:
        fsync_folder(each)
    return len(lines)


def _write_file(path: Path, content: bytes) -> None:
    with create_file(path) as file:
        file.write(content)
        sync_file(file)


def _refuse_foreign(folder: Path) -> None:
    """UsageError ``export_foreign`` unless all that lies there is what an export has put there."""
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise _foreign(folder, "it is no folder")
    listed = _listed(folder)
    for path in _entries(folder):
        name = path.relative_to(folder).as_posix()
        if name == LIST_NAME:
            continue
        if name not in listed:
            raise _foreign(folder, f"no export has put {name!r} there")
        if path.is_symlink() or hashlib.sha256(read_whole(path)).hexdigest() != listed[name]:
            raise _foreign(folder, f"{name!r} was changed since")


def _listed(folder: Path) -> dict[str, str]:
    listed = {}
    with suppress(FileNotFoundError):
        for line in read_whole(folder / LIST_NAME).decode("utf-8", "replace").splitlines():
            digest, _, name = line.partition("  ")
            listed[name] = digest
    return listed


def _entries(folder: Path) -> Iterator[Path]:
    """All files and links below a folder; a folder that is empty is one that no export made."""
    for root, folders, names in os.walk(folder, onerror=_raise):
        here = Path(root)
        links = [name for name in folders if (here / name).is_symlink()]
        yield from (here / name for name in (*names, *links))
        if here != folder and not names and not folders:
            yield here


def _raise(error: OSError) -> None:
    raise error


def _foreign(folder: Path, why: str) -> UsageError:
    return UsageError(
        "export_foreign",
        f"{folder} is left as it is: {why}; an export takes the place of nothing but an export",
    )
