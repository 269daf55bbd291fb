"""Colors and sizes of a night's plot.

The colors are those of Okabe and Ito, which the color-blind can distinguish; a position, a shape or
a name always says the same as the color.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from vampd.model.accounts import FrameKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
GRAY, LIGHT_GRAY = "#7F7F7F", "#DDDDDD"
TEXT_SIZE, TITLE_SIZE = 10, 11


class KindStyle(NamedTuple):
    """The name and color of a kind of frames."""

    name: str
    color: str


_STYLES = {
    FrameKind.SYNC_A: KindStyle("pairs A", BLUE),
    FrameKind.SYNC_B: KindStyle("pairs B", ORANGE),
    FrameKind.SYNC_D: KindStyle("pairs D", VERMILION),
    FrameKind.SYNC_PLAIN: KindStyle("pairs, no FLC", GREEN),
    FrameKind.SOLO: KindStyle("solo", PURPLE),
    FrameKind.SET_ASIDE: KindStyle("set aside", BLACK),
    FrameKind.LATE: KindStyle("late", GRAY),
}


def style_of(kind: FrameKind) -> KindStyle:
    """The style of a kind."""
    return _STYLES[kind]


def draw_nothing(axes: Axes, reason: str) -> None:
    """Say in a panel why it is empty."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5,
        0.5,
        reason,
        transform=axes.transAxes,
        horizontalalignment="center",
        color=GRAY,
        size=TEXT_SIZE + 2,
    )
