"""Reading archive copies for `vampctl verify`, file by file past what is unreadable."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vampd.cli.shared.nights import title_of
from vampd.cli.shared.output import is_terminal
from vampd.errors import ArchiveUnreadable, DataError
from vampd.model.proofs import Place, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from vampd.engine.archive.known_archive import KnownArchive
    from vampd.model.nights import NightId

_FILES_AT_ONCE = 16
_UNREADABLE = "0" * 64


@dataclass
class FilesRead:
    """The receipts of what was read, by path, none for what is missing; and what refused, and why.

    What may not be read, or cannot be now, is neither good nor damaged.
    """

    receipts: dict[str, Receipt] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def read_files(archive: KnownArchive, night: NightId, paths: Sequence[str]) -> FilesRead:
    """Read these files; with a bar on a terminal."""
    from vampd.disk.pace import SteadyPace

    found = FilesRead()
    with _bar(title_of(night), len(paths)) as advance:
        for start in range(0, len(paths), _FILES_AT_ONCE):
            batch = paths[start : start + _FILES_AT_ONCE]
            try:
                receipts = list(archive.digests(night, batch, SteadyPace()))
            except (DataError, ArchiveUnreadable):
                receipts = [r for path in batch for r in _read_one(archive, night, path, found)]
            found.receipts.update((receipt.path, receipt) for receipt in receipts)
            advance(len(batch))
    return found


def _read_one(
    archive: KnownArchive, night: NightId, path: str, found: FilesRead
) -> Sequence[Receipt]:
    """One file's receipt; of one that is no whole file, one with a digest that no file has."""
    from vampd.disk.pace import SteadyPace

    try:
        return archive.digests(night, [path], SteadyPace())
    except ArchiveUnreadable as error:
        found.refused[path] = f"{error.code}: {error.message}"
        return ()
    except DataError:
        moved = archive.moved_night(night)
        listed = archive.files(night) if moved is None else moved.files
        identity = archive.identity if moved is None else moved.identity
        if path not in listed:
            return ()
        unreadable = Receipt(Place.ARCHIVE, listed[path], _UNREADABLE, time.time())
        return (replace(unreadable, destination=identity.destination, mark=identity.mark),)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    if not is_terminal():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(highlight=False), transient=True) as bars:
        task = bars.add_task(title, total=total)
        yield lambda files: bars.advance(task, files)
