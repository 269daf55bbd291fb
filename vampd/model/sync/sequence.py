"""A camera's frames in order of taking, across its cubes, as parallel arrays."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import FrameRange, Number, RawCube, SetAside, Undefined, compress_frames
from vampd.model.nights import Stream
from vampd.model.sync.taking import (
    group_by_clock,
    in_order_of_taking,
    match_clocks,
    overlap,
    spoil_false_ends,
)

Int64 = npt.NDArray[np.int64]

_LONGEST_DELAY_US = 20_000
_MOST_ROWS = 10_000  # more than any detector has: nonsense


@dataclass(frozen=True)
class Setting:
    """Cards that frames go by instead of their own cube's: keyword and value field of each.

    ``uncertain`` are the keywords whose value may be another one for some of the frames.
    """

    fields: tuple[tuple[str, str], ...] = ()
    uncertain: tuple[str, ...] = ()


@dataclass(frozen=True)
class CameraSequence:
    """The frames of one camera whose times can be believed, in order of taking.

    Acquisition times rise strictly but where the host's clock was set back (see `split_clocks`).
    ``cube`` (index into ``cubes``), ``frame`` (position in its cube), ``acquired_us``, ``cnt0``
    (the framegrabber's counter), ``exposure_us``, ``header`` (equal numbers: headers that may
    share a product) and ``setting`` (index into ``settings``) are int64 of shape (frames,).
    """

    stream: Stream
    cubes: tuple[RawCube, ...]
    cube: Int64
    frame: Int64
    acquired_us: Int64
    cnt0: Int64
    exposure_us: Int64
    header: Int64
    setting: Int64
    settings: tuple[Setting, ...] = (Setting(),)

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, positions: Int64) -> CameraSequence:
        """The frames at these positions, and the cubes that hold them."""
        # No others: a night has thousands of cubes and of runs, and asking each run's cubes must
        # not ask all of the night's.
        used, cube = _number_anew(self.cube[positions])
        return CameraSequence(
            self.stream,
            tuple(self.cubes[number] for number in used.tolist()),
            cube,
            self.frame[positions],
            self.acquired_us[positions],
            self.cnt0[positions],
            self.exposure_us[positions],
            self.header[positions],
            self.setting[positions],
            self.settings,
        )

    def part(self, positions: slice) -> CameraSequence:
        """The frames at these positions in a row, and all cubes."""
        return replace(
            self,
            cube=self.cube[positions],
            frame=self.frame[positions],
            acquired_us=self.acquired_us[positions],
            cnt0=self.cnt0[positions],
            exposure_us=self.exposure_us[positions],
            header=self.header[positions],
            setting=self.setting[positions],
        )

    def triggered(self) -> CameraSequence:
        """Those of its frames that the trigger took."""
        triggered = np.array([is_triggered(cube) for cube in self.cubes], dtype=np.bool_)
        if triggered.all():
            return self
        return self.take(np.flatnonzero(triggered[self.cube]).astype(np.int64))

    def ranges(self) -> tuple[FrameRange, ...]:
        """The frames as references to raw cubes, in this order."""
        edges = np.flatnonzero(np.diff(self.cube)) + 1
        parts: list[FrameRange] = []
        for positions in np.split(np.arange(len(self)), edges):
            path = self.cubes[int(self.cube[positions[0]])].path
            parts.extend(compress_frames(path, self.frame[positions].tolist()))
        return tuple(parts)


def _number_anew(numbers: Int64) -> tuple[Int64, Int64]:
    """The different numbers, rising, and which of them each one is: most are in order already."""
    steps = np.diff(numbers)
    if (steps < 0).any():
        used, own = np.unique(numbers, return_inverse=True)
        return used, own.astype(np.int64, copy=False)
    begins = np.concatenate([[True], steps > 0])[: len(numbers)]
    return numbers[begins], np.cumsum(begins, dtype=np.int64) - 1


def exposure_us(cube: RawCube) -> int:
    """EXPTIME in whole microseconds."""
    return round((cube.cards.number("EXPTIME") or 0.0) * 1e6)


def is_triggered(cube: RawCube) -> bool:
    """Whether the external trigger ran; a frame without it has no partner to find."""
    return cube.cards.boolean("EXTTRIG") is True


def window_rows(cube: RawCube) -> int:
    """The detector rows that are read out; the image's if the header does not say."""
    rows = cube.cards.integer("PRD-RNG2")
    return rows if rows is not None and 0 < rows <= _MOST_ROWS else cube.shape[1]


def is_switching(cube: RawCube) -> bool:
    """Whether the card says that the FLC switches."""
    return cube.cards.boolean("U_FLCEN") is True


def is_flc_in_beam(cube: RawCube) -> bool:
    """Whether frames of this cube may have a state of the FLC.

    That is so if it is in the beam, the camera is one of VAMPIRES' and the cube was not split
    before.
    """
    cards = cube.cards
    detector = cards.string("DETECTOR") or ""
    return (
        (cards.string("U_FLCST") or "").strip().upper() == "IN"
        and detector.upper().startswith("VCAM")
        and (cards.string("U_FLC") or "NA").strip().upper() == "NA"
    )


def is_deinterleaved(cube: RawCube) -> bool:
    """Whether the frames of this cube alternate between two FLC states, by the cards."""
    return is_triggered(cube) and is_switching(cube) and is_flc_in_beam(cube)


def header_key(cube: RawCube, cut_on: Sequence[str]) -> Hashable:
    """What cubes must have in common to share a product: window, FLC use and the listed cards."""
    values: list[Hashable] = [cube.shape[1], cube.shape[2], is_deinterleaved(cube)]
    for keyword in cut_on:
        value = cube.cards.value(keyword)
        match value:
            case Number():
                values.append((keyword, float(value)))
            case Undefined():
                values.append((keyword, None))
            case _:
                values.append((keyword, str(value)))
    return tuple(values)


