"""The summary of a night: its frames by minute and kind, its runs, and what is unexpected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from vampd.model.accounts.frame_fates import SYNC_KINDS, CountedFrames, FrameKind, NightFrames
from vampd.model.accounts.night_runs import number_runs
from vampd.model.accounts.notable import find_notable
from vampd.model.accounts.run_summary import RunSummary, SummaryLimits, run_findings, summarize_runs
from vampd.model.accounts.wave_plate import WavePlate, summarize_plate
from vampd.model.cubes import (
    CountedBy,
    FrameCount,
    Generation,
    SyncCounts,
    accounted_cubes,
    wholly_aside,
)
from vampd.model.nights import format_clock
from vampd.model.sync import describe_verdict, find_unexpected

_MINUTE_US = 60_000_000
_NEVER_US = 1 << 62  # after all others
_SIBLINGS_DIFFER = "the cameras' synchronized frames do not agree"
COLUMNS = tuple((camera, kind) for camera in (1, 2) for kind in FrameKind)


@dataclass(frozen=True)
class Minute:
    """The frames of one minute of UT; ``start_us`` is None for those of unknown time.

    ``counts`` has one number for each (camera, kind) of COLUMNS.
    """

    start_us: int | None
    targets: tuple[str, ...]
    exposures_us: tuple[int, ...]
    counts: tuple[int, ...]

    def frames(self, *kinds: FrameKind, camera: int | None = None) -> int:
        """The frames of these kinds, of one camera or of both."""
        return sum(
            count
            for count, (own, kind) in zip(self.counts, COLUMNS, strict=True)
            if kind in kinds and camera in (None, own)
        )


@dataclass(frozen=True)
class Summary:
    """A night's summary; ``unexpected`` is what would hold it before frame IDs, None if nothing.

    ``notable`` is what leaves the documented, without holding it. ``is_certain`` unless some number
    of frames is only a lower bound. ``is_empty`` if sync has taken no cube, so nothing was judged.

    ``findings`` say what to review, one sentence each.
    """

    minutes: tuple[Minute, ...]
    runs: tuple[RunSummary, ...]
    unexpected: str | None
    findings: tuple[str, ...]
    is_certain: bool = True
    notable: tuple[str, ...] = ()
    plate: WavePlate = field(default_factory=WavePlate)
    is_empty: bool = False

    @property
    def verdict(self) -> str:
        """The verdict in words: as expected only where nothing leaves what is documented."""
        judged = describe_verdict(self.unexpected, is_empty=self.is_empty)
        if self.unexpected is not None or self.is_empty:
            return judged
        if self.notable:
            return f"to be checked, {judged}: {'; '.join(self.notable)}"
        return f"as expected, {judged}"

    def frames(self, *kinds: FrameKind, camera: int | None = None) -> int:
        """The frames of these kinds in the whole night."""
        return sum(minute.frames(*kinds, camera=camera) for minute in self.minutes)


def summarize_night(
    frames: NightFrames,
    generations: Sequence[Generation],
    counts: SyncCounts,
    limits: SummaryLimits,
    gap_us: int,
) -> Summary:
    """Summarize a night; ``counts`` are those of all generations together."""
    minutes = tuple(_count_minutes(frames))
    runs = tuple(summarize_runs(frames, number_runs(frames, gap_us)))
    cubes = len(accounted_cubes(generations))
    unexpected = find_unexpected(
        counts,
        cubes=cubes,
        aside=len(wholly_aside(generations)),
        max_unpaired=limits.max_unpaired,
        max_dubious=limits.max_dubious,
        max_set_aside=limits.max_set_aside,
    )
    findings = [
        *(remark for generation in generations for remark in generation.remarks),
        *run_findings(runs, limits),
        *_counted_findings(frames.counted),
        *_late_findings(minutes),
        *_sibling_findings(minutes),
    ]
    is_certain = all(item.counted_by is CountedBy.HEADER for item in frames.counted)
    return Summary(
        minutes,
        runs,
        unexpected,
        tuple(findings),
        is_certain,
        (*find_notable(counts, runs), *_notable_siblings(minutes)),
        summarize_plate(frames),
        is_empty=not cubes,
    )


def _count_minutes(frames: NightFrames) -> Iterator[Minute]:
    numbers, inverse = np.unique(frames.time_us // _MINUTE_US, return_inverse=True)
    columns = np.array([COLUMNS.index((o.camera, o.kind)) for o in frames.origins], np.int64)
    flat = inverse * len(COLUMNS)
    if len(frames):
        flat = flat + columns[frames.origin]
    table = np.bincount(flat, minlength=len(numbers) * len(COLUMNS))
    counts = {
        int(number): row
        for number, row in zip(numbers, table.reshape(len(numbers), len(COLUMNS)), strict=True)
    }
    unknown = np.zeros(len(COLUMNS), np.int64)
    for counted in frames.counted:
        row = unknown
        if counted.time_us is not None:
            row = counts.setdefault(counted.time_us // _MINUTE_US, np.zeros_like(unknown))
        row[COLUMNS.index((counted.camera, counted.kind))] += counted.frames
    settings: dict[int, set[int]] = defaultdict(set)
    used = np.unique(np.stack([inverse, frames.configuration]), axis=1)
    for position, configuration in used.T.tolist():
        settings[int(numbers[position])].add(configuration)
    for number, row in sorted(counts.items()):
        configurations = [frames.configurations[c] for c in settings[number]]
        # A cube with an unknown number of frames is in the findings, not in a line of zeros.
        if row.any():
            yield Minute(
                start_us=number * _MINUTE_US,
                targets=tuple(sorted({c.target for c in configurations})),
                exposures_us=tuple(sorted({c.exposure_us for c in configurations})),
                counts=tuple(row.tolist()),
            )
    if unknown.any():
        yield Minute(None, (), (), tuple(unknown.tolist()))


def _counted_findings(counted: Sequence[CountedFrames]) -> Iterator[str]:
    """One sentence for each reason for which frames are not where they are expected, by time."""
    groups: dict[tuple[FrameKind, str], list[CountedFrames]] = defaultdict(list)
    for item in counted:
        kind = item.kind if item.kind not in SYNC_KINDS else FrameKind.SOLO
        groups[kind, item.code].append(item)
    first_us = {
        key: min((item.time_us for item in items if item.time_us is not None), default=_NEVER_US)
        for key, items in groups.items()
    }
    for key in sorted(groups, key=lambda key: (key[0], first_us[key], key[1])):
        (kind, code), items = key, groups[key]
        frames = _count_of(items)
        times = [item.time_us for item in items if item.time_us is not None]
        when = f" from {format_clock(min(times), 0)} UT on" if times else ""
        match kind:
            case FrameKind.SET_ASIDE:
                yield f"set aside{when}: {code} ({_cubes(len(items))}, {frames})"
            case FrameKind.LATE:
                yield f"late and not usable: {code} ({_cubes(len(items))}, {frames})"
            case _:
                yield (
                    f"raw cubes gone or changed{when}: {frames} of products are counted"
                    " where their product begins"
                )


def _count_of(items: Sequence[CountedFrames]) -> str:
    """Their frames in words: at least so many, if any number is no more than that, and by what."""
    frames = sum(item.frames for item in items)
    sources = {item.counted_by for item in items} - {CountedBy.HEADER}
    if len(sources) > 1:
        return f"at least {frames} frames"
    return str(FrameCount(frames, *sources))


def _late_findings(minutes: Sequence[Minute]) -> Iterator[str]:
    frames = sum(minute.frames(FrameKind.LATE) for minute in minutes)
    if frames:
        yield f"late: {frames} frames are still to be synchronized"


def _sibling_findings(minutes: Sequence[Minute]) -> Iterator[str]:
    """Both cameras' products of a cut carry the same states, frame by frame."""
    for minute in minutes:
        first, second = (
            [minute.frames(kind, camera=camera) for kind in SYNC_KINDS] for camera in (1, 2)
        )
        if first != second:
            when = "" if minute.start_us is None else f" at {format_clock(minute.start_us, 0)} UT"
            yield f"{_SIBLINGS_DIFFER}{when}: {first} and {second}"


def _notable_siblings(minutes: Sequence[Minute]) -> Iterator[str]:
    """By the night, since frames of raw that is gone are counted in the minute of their product."""
    first, second = (
        [sum(minute.frames(kind, camera=camera) for minute in minutes) for kind in SYNC_KINDS]
        for camera in (1, 2)
    )
    if first != second:
        yield _SIBLINGS_DIFFER


def _cubes(number: int) -> str:
    return f"{number} cube" if number == 1 else f"{number} cubes"
