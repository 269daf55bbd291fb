"""Functions compiled by numba: once, then taken from its cache on the disk.

Integer arithmetic only, and neither ``parallel`` nor ``fastmath``: compiled code gives the same
bytes on every machine. The cache is in NUMBA_CACHE_DIR, else beside the module, else in the user's
own cache folder. numba is slow to import: import modules that need this one lazily.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit

from vampd.disk.durable import make_folder
from vampd.disk.rights import is_trusted, make_private_folder

_Function = TypeVar("_Function", bound=Callable[..., Any])
_END_OF_PICKLE = b"."
_CACHED = "*.nb[ic]"
# What numba makes of NUMBA_CACHE_DIR; each compilation looks at it.
_CACHE_SETTING = "CACHE_DIR"


def compiled(function: _Function) -> _Function:
    """The function, compiled for the types of its arguments when it is first called with them."""
    cache = getattr(config, _CACHE_SETTING)
    if cache and not _is_own(Path(cache)):
        setattr(config, _CACHE_SETTING, "")
    try:
        dispatcher = njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # No cache folder is writable: then every process compiles for itself.
        return cast(_Function, njit(nogil=True)(function))
    folder = Path(str(dispatcher.stats.cache_path))
    if not is_trusted(folder, _CACHED):
        return cast(_Function, njit(nogil=True)(function))
    remove_damaged(folder, function.__name__)
    _do_without_room(dispatcher)
    return cast(_Function, dispatcher)


def _do_without_room(dispatcher: Any) -> None:
    """Let the function go on uncached where its cache cannot be written: the disk is full."""
    save = dispatcher._cache.save_overload

    def save_overload(*overload: Any) -> None:
        with suppress(OSError):
            save(*overload)

    dispatcher._cache.save_overload = save_overload


def inlined(function: _Function) -> _Function:
    """The function, for use in those that are compiled: each call becomes its body."""
    return cast(_Function, njit(inline="always")(function))


def _is_own(folder: Path) -> bool:
    """Whether no one else could write to this cache, or will: numba runs what it holds."""
    with suppress(OSError):
        make_folder(folder)
        if is_trusted(folder, _CACHED):
            make_private_folder(folder)
            return folder.lstat().st_uid == os.geteuid()
    return False


def remove_damaged(folder: Path, name: str) -> None:
    """Remove what a power cut left of a function's cache: numba would fail on it forever.

    It renames its files into place without fsync, so that they may turn out empty or full of zeros.
    """
    for path in folder.glob(f"*.{name}-*.nb[ic]"):
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 1))
                whole = file.read() == _END_OF_PICKLE
            if not whole:
                os.unlink(path)
        except FileNotFoundError:
            continue  # another process was faster
