"""Reading what became of a night's frames: for `vampctl summary` and `vampctl plot`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from vampd.cli.shared.nights import title_of
from vampd.errors import TransientError, UsageError

if TYPE_CHECKING:
    from vampd.model.accounts import CubeTimes, NightFrames, Summary
    from vampd.model.cubes import Generation, SetAside
    from vampd.model.nights import FileStamp, NightId, NightRecord
    from vampd.wiring.connections import Connections

_CUBES_WORTH_A_BAR = 100


@dataclass(frozen=True, eq=False)
class ObservedNight:
    """A night's frames and their summary; ``gap_us`` is the pause that ends a run."""

    frames: NightFrames
    summary: Summary
    gap_us: int


def observe_night(connections: Connections, record: NightRecord) -> ObservedNight:
    """Read a night's generations and the headers and timing files of its raw cubes.

    UsageError ``not_synchronised`` if there is no generation yet.
    """
    from vampd.model.accounts import SummaryLimits, gather_frames, summarize_night
    from vampd.model.cubes import total_counts

    night, rules = record.night, connections.settings.sync
    generations = connections.reader.generations(night)
    if record.state.is_of_old_tools:
        raise UsageError(
            "not_synchronised",
            f"the products of {title_of(night)} are the old tools', and sync has no part in them:"
            " there is nothing to summarize",
        )
    if not generations:
        raise UsageError(
            "not_synchronised",
            f"sync has not run on {title_of(night)} yet (stage {record.state.stage},"
            f" {record.state.status}), so there is nothing to summarize;"
            f" `vampctl status {night.date}` shows what it waits for",
        )
    cubes, late = _read_cubes(connections, night, generations)
    midnight = datetime.combine(night.day, time(), UTC)
    frames = gather_frames(
        generations, cubes, late, midnight_us=int(midnight.timestamp()) * 1_000_000
    )
    gap_us = round(rules.cut_at_gap_s * 1e6)
    limits = SummaryLimits(rules.max_unpaired, rules.max_dubious, rules.max_set_aside)
    counts = total_counts(generations)
    return ObservedNight(
        frames, summarize_night(frames, generations, counts, limits, gap_us), gap_us
    )


def _read_cubes(
    connections: Connections, night: NightId, generations: Iterable[Generation]
) -> tuple[dict[str, CubeTimes], list[SetAside]]:
    """The usable raw cubes by path, and those of no generation that are not usable."""
    from vampd.model.accounts import observe_cube
    from vampd.model.cubes import RawCube, SetAside, accounted_cubes, wholly_aside
    from vampd.model.nights import find_cubes

    accounts, aside = accounted_cubes(generations), wholly_aside(generations)
    listed = connections.reader.raw_files(night)
    named = find_cubes((file.path for file in listed), accounts)
    files = [file for file in listed if file.path in named and file.path not in aside]
    cubes: dict[str, CubeTimes] = {}
    late: list[SetAside] = []
    for file in _with_progress(files):
        seen: RawCube | SetAside
        try:
            seen = connections.reader.raw_cube(night, file)
        except TransientError as error:
            # A camera is still writing it: a late cube with an unknown number of frames.
            seen = SetAside(file, None, 0, "being_written", error.message)
        if isinstance(seen, RawCube):
            cubes[file.path] = observe_cube(seen, connections.settings.sync.cut_on)
        elif file.path not in accounts:
            late.append(seen)
    return cubes, late


def _with_progress(files: list[FileStamp]) -> Iterator[FileStamp]:
    if len(files) < _CUBES_WORTH_A_BAR or not sys.stderr.isatty():
        yield from files
        return
    from rich.console import Console
    from rich.progress import track

    # On standard error: the command's output may go into a file.
    yield from track(files, "reading timing files", console=Console(stderr=True), transient=True)
