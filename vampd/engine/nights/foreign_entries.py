"""What somebody else put in the place of what is a night's own: a pipe, a folder, another night."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from vampd.disk.machine import Mounts
from vampd.disk.named_errors import path_named
from vampd.disk.reading import LINK_FOUND, find_twin
from vampd.disk.refusal import misplaced
from vampd.engine.nights.night_listing import find_nights, folder_of, stream_folders
from vampd.errors import DataError
from vampd.model.nights import Kind, NightId
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
            path = path_named(error)
            if path is None or (found := misplaced(error, path)) is None:
                raise
            yield add_cure(found, night, None)


def refuse_twin(root: Path, night: NightId) -> None:
    """DataError ``link_found`` if this night's folder, or a stream of it, is another night's too.

    Its frames would be taken twice.
    """
    folder, mounts = root / night.folder, Mounts(root)
    own = (folder, *stream_folders(folder))
    # A folder of nights on a disk that this night does not lie on is not asked.
    devices = {mounts.device(mounts.crossed(path)) for path in own}
    kinds = [k for k in Kind if mounts.device(mounts.crossed(folder_of(root, k))) in devices]
    others = (root / each.folder for each in find_nights(root, kinds=kinds) if each != night)
    within = (path for other in others for path in (other, *stream_folders(other)))
    twin = find_twin(root, own, within, mounts)
    if twin is not None:
        cure = "remove the link" if any(map(os.path.islink, twin)) else "unmount one of them"
        raise DataError(
            LINK_FOUND,
            f"{twin[0]} and {twin[1]} are one folder, so its frames would be taken twice: {cure}",
            path=str(twin[0]),
        )
