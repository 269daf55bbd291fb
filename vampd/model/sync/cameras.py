"""Cameras: both cameras' usable frames in the order of taking, as the model takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vampd.model.cubes import RawCube, SetAside
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync.cards.settings import SETTLED, settle_cards
from vampd.model.sync.pieces import Piece
from vampd.model.sync.sequence import (
    CameraSequence,
    chain_cubes,
    set_aside_overlaps,
    split_clocks,
)
from vampd.model.sync.taking import in_order_of_taking

Cameras = tuple[CameraSequence, CameraSequence]


@dataclass(frozen=True)
class Arranged:
    """The cubes that overlap no other, each camera's in order of taking, and the others."""

    usable: list[RawCube]
    set_aside: list[SetAside]


def arrange_cubes(cubes: Sequence[RawCube]) -> Arranged:
    """Both cameras' cubes, without those that hold another one's time."""
    usable: list[RawCube] = []
    aside: list[SetAside] = []
    for stream in CAMERA_STREAMS:
        kept, overlapping = set_aside_overlaps([c for c in cubes if c.stream is stream])
        usable += in_order_of_taking(kept)
        aside += overlapping
    return Arranged(usable, aside)


def chain_piece(piece: Piece, cut_on: Sequence[str]) -> list[Cameras]:
    """A piece's frames between two steps of the clock each.

    ``cut_on`` are the cards on which frames of one product must agree.
    """
    own = [keyword for keyword in cut_on if keyword not in SETTLED]
    one, two = (
        _within(piece, chain_cubes(stream, [c for c in piece.cubes if c.stream is stream], own))
        for stream in CAMERA_STREAMS
    )
    return split_clocks(one, two)


def take_triggered(cameras: Cameras, cut_on: Sequence[str]) -> Cameras:
    """The frames that the trigger took, each with its settings."""
    one, two = (each.triggered() for each in cameras)
    return settle_cards(one, two, cut_on)


def _within(piece: Piece, side: CameraSequence) -> CameraSequence:
    within = (side.acquired_us > piece.after_us) & (side.acquired_us <= piece.until_us)
    return side if within.all() else side.take(np.flatnonzero(within).astype(np.int64))
