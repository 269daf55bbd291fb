"""The frame IDs that the archive nights' folders show, from listings and small files.

Names in ``vgen2`` (products, their timing files, framelists) and ``name_changes.txt``. A name that
is an ID vouches for the header too: a framelist gets FRAMEID and name in one step, a packed product
takes both from it, and the frameids stage compares the two in its own night. Cubes of other names
are listed, for readers of headers (`vampd.ledger.carried_ids`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vampd.disk.durable import names_in
from vampd.disk.reading import read_whole
from vampd.disk.refusal import misplaced
from vampd.errors import DataError
from vampd.model.frame_ids import NAME_CHANGES, NAMES, FrameId, ObservedIds, parse_name_changes
from vampd.model.nights import Kind, NightId, Stream, parse_night_date

# Numbers are unique whatever the frame type's letter.
_NAMED_BY_ID = re.compile(r"VMP[A-Z]([0-9]{8})\.(?:fits|fits\.fz|txt|framelist)")
_CUBE = re.compile(r"(?!\.).+\.(?:fits|fits\.fz)")
_LAST_ID = re.compile(r"VMP[A-Z]([0-9]{8})(?![0-9])")
_GENERATION = re.compile(r"generation_[0-9]+\.json")


def read_observed_ids(archive_folder: Path) -> tuple[ObservedIds, ...]:
    """What every archive night shows, oldest first; OSError for a folder that cannot be read."""
    dates = sorted(name for name in _names(archive_folder) if parse_night_date(name))
    return tuple(look_for_ids(archive_folder / date, NightId(date, Kind.ARCHIVE)) for date in dates)


def look_for_ids(folder: Path, night: NightId) -> ObservedIds:
    """What one archive night's folder shows."""
    names = list(_names(folder / Stream.VGEN2))
    in_names = frozenset(
        FrameId(int(match[1])) for match in map(_NAMED_BY_ID.fullmatch, names) if match
    )
    ours = any(_GENERATION.fullmatch(name) for name in names)
    in_changes: list[FrameId] = []
    damaged = ""
    if NAME_CHANGES in names:
        path = folder / Stream.VGEN2 / NAME_CHANGES
        try:
            text = read_whole(path).decode("utf-8", "replace")
            in_changes = _ids_in_changes(text, ours=ours)
        except DataError as error:
            damaged = error.message
        except OSError as error:
            # What lies there is that night's matter; weather and permissions pass.
            if (other := misplaced(error, path)) is None:
                raise
            damaged = other.message
    return ObservedIds(
        night=night,
        ours=ours,
        seen={NAMES: in_names, NAME_CHANGES: frozenset(in_changes)},
        nameless=tuple(
            sorted(n for n in names if _CUBE.fullmatch(n) and not _NAMED_BY_ID.fullmatch(n))
        ),
        repeated=frozenset(each for each, times in Counter(in_changes).items() if times > 1),
        damaged=damaged,
    )


def _ids_in_changes(text: str, *, ours: bool) -> list[FrameId]:
    if ours:
        return [change.frame_id for change in parse_name_changes(text)]
    # What the old tools wrote is accepted as it is, as long as its lines end with IDs.
    found = (_LAST_ID.findall(line) for line in text.split("\n"))
    return [FrameId(int(numbers[-1])) for numbers in found if numbers]


def _names(folder: Path) -> Iterator[str]:
    try:
        yield from names_in(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
