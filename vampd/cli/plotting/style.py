"""Colors and sizes of a night's plot: the one table of colors, each with one meaning.

Most colors are those of Okabe and Ito, which the color-blind can distinguish; a lane, a shape, a
hatch or a word always says the same as the color.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from vampd.model.accounts import FrameKind

TEXT_SIZE, TITLE_SIZE, HEAD_SIZE = 9.5, 11, 15  # points


class Meaning(StrEnum):
    """What a color says, in the words of the plot."""

    A = "A"
    B = "B"
    D = "D"
    PLAIN = "no FLC"
    SOLO = "solo"
    SET_ASIDE = "set aside"
    LATE = "late"
    LOST_BY_CAMERA = "lost by the camera"
    LOST_BY_LOGGER = "lost by the logger"
    UNEXPECTED = "unexpected"
    TO_CHECK = "to be checked"


# On light ground, on dark ground.
COLORS: dict[Meaning, tuple[str, str]] = {
    Meaning.A: ("#0072B2", "#2E8BE6"),
    Meaning.B: ("#E69F00", "#E69F00"),
    Meaning.D: ("#7A7A7A", "#868686"),
    Meaning.PLAIN: ("#009E73", "#12C48F"),
    Meaning.SOLO: ("#56B4E9", "#8FD3FF"),
    Meaning.SET_ASIDE: ("#6B3E0A", "#8F6634"),
    Meaning.LATE: ("#5B2C8F", "#7E57E8"),
    Meaning.LOST_BY_CAMERA: ("#882255", "#C2185B"),
    Meaning.LOST_BY_LOGGER: ("#CC79A7", "#F2B3D6"),
    Meaning.UNEXPECTED: ("#D55E00", "#FF5226"),
    Meaning.TO_CHECK: ("#F0E442", "#F0E442"),
}


class Ground(StrEnum):
    """What the plot is drawn on."""

    LIGHT = "light"
    DARK = "dark"


class Theme(NamedTuple):
    """Colors without a meaning, by what the plot is drawn on, and those of the meanings."""

    ground: str
    ink: str
    faint: str
    place: int

    def color(self, meaning: Meaning) -> str:
        """The color of a meaning."""
        return COLORS[meaning][self.place]


THEMES = {
    Ground.LIGHT: Theme("#FFFFFF", "#000000", "#DDDDDD", 0),
    Ground.DARK: Theme("#14171C", "#F2F2F2", "#3A3F47", 1),
}

_MEANINGS = dict(zip(FrameKind, list(Meaning)[: len(FrameKind)], strict=True))


def meaning_of(kind: FrameKind) -> Meaning:
    """What the color of a kind of frames means."""
    return _MEANINGS[kind]


def name_of(kind: FrameKind) -> str:
    """The kind in the words of the plot."""
    name = str(meaning_of(kind))
    return (
        name if kind in (FrameKind.SOLO, FrameKind.SET_ASIDE, FrameKind.LATE) else f"pairs, {name}"
    )
