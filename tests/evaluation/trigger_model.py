"""The model of the trigger alone as a judge: without what sync does before and after it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.evaluation.decision import NO_PARTNER, Decision
from vampd.config import Sync
from vampd.fits.trigger import compiled_kernels
from vampd.model.cubes import Int64, Timing
from vampd.model.sync import CODE_A, CODE_B, CODE_D, CODE_NONE
from vampd.model.trigger import Arrivals, arrival_scatter_us, infer, order_of_taking
from vampd.simulate.night import SimulatedCube, SimulatedNight

_CODES = np.array([CODE_D, CODE_NONE, CODE_B, CODE_A], dtype=np.uint8)
_LONGEST_DELAY_US = 1_000_000
_TAI_US = 37_000_000


def decide_by_model(
    simulated: SimulatedNight, largest_error: float = Sync().largest_error
) -> Decision:
    """Pairs and labels of all triggered frames whose files and times can be believed."""
    truth = simulated.truth
    starts = np.concatenate([[0], np.cumsum([cube.frames for cube in truth.cubes])])
    label = np.full(len(truth), CODE_NONE, dtype=np.uint8)
    partner = np.full(len(truth), NO_PARTNER, dtype=np.int64)
    aside = np.zeros(len(truth), dtype=np.bool_)
    sides: list[tuple[Arrivals, Int64]] = []
    for camera in (1, 2):
        offered = [
            (cube, np.arange(starts[position], starts[position + 1]))
            for position, cube in enumerate(simulated.cubes)
            if cube.stream.camera == camera
        ]
        for cube, rows in offered:
            aside[rows] = cube.defect is not None or is_absurd(cube.timing)
        chosen = [
            (cube, rows)
            for cube, rows in offered
            if len(rows) and not aside[rows].any() and cube.cards.boolean("EXTTRIG") is True
        ]
        order = order_of_taking(
            [int(cube.timing.acquired_us[0]) for cube, _ in chosen],
            [(int(cube.timing.cnt0[0]), int(cube.timing.cnt0[-1])) for cube, _ in chosen],
        )
        ordered = [chosen[position] for position in order]
        sides.append((_arrivals([cube for cube, _ in ordered]), _join([r for _, r in ordered])))
    (one, first_rows), (two, second_rows) = sides
    found = infer(one, two, largest_error, compiled_kernels())
    label[first_rows], label[second_rows] = (_CODES[states] for states in found.states)
    for rows, others, partners in (
        (first_rows, second_rows, found.partners[0]),
        (second_rows, first_rows, found.partners[1]),
    ):
        paired = np.flatnonzero(partners >= 0)
        partner[rows[paired]] = others[partners[paired]]
    return Decision(label, partner, (~aside).astype(np.int64), aside)


def is_absurd(timing: Timing) -> bool:
    """Whether the acquisition times are none, or of another clock than the logger's."""
    delay_us = int(np.median(timing.logged_ns // 1_000 - timing.acquired_us))
    return not any(-1_000 <= delay_us - ahead <= _LONGEST_DELAY_US for ahead in (0, _TAI_US))


def _arrivals(cubes: list[SimulatedCube]) -> Arrivals:
    def per_frame(value: Callable[[SimulatedCube], int]) -> Int64:
        return _join([np.full(len(cube.timing), value(cube), np.int64) for cube in cubes])

    return Arrivals(
        acquired_us=_join([cube.timing.acquired_us for cube in cubes]),
        cnt0=_join([cube.timing.cnt0 for cube in cubes]),
        fitted=per_frame(_is_fitted).astype(np.bool_),
        switching=per_frame(lambda cube: cube.cards.boolean("U_FLCEN") is True).astype(np.bool_),
        half_width_us=per_frame(_half_width_us),
        exposure_us=per_frame(lambda cube: round(1e6 * (cube.cards.number("EXPTIME") or 0.0))),
        scatter_us=per_frame(lambda cube: round(arrival_scatter_us(cube.cards.string("U_DETMOD")))),
    )


def _is_fitted(cube: SimulatedCube) -> bool:
    cards = cube.cards
    return (cards.string("U_FLCST") or "").strip().upper() == "IN"


def _half_width_us(cube: SimulatedCube) -> int:
    if cube.cards.boolean("U_FLCEN") is not True:
        return 0
    value = cube.cards.number("U_TRIGJT")
    return round(value) if value is not None and 1 <= value <= 10_000 else 0


def _join(arrays: list[Int64]) -> Int64:
    return np.concatenate([np.empty(0, dtype=np.int64), *arrays])
