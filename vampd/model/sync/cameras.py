"""Cameras: both cameras' usable frames in the order of taking, as the model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vampd.model.cubes import RawCube, SetAside
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync.cards.settings import SETTLED, settle_cards
from vampd.model.sync.sequence import (
    CameraSequence,
    chain_cubes,
    set_aside_overlaps,
    split_clocks,
)

Cameras = tuple[CameraSequence, CameraSequence]


@dataclass(frozen=True)
class Arranged:
    """The cubes that overlap no other, and their frames between two steps of the clock each."""

    usable: list[RawCube]
    set_aside: list[SetAside]
    clocks: list[Cameras]


def arrange_cubes(cubes: Sequence[RawCube], cut_on: Sequence[str]) -> Arranged:
    """Both cameras' frames; ``cut_on`` are the cards on which frames of one product must agree."""
    usable: list[RawCube] = []
    aside: list[SetAside] = []
    for stream in CAMERA_STREAMS:
        kept, overlapping = set_aside_overlaps([c for c in cubes if c.stream is stream])
        usable += kept
        aside += overlapping
    first, second = (
        chain_cubes(
            stream,
            [c for c in usable if c.stream is stream],
            [keyword for keyword in cut_on if keyword not in SETTLED],
        )
        for stream in CAMERA_STREAMS
    )
    return Arranged(usable, aside, split_clocks(first, second))


def take_triggered(cameras: Cameras, cut_on: Sequence[str]) -> Cameras:
    """The frames that the trigger took, each with its settings."""
    one, two = (each.triggered() for each in cameras)
    return settle_cards(one, two, cut_on)
