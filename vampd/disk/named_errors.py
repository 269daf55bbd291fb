"""The path in an OSError: calls on descriptors name a number, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def path_named(error: OSError) -> Path | None:
    """The path that an error names; None for a descriptor."""
    return Path(error.filename) if isinstance(error.filename, str) else None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A block whose OSError names this path."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
