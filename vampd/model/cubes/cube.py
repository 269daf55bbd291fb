"""Raw cubes as sync uses them: contents of header and timing file, or why they are set aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vampd.model.cubes.cards import Cards
from vampd.model.nights import FileStamp, Stream

if TYPE_CHECKING:
    # timing imports numpy, for which `vampctl status` has no time.
    from vampd.model.cubes.timing import Timing


@dataclass(frozen=True)
class RawCube:
    """A raw cube that can be used.

    ``cards`` are its header's cards, all or only those that matter; ``shape`` is
    (frames, NAXIS2, NAXIS1); ``timing`` has one row per frame, acquisition times strictly rising.
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


@dataclass(frozen=True)
class SetAside:
    """A raw cube that is kept and not processed, and why.

    ``frames`` is what its header says, 0 if that cannot be read; ``code`` is stable, ``reason`` is
    for people. ``timing_file`` is None if there is none.
    """

    fits: FileStamp
    timing_file: FileStamp | None
    frames: int
    code: str
    reason: str

    @property
    def path(self) -> str:
        """The cube's path, relative to the night's folder."""
        return self.fits.path
