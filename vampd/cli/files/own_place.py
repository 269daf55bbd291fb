"""Where a person has files written: what refuses there is not opened, but another place named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vampd.errors import NotPermitted


@contextmanager
def naming_another_place(out: Path) -> Iterator[None]:
    """A refusal of this file or folder, or of one on the way, as NotPermitted ``not_writable``."""
    try:
        yield
    except PermissionError as error:
        real = Path(os.path.realpath(out))
        refused = error.filename
        if not isinstance(refused, str) or not _is_on_one_way(real, Path(refused).resolve()):
            raise
        from vampd.disk.refusal import PathAccess, describe_closed

        raise NotPermitted(
            "not_writable",
            f"{describe_closed(real, PathAccess.WRITE)}: pass -o with a place of your own",
            path=str(out),
        ) from error


def _is_on_one_way(first: Path, second: Path) -> bool:
    return first.is_relative_to(second) or second.is_relative_to(first)
