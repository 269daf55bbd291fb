"""What became of each raw frame of a night, when it was taken, and how the instrument was set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import Cards, CountedBy, Number, RawCube
from vampd.model.headers import is_number, says
from vampd.model.sync import exposure_us, is_deinterleaved, is_triggered, window_rows
from vampd.model.trigger import arrival_scatter_us, rows_tolerance_us

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class FrameKind(StrEnum):
    """What became of a frame: its FLC state if it is synchronized, else why it is not."""

    SYNC_A = "sync_a"
    SYNC_B = "sync_b"
    SYNC_D = "sync_d"
    SYNC_PLAIN = "sync_plain"
    SOLO = "solo"
    SET_ASIDE = "set_aside"
    LATE = "late"


SYNC_KINDS = (FrameKind.SYNC_A, FrameKind.SYNC_B, FrameKind.SYNC_D, FrameKind.SYNC_PLAIN)


@dataclass(frozen=True)
class Configuration:
    """How the instrument was set for a cube; ``others`` are (keyword, value) of further cards.

    ``jitter_us`` is U_TRIGJT, None if it is missing; ``scatter_us`` is the documented width of the
    arrivals' jitter, ``tolerance_us`` the documented distance of a pair's frames.
    """

    target: str
    exposure_us: int
    triggered: bool
    deinterleaved: bool
    jitter_us: float | None
    scatter_us: float
    tolerance_us: int
    others: tuple[tuple[str, str], ...]

    def corrected(self, rows: Iterable[tuple[str, str, str, str]]) -> Configuration:
        """As sync took it to be by these corrections: keyword, old and new value, reason.

        Each means the cubes that say its old value.
        """
        said = {"OBJECT": self.target, **dict(self.others)}
        new = {
            keyword: value
            for keyword, old, value, _ in rows
            if keyword in said and _says(keyword, said[keyword], old)
        }
        others = tuple(
            (key, _number_or_text(new[key]) if key in new else text) for key, text in self.others
        )
        return replace(self, target=new.get("OBJECT", self.target), others=others)


@dataclass(frozen=True, eq=False)
class CubeTimes:
    """What a summary keeps of a raw cube; ``acquired_us`` and ``cnt0`` have one value per frame."""

    path: str
    acquired_us: Int64
    cnt0: Int64
    configuration: Configuration


@dataclass(frozen=True)
class Origin:
    """What the frames of one product, or of one late cube, have in common.

    The margins are the product's least ones, 0 for none.
    """

    camera: int
    kind: FrameKind
    flc_state: str
    offset_us: int = 0
    tolerance_us: int = 0
    angle: str = ""  # RET-ANG1 of the product
    clock: int = 0  # how often the host's clock had been set back
    label_margin: int = 0
    pair_margin: int = 0


@dataclass(frozen=True)
class CountedFrames:
    """Frames whose own times are not known, at the time assigned to them (None: unknown)."""

    path: str
    camera: int
    kind: FrameKind
    frames: int
    time_us: int | None
    code: str
    counted_by: CountedBy = CountedBy.HEADER


@dataclass(frozen=True, eq=False)
class NightFrames:
    """The frames with known times, as arrays of shape (frames,), and the others as counts.

    ``origin`` and ``configuration`` are positions in ``origins`` and ``configurations``.
    ``time_us`` is a pair's common time, and for all other frames ``acquired_us``, their own.
    ``difference_us`` is camera 2's time minus camera 1's, 0 for a frame without a partner.
    """

    origin: npt.NDArray[np.int32]
    configuration: npt.NDArray[np.int32]
    time_us: Int64
    acquired_us: Int64
    difference_us: Int64
    cnt0: Int64
    origins: tuple[Origin, ...]
    configurations: tuple[Configuration, ...]
    counted: tuple[CountedFrames, ...]

    def __len__(self) -> int:
        return len(self.origin)

    @cached_property
    def camera(self) -> npt.NDArray[np.int8]:
        """For each frame, 1 or 2."""
        return np.array([o.camera for o in self.origins], np.int8)[self.origin]

    @cached_property
    def clock(self) -> Int64:
        """For each frame, how often the host's clock had been set back when it was taken."""
        return np.array([o.clock for o in self.origins], np.int64)[self.origin]

    @cached_property
    def synchronized(self) -> Booleans:
        """For each frame, whether it has a partner."""
        return self.where_origin(lambda origin: origin.kind in SYNC_KINDS)

    def where_origin(self, holds: Callable[[Origin], bool]) -> Booleans:
        """For each frame, whether this holds for its origin."""
        return np.array([holds(o) for o in self.origins], bool)[self.origin]

    def where_configuration(self, holds: Callable[[Configuration], bool]) -> Booleans:
        """For each frame, whether this holds for its configuration."""
        return np.array([holds(c) for c in self.configurations], bool)[self.configuration]


def observe_cube(cube: RawCube, cut_on: Sequence[str]) -> CubeTimes:
    """What a summary needs of a raw cube; ``cut_on`` are the cards whose change ends a run."""
    cards = cube.cards
    configuration = Configuration(
        target=cards.string("OBJECT") or "",
        exposure_us=exposure_us(cube),
        triggered=is_triggered(cube),
        deinterleaved=is_deinterleaved(cube),
        jitter_us=cards.number("U_TRIGJT"),
        scatter_us=arrival_scatter_us(cards.string("U_DETMOD")),
        tolerance_us=round(rows_tolerance_us(window_rows(cube), cards.string("U_DETMOD"))),
        others=tuple((k, _text_of(cards, k)) for k in cut_on if k not in ("OBJECT", "EXPTIME")),
    )
    # A row whose acquisition time is none is shown where it was logged.
    times_us = np.where(cube.good, cube.timing.acquired_us, cube.timing.logged_ns // 1_000)
    return CubeTimes(cube.path, times_us, cube.timing.cnt0, configuration)


def _says(keyword: str, text: str, old: str) -> bool:
    return says(keyword, Number(text) if is_number(text) else text or None, old)


def _number_or_text(text: str) -> str:
    return f"{float(text):g}" if is_number(text) else text.strip()


def _text_of(cards: Cards, keyword: str) -> str:
    match cards.value(keyword):
        case Number() as number:
            return f"{float(number):g}"
        case bool(truth):
            return "T" if truth else "F"
        case str(text):
            return text.strip()
        case _:
            return ""
