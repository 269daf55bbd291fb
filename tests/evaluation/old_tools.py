"""The old tools' rules, restated from the facts that are known about them, to be judged beside.

Frames of both cameras pair in time order within a tolerance of rows x 0.868 us (x 2.5 SLOW), which
grows by up to 2.5 while matches succeed; no offset is removed. A frame's label comes from the 12
intervals around it, by an alternating-sign Hamming window of L1 norm 1, in units of U_TRIGJT:
up to 0.4 it is dubious, and so is a frame that forms no opposite pair with a neighbor. Their
defect of labels turned in short cubes is left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.evaluation.decision import NO_PARTNER, Decision
from tests.evaluation.in_memory import offer_cubes
from vampd.model.cubes import Cards, Int64
from vampd.model.sync import CODE_A, CODE_B, CODE_D, CODE_NONE, Labels
from vampd.simulate.night import SimulatedNight

Float64 = npt.NDArray[np.float64]

_ROW_US, _SLOW_FACTOR, _GROWTH = 0.868, 2.5, 2.5
_GAP_US, _SPAN_US = 3_000_000, 10_000_000
_INTERVALS, _LEAST = 12, 0.4
_CUT_ON = ("EXPTIME", "RET-ANG1", "FILTER01", "FILTER02", "U_FLCEN", "U_FLCST", "U_TRIGJT")


def decide_as_old_tools(simulated: SimulatedNight) -> Decision:
    """Pairs and labels of all frames whose files can be read."""
    truth = simulated.truth
    usable, _ = offer_cubes(simulated)
    paths = {cube.path for cube in usable}
    readable = np.array([cube.path in paths for cube in truth.cubes], dtype=np.bool_)[truth.cube]
    times_us = np.concatenate(
        [
            np.empty(0, dtype=np.int64),
            *(
                simulated_cube.timing.acquired_us
                for simulated_cube, cube in zip(simulated.cubes, truth.cubes, strict=True)
                if cube.frames
            ),
        ]
    )
    settings = np.array([hash(_setting(cube.cards)) for cube in simulated.cubes], dtype=np.int64)[
        truth.cube
    ]
    camera = np.array([cube.stream.camera for cube in truth.cubes], dtype=np.int64)[truth.cube]
    triggered = np.array(
        [cube.cards.boolean("EXTTRIG") is True for cube in simulated.cubes], dtype=np.bool_
    )[truth.cube]
    one, two = (
        rows[np.argsort(times_us[rows], kind="stable")]
        for rows in (np.flatnonzero(readable & triggered & (camera == c)) for c in (1, 2))
    )
    tolerance_us = _tolerance_us(simulated)
    first, second = _pair(times_us[one], times_us[two], tolerance_us)
    partner = np.full(len(truth), NO_PARTNER, dtype=np.int64)
    partner[one[first]], partner[two[second]] = two[second], one[first]
    label = np.full(len(truth), CODE_NONE, dtype=np.uint8)
    common_us = (times_us[one[first]] + times_us[two[second]]) // 2
    found = _label_cubes(simulated, one[first], common_us, settings)
    label[one[first]], label[two[second]] = found, found
    for rows, paired in ((one, first), (two, second)):
        alone = np.delete(rows, paired)
        label[alone] = _label_cubes(simulated, alone, times_us[alone], settings)
    return Decision(label, partner, readable.astype(np.int64), ~readable)


def _setting(cards: Cards) -> tuple[str, ...]:
    found = (cards.card(keyword) for keyword in _CUT_ON)
    return tuple(card.text[:30] if card else "" for card in found)


def _tolerance_us(simulated: SimulatedNight) -> float:
    slow = any(
        (cube.cards.string("U_DETMOD") or "").strip().lower() == "slow" for cube in simulated.cubes
    )
    rows_us = simulated.scenario.crop.rows * _ROW_US
    return rows_us * _SLOW_FACTOR if slow else rows_us


def _pair(first_us: Int64, second_us: Int64, tolerance_us: float) -> tuple[Int64, Int64]:
    pairs: list[tuple[int, int]] = []
    one, two = first_us.tolist(), second_us.tolist()
    at, there, allowed_us = 0, 0, tolerance_us
    while at < len(one) and there < len(two):
        difference_us = two[there] - one[at]
        if abs(difference_us) <= allowed_us:
            pairs.append((at, there))
            at, there, allowed_us = at + 1, there + 1, _GROWTH * tolerance_us
        else:
            at, there = (at + 1, there) if difference_us > 0 else (at, there + 1)
            allowed_us = tolerance_us
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _label_cubes(
    simulated: SimulatedNight, rows: Int64, times_us: Int64, settings: Int64
) -> Labels:
    """The labels of frames in time order, product by product."""
    labels = np.full(len(rows), CODE_NONE, dtype=np.uint8)
    if not len(rows):
        return labels
    cut = (np.diff(times_us) > _GAP_US) | (np.diff(settings[rows]) != 0)
    for piece in np.split(np.arange(len(rows)), np.flatnonzero(cut) + 1):
        spans = (times_us[piece] - times_us[piece[0]]) // _SPAN_US
        cards = simulated.cubes[int(simulated.truth.cube[rows[piece[0]]])].cards
        if not _is_switching(cards):
            continue
        jitter_us = cards.number("U_TRIGJT")
        for part in np.split(piece, np.flatnonzero(np.diff(spans)) + 1):
            labels[part] = _label(times_us[part], jitter_us)
    return labels


def _is_switching(cards: Cards) -> bool:
    return (
        cards.boolean("U_FLCEN") is True
        and (cards.string("U_FLCST") or "").strip().upper() == "IN"
        and cards.boolean("EXTTRIG") is True
    )


def _label(times_us: Int64, jitter_us: float | None) -> Labels:
    labels = np.full(len(times_us), CODE_D, dtype=np.uint8)
    if not jitter_us or jitter_us <= 0 or len(times_us) < 3:
        return labels
    steps = np.diff(times_us).astype(np.float64)
    usual_us = float(np.median(steps))
    regular = steps[steps < 2 * usual_us]
    if not len(regular):
        return labels  # frames without a time
    steps -= float(np.mean(regular))
    response = _respond(steps) / jitter_us
    labels[response > _LEAST] = CODE_B
    labels[response < -_LEAST] = CODE_A
    # A and B are 1 and 2, so that opposite neighbors sum to 3.
    opposite = (labels[1:] + labels[:-1] == CODE_A + CODE_B) & (labels[1:] != CODE_D)
    opposite &= (labels[:-1] != CODE_D) & (labels[1:] != CODE_NONE)
    paired = np.zeros(len(labels), dtype=np.bool_)
    paired[1:] |= opposite
    paired[:-1] |= opposite
    labels[~paired] = CODE_D
    return labels


def _respond(steps: Float64) -> Float64:
    """For each frame, the weighted intervals around it: the one that follows counts as positive."""
    half = _INTERVALS // 2
    weights = np.hamming(_INTERVALS)
    signs = np.where((np.arange(_INTERVALS) - half) % 2 == 0, 1.0, -1.0)
    window = weights / weights.sum() * signs
    padded = np.concatenate([np.zeros(half), steps, np.zeros(half)])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, _INTERVALS) @ window)
