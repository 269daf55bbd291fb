"""What sync made of every raw frame, in the rows of the truth's table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import FrameRange, Generation, Int64, Product
from vampd.model.sync import CODE_NONE, STATE_OF_CODE, Labels
from vampd.simulate.night import SimulatedNight
from vampd.simulate.truth import CubeTruth

Booleans = npt.NDArray[np.bool_]
_NO_ROW = -1
_CODES = {str(state or ""): code for code, state in STATE_OF_CODE.items()}


@dataclass(frozen=True)
class FrameTable:
    """One row per frame of ``simulated.truth``; all arrays have the shape (frames,).

    ``products`` counts the products that hold the frame, ``label`` is the CODE_* that the last of
    them tells, ``aside`` whether its cube is set aside; ``strange`` counts references to frames
    that do not exist. ``camera``, ``run`` and ``acquired_us`` are the truth's.
    """

    simulated: SimulatedNight
    products: Int64
    label: Labels
    aside: Booleans
    camera: Int64
    run: Int64
    acquired_us: Int64
    strange: int
    _first_row: dict[str, int]
    _frames: dict[str, int]

    def rows(self, ranges: tuple[FrameRange, ...]) -> Int64:
        """The rows of these frames, in their order; -1 for a frame that does not exist."""
        return _rows(ranges, self._first_row, self._frames)

    def pairs(self, generation: Generation) -> tuple[Int64, Int64]:
        """Rows of camera 1 and of camera 2 that a product of camera 1 holds as partners."""
        return self._partners(p for p in generation.products if p.order.camera == 1)

    def mirrored_pairs(self, generation: Generation) -> tuple[Int64, Int64]:
        """The same, as the products of camera 2 tell it."""
        second, first = self._partners(p for p in generation.products if p.order.camera == 2)
        return first, second

    def _partners(self, products: Iterable[Product]) -> tuple[Int64, Int64]:
        own, other = [_nothing()], [_nothing()]
        for product in products:
            if product.synchronised:
                own.append(self.rows(product.ranges))
                other.append(self.rows(product.partners))
        return np.concatenate(own), np.concatenate(other)


def tabulate(simulated: SimulatedNight, generation: Generation) -> FrameTable:
    """Look up where each frame went."""
    truth = simulated.truth
    counts = [cube.frames for cube in truth.cubes]
    frames = {cube.path: cube.frames for cube in truth.cubes}
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    first_row = {cube.path: int(row) for cube, row in zip(truth.cubes, starts, strict=False)}
    products = np.zeros(len(truth), dtype=np.int64)
    label = np.full(len(truth), CODE_NONE, dtype=np.uint8)
    strange = 0
    for product in generation.products:
        rows = _rows(product.ranges, first_row, frames)
        known = rows[rows != _NO_ROW]
        strange += len(rows) - len(known)
        np.add.at(products, known, 1)
        label[known] = _CODES[product.order.flc_state]
    bad = {cube.path: cube.frames for cube in generation.set_aside}
    cameras = np.array([cube.stream.camera for cube in truth.cubes], dtype=np.int64)
    times = [cube.timing.acquired_us for cube in simulated.cubes]
    readable = [t for t, count in zip(times, counts, strict=True) if count]
    return FrameTable(
        simulated=simulated,
        products=products,
        label=label,
        aside=_are_aside(truth.cubes, bad)[truth.cube]
        # Of a cube that is set aside in part, the other frames are in products.
        | (_are_aside(truth.cubes, bad, in_part=True)[truth.cube] & (products == 0)),
        camera=cameras[truth.cube],
        run=truth.run,
        acquired_us=np.concatenate([_nothing(), *readable]),
        strange=strange,
        _first_row=first_row,
        _frames=frames,
    )


def _are_aside(
    cubes: Iterable[CubeTruth], bad: Mapping[str, int], *, in_part: bool = False
) -> Booleans:
    """For each cube, whether all of its frames are set aside, or only some."""
    return np.array(
        [cube.path in bad and (bad[cube.path] < cube.frames) is in_part for cube in cubes],
        dtype=np.bool_,
    )


def _rows(
    ranges: tuple[FrameRange, ...], first_row: dict[str, int], frames: dict[str, int]
) -> Int64:
    parts = [_nothing()]
    for part in ranges:
        positions = part.start + part.step * np.arange(part.count, dtype=np.int64)
        there = (positions >= 0) & (positions < frames.get(part.cube, 0))
        parts.append(np.where(there, first_row.get(part.cube, 0) + positions, _NO_ROW))
    return np.concatenate(parts)


def _nothing() -> Int64:
    return np.empty(0, dtype=np.int64)
