"""Raw cubes as sync uses them: contents of header and timing file, or why they are set aside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from vampd.model.cubes.cards import Cards
from vampd.model.nights import FileStamp, Stream

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    # timing imports numpy, for which `vampctl status` has no time.
    from vampd.model.cubes.timing import Timing


@dataclass(frozen=True)
class _Times:
    """What sync asks of a cube's believable times again and again."""

    ends_us: tuple[int, int]
    span_us: tuple[int, int]
    is_stepped: bool


@dataclass(frozen=True)
class RawCube:
    """A raw cube that can be used.

    ``cards`` are its header's cards, all or only those that matter; ``shape`` is
    (frames, NAXIS2, NAXIS1); ``timing`` has one row per frame. Few rows are not ``good``; between
    the good ones acquisition times rise, but where the host's clock was set back.
    """

    stream: Stream
    fits: FileStamp
    timing_file: FileStamp
    shape: tuple[int, int, int]
    cards: Cards
    timing: Timing

    @property
    def path(self) -> str:
        """The cube's path, relative to the night's folder."""
        return self.fits.path

    @property
    def frames(self) -> int:
        """The number of frames."""
        return self.shape[0]

    @cached_property
    def good(self) -> npt.NDArray[np.bool_]:
        """For each frame, whether its acquisition time can be believed."""
        import numpy as np

        from vampd.model.cubes.stamps import find_good_rows

        good = find_good_rows(self.timing)
        # Of nearly all cubes, all are: one byte then, and not one a frame.
        return np.broadcast_to(np.True_, good.shape) if good.all() else good

    @cached_property
    def _times(self) -> _Times:
        times_us = self.timing.acquired_us[self.good]
        return _Times(
            (int(times_us[0]), int(times_us[-1])),
            (int(times_us.min()), int(times_us.max())),
            bool((times_us[1:] <= times_us[:-1]).any()),
        )

    @property
    def ends_us(self) -> tuple[int, int]:
        """The acquisition times of the first and the last frame of which they can be believed."""
        return self._times.ends_us

    @property
    def span_us(self) -> tuple[int, int]:
        """The earliest and the latest acquisition time that can be believed."""
        return self._times.span_us

    @property
    def is_stepped(self) -> bool:
        """Whether the host's clock was set back within the cube."""
        return self._times.is_stepped

    @cached_property
    def count_span(self) -> tuple[int, int]:
        """The lowest and the highest cnt0."""
        cnt0 = self.timing.cnt0
        return int(cnt0.min()), int(cnt0.max())


class CountedBy(StrEnum):
    """What a number of frames was taken from."""

    HEADER = "header"  # which the length of the file or its timing file confirms: certain
    HEADER_CLAIM = "header_claim"  # of a compressed image, which nothing confirms
    TIMING_FILE = "timing_file"  # it has so many rows
    SIZE = "size"  # the file holds so many, whatever they are


_SOURCES = {
    CountedBy.HEADER_CLAIM: "as its header claims",
    CountedBy.TIMING_FILE: "as the timing file tells",
    CountedBy.SIZE: "as its size tells",
}


@dataclass(frozen=True)
class FrameCount:
    """A number of frames, and by what it is known."""

    frames: int
    counted_by: CountedBy = CountedBy.HEADER

    @property
    def is_certain(self) -> bool:
        """Whether it is no less and no more."""
        return self.counted_by is CountedBy.HEADER

    def __str__(self) -> str:
        unit = "frame" if self.frames == 1 else "frames"
        if self.is_certain:
            return f"{self.frames:,} {unit}"
        return f"at least {self.frames:,} {unit}, {_SOURCES[self.counted_by]}"


# The code of cubes whose frames were in a product that was lost: no sync uses them again.
PRODUCT_LOST = "product_lost"
# The code of cubes of which a file is gone here and not whole at the archive, as a person accepts.
RAW_LOST = "raw_lost"
# ... which they do by releasing a night that is held with this code.
RAW_REMOVED = "raw_removed"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A raw cube that is kept and not processed, and why.

    ``frames`` is at least so many unless ``counted_by`` is the header; ``code`` is stable,
    ``reason`` is for people. ``timing_file`` is None if there is none.
    """

    fits: FileStamp
    timing_file: FileStamp | None
    frames: int
    code: str
    reason: str
    counted_by: CountedBy = CountedBy.HEADER

    @property
    def count(self) -> FrameCount:
        """Its frames, and by what they are known."""
        return FrameCount(self.frames, self.counted_by)

    @property
    def path(self) -> str:
        """The cube's path, relative to the night's folder."""
        return self.fits.path
