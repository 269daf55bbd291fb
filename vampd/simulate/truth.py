"""The truth of a simulated night: which trigger made each raw frame, and which cubes are bad.

Two frames of the two cameras are partners if and only if their trigger numbers are equal. The truth
is never inside the night's folder: ``write_truth`` puts it where the caller asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from vampd.model.cubes import Int64
from vampd.model.nights import Stream
from vampd.model.sync import CODE_NONE, STATE_OF_CODE, FlcState, Labels
from vampd.simulate.scenario import Defect, Trigger

NO_TRIGGER = -1
_COLUMNS = ("stream", "cube", "frame", "trigger", "flc_state", "set_aside")


class Family(StrEnum):
    """What is wrong with a bad cube: the kind of code under which it must be set aside."""

    TIMING = "timing"
    CUBE = "cube"
    EXPTIME = "exptime"

    def holds(self, code: str) -> bool:
        """Whether a cube of this family may be set aside under this code."""
        if self is Family.CUBE:
            return code in ("fits_truncated", "not_fits", "header_malformed")
        return code.startswith(f"{self}_")


FAMILY_OF_DEFECT = {
    Defect.TIMING_MISSING: Family.TIMING,
    Defect.TIMING_EMPTY: Family.TIMING,
    Defect.TIMING_CUT: Family.TIMING,
    Defect.TIMING_SHORT: Family.TIMING,
    Defect.TIMING_LONG: Family.TIMING,
    Defect.TIMING_SIX_COLUMNS: Family.TIMING,
    Defect.CUBE_CUT: Family.CUBE,
    Defect.CUBE_JUNK: Family.CUBE,
    Defect.EXPTIME_MISSING: Family.EXPTIME,
    Defect.EXPTIME_NAN: Family.EXPTIME,
}


@dataclass(frozen=True)
class CubeTruth:
    """One raw cube: its path relative to the night's folder, its first frame's run, what is wrong.

    ``frames`` is what its header says, 0 for junk, which has none.
    """

    stream: Stream
    path: str
    run: int
    frames: int
    trigger: Trigger
    defect: Defect | None

    @property
    def family(self) -> Family | None:
        """The kind of reason for which it must be set aside, None for a good cube."""
        return None if self.defect is None else FAMILY_OF_DEFECT[self.defect]


@dataclass(frozen=True)
class FrameTruth:
    """One raw frame; ``trigger`` is None if none started it, ``flc_state`` if none switched."""

    cube: CubeTruth
    frame: int
    trigger: int | None
    flc_state: FlcState | None


@dataclass(frozen=True)
class Truth:
    """The night's frames, cube by cube in the order of ``cubes``.

    ``cube`` (position in ``cubes``), ``frame`` (position in the cube), ``run`` (position in the
    scenario) and ``trigger`` (unique in the night, NO_TRIGGER for free-running frames) are int64,
    ``flc`` holds CODE_NONE, CODE_A or CODE_B; all of shape (frames,).
    """

    cubes: tuple[CubeTruth, ...]
    cube: Int64
    frame: Int64
    run: Int64
    trigger: Int64
    flc: Labels

    def __len__(self) -> int:
        return len(self.cube)

    @property
    def bad_cubes(self) -> tuple[CubeTruth, ...]:
        """The cubes that must be set aside."""
        return tuple(cube for cube in self.cubes if cube.defect is not None)

    def frames(self) -> Iterator[FrameTruth]:
        """All frames, one by one."""
        for position, frame, trigger, code in zip(
            self.cube.tolist(),
            self.frame.tolist(),
            self.trigger.tolist(),
            self.flc.tolist(),
            strict=True,
        ):
            yield FrameTruth(
                self.cubes[position],
                frame,
                None if trigger == NO_TRIGGER else trigger,
                STATE_OF_CODE[code],
            )

    def pairs(self) -> tuple[Int64, Int64]:
        """Positions (in this table) of the frames of camera 1 and of their partners of camera 2.

        Only frames of good cubes, in time order.
        """
        first, second = (self._usable(stream) for stream in (Stream.VCAM1, Stream.VCAM2))
        _, at_first, at_second = np.intersect1d(
            self.trigger[first], self.trigger[second], assume_unique=True, return_indices=True
        )
        return first[at_first], second[at_second]

    def _usable(self, stream: Stream) -> Int64:
        wanted = np.array([c.stream is stream and c.defect is None for c in self.cubes], dtype=bool)
        return np.flatnonzero(wanted[self.cube] & (self.trigger != NO_TRIGGER)).astype(np.int64)


def format_truth(truth: Truth) -> str:
    """The truth as TSV with a header line; ``-`` where there is no trigger, state or defect.

    A cube without readable frames still has one row, with ``-`` as its frame.
    """
    lines = ["\t".join(_COLUMNS)]
    lines += [
        f"{cube.stream}\t{cube.path}\t-\t-\t-\t{cube.family or '-'}"
        for cube in truth.cubes
        if cube.frames == 0
    ]
    lines += [
        f"{row.cube.stream}\t{row.cube.path}\t{row.frame}\t"
        f"{'-' if row.trigger is None else row.trigger}\t{row.flc_state or '-'}\t"
        f"{row.cube.family or '-'}"
        for row in truth.frames()
    ]
    return "\n".join(lines) + "\n"


def write_truth(truth: Truth, path: Path) -> None:
    """Write the truth as TSV to a path of the caller's choice."""
    path.write_text(format_truth(truth))


def no_states(frames: int) -> Labels:
    """The states of frames between which nothing switched."""
    return np.full(frames, CODE_NONE, dtype=np.uint8)