def chain_cubes(stream: Stream, cubes: Sequence[RawCube], cut_on: Sequence[str]) -> CameraSequence:
    """The frames of these cubes (without those of overlapping ones) as one sequence.

    ``cut_on`` are the cards on which frames of one product must agree.
    """
    ordered = tuple(in_order_of_taking(cubes))
    keys: dict[Hashable, int] = {}
    headers = [keys.setdefault(header_key(cube, cut_on), len(keys)) for cube in ordered]
    rows = [np.flatnonzero(cube.good).astype(np.int64) for cube in ordered]
    counts = [len(good) for good in rows]
    empty = np.empty(0, dtype=np.int64)
    return CameraSequence(
        stream=stream,
        cubes=ordered,
        cube=np.repeat(np.arange(len(ordered), dtype=np.int64), counts),
        frame=np.concatenate(rows or [empty]),
        acquired_us=np.concatenate(
            [c.timing.acquired_us[good] for c, good in zip(ordered, rows, strict=True)] or [empty]
        ),
        cnt0=np.concatenate(
            [c.timing.cnt0[good] for c, good in zip(ordered, rows, strict=True)] or [empty]
        ),
        exposure_us=np.repeat(np.array([exposure_us(c) for c in ordered], np.int64), counts),
        header=np.repeat(np.array(headers, np.int64), counts),
        setting=np.zeros(sum(counts), dtype=np.int64),
    )


def split_clocks(
    one: CameraSequence, two: CameraSequence
) -> list[tuple[CameraSequence, CameraSequence]]:
    """Both cameras' frames between two steps back of the host's clock, in order of taking."""
    first, second = match_clocks((one.acquired_us, one.cnt0), (two.acquired_us, two.cnt0))
    settings = np.unique(np.concatenate([first, second]))
    if len(settings) < 2:
        return [(one, two)]
    # Both rise, in order of taking.
    sides = [
        [side.take(part) for part in np.split(np.arange(len(side)), _edges(own, settings))]
        for side, own in ((one, first), (two, second))
    ]
    return list(zip(*sides, strict=True))


def _edges(own: Int64, settings: Int64) -> Int64:
    return np.searchsorted(own, settings[1:]).astype(np.int64)


def set_aside_overlaps(cubes: Sequence[RawCube]) -> tuple[list[RawCube], list[SetAside]]:
    """Set aside cubes of one stream until no two hold one time, losing as few frames as possible.

    One camera takes one frame at a time: two cubes that overlap and count the same cannot both be
    right (a cube twice under two names). Where the counter went on, the clock was set back.
    A cube with one wrong time may overlap all others;
    it must cost only itself: a cube whose times leap is the first to go, and the longer one between
    cubes of as many frames. Between equals the earlier one by (first frame, path) is kept.
    """
    cubes, aside = spoil_false_ends(cubes)
    kept: list[RawCube] = []
    for group in group_by_clock(in_order_of_taking(cubes)):
        apart = _without_overlaps([cube for cube in group if not cube.is_stepped])
        for cube in (each for each in group if each.is_stepped):
            # Its times are no span; what it counts tells whether another one holds its frames.
            if not any(overlap(cube.count_span, other.count_span) for other in apart):
                apart.append(cube)
        paths = {cube.path for cube in apart}
        aside += [_overlapping(cube, apart) for cube in group if cube.path not in paths]
        kept += apart
    return kept, aside


def _without_overlaps(cubes: Sequence[RawCube]) -> list[RawCube]:
    ordered = sorted(cubes, key=lambda cube: (cube.span_us[1], *_start_key(cube)))
    ends = [cube.span_us[1] for cube in ordered]
    # best[i]: the most that the first i cubes can keep (weighted interval scheduling).
    best = [(0, 0, 0)]
    before: list[int] = []
    for position, cube in enumerate(ordered):
        before.append(bisect_left(ends, cube.span_us[0], hi=position))
        with_it = _sum(best[before[position]], _worth(cube))
        best.append(max(best[position], with_it))
    kept: list[RawCube] = []
    position = len(ordered)
    while position:
        if best[position] == best[position - 1]:
            position -= 1
        else:
            kept.append(ordered[position - 1])
            position = before[position - 1]
    return sorted(kept, key=_start_key)


def _worth(cube: RawCube) -> tuple[int, int, int]:
    """What is lost with a cube, in order of weight: credible frames, frames, and its length."""
    times_us = cube.timing.acquired_us[cube.good]
    # Both clocks show the same intervals, up to the logger's delays.
    lag_us = cube.timing.logged_ns[cube.good] // 1_000 - times_us
    leaps = np.abs(lag_us - np.median(lag_us)).max() > _LONGEST_DELAY_US
    return 0 if leaps else cube.frames, cube.frames, int(times_us[0] - times_us[-1])


def _sum(one: tuple[int, int, int], other: tuple[int, int, int]) -> tuple[int, int, int]:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]


def _start_key(cube: RawCube) -> tuple[int, str]:
    return cube.span_us[0], cube.path


def _overlapping(cube: RawCube, kept: Sequence[RawCube]) -> SetAside:
    other = next(
        c.path
        for c in kept
        if overlap(c.span_us, cube.span_us) or overlap(c.count_span, cube.count_span)
    )
    reason = f"its frames were acquired at the same time as those of {other}"
    return SetAside(cube.fits, cube.timing_file, cube.frames, "overlaps_cube", reason)
