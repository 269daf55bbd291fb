"""What somebody else put in the place of a night's own files: a pipe, a folder, a link."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vampd.disk.refusal import misplaced
from vampd.errors import DataError
from vampd.model.nights import NightId
from vampd.stages.records.foreign_cure import add_cure


def describe_with_foreign(night: NightId, *looks: Callable[[], Iterable[str]]) -> Iterator[str]:
    """What each look at a finished night describes; one that such an entry ends describes it last.

    OSError of all other kinds.
    """
    for look in looks:
        try:
            yield from look()
        except DataError as error:
            yield add_cure(error, night, None)
        except OSError as error:
            found = misplaced(error, Path(error.filename or ""))
            if found is None:
                raise
            yield add_cure(found, night, None)
