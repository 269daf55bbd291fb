"""FLC states: which polarization state of the ferroelectric liquid crystal each frame carries.

The trigger adds 2 J to every other interval: with T the mean interval, intervals alternate T + J
and T - J. A frame that is followed by the long interval is B, the other is A. This holds for cubes
of every length.

Each step from one frame to the next is k triggers long (k > 1 where frames are missing) and leaves
a residual of +J (from B) or -J (from A) if k is odd, and of nothing if k is even. So the number of
triggers gives the parity of every later frame, and each odd step votes for the parity's meaning: a
lost frame does not flip the labels after it. Where a step fits none of these, nothing is carried
across it.

One vote may be chance. As many consecutive ones as make chance impossible form a window; a frame is
labeled only if nothing broke off between it and votes, and if every window that touches it says the
same (without one contrary vote, where J is larger than the scatter); otherwise it is dubious (D).
So frames near a phase slip are D, and none after it is wrong.

Frames that the time alone leaves dubious are examined again with the counter (cnt0), which
joins what a late time-stamp or a long gap has separated (see ``counting``).

Four frames are the fewest that can be labeled by themselves. Two have one interval, and nothing to
compare it with: another run's mean interval would do only if no one had touched the trigger's rate
by as little as J. Three have two intervals, and one time-stamp that is late by 2 J reverses their
alternation unnoticed; with a third interval it fits neither state. So fewer frames are labeled by
the run that they belong to, across cubes and gaps, or they are dubious.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from vampd.model.sync.labels.counting import count_by_counter, count_by_time, forbid_by_counter
from vampd.model.sync.labels.modulation import (
    CLEAR_PART_OF_INTERVAL,
    Modulation,
    Source,
    mean_interval_us,
)

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Labels = npt.NDArray[np.uint8]


class FlcState(StrEnum):
    """The value of U_FLC of a deinterleaved product."""

    A = "A"
    B = "B"
    D = "D"


CODE_NONE, CODE_A, CODE_B, CODE_D = 0, 1, 2, 3
_CERTAIN = (CODE_A, CODE_B)
STATE_OF_CODE: dict[int, FlcState | None] = {
    CODE_NONE: None,
    CODE_A: FlcState.A,
    CODE_B: FlcState.B,
    CODE_D: FlcState.D,
}

# The mean vote of a window is +1 or -1; a window needs enough of them to keep its standard
# deviation, 2 / sqrt(12) x scatter / J / sqrt(votes), under a seventh.
LEAST_MEAN, _LARGEST_MEAN = 0.4, 1.6
_VOTES_PER_SCATTER = 4.0
_FEWEST_VOTES = 3
_FEWEST_VOTES_IF_UNCLEAR = 6
# Where J is so much larger than the scatter, no honest vote has the other sign.
_CLEAR_SCATTERS = 1.25
_FEWEST_VOTES_IF_MEASURED = 12  # no card says what the intervals should show


def assign_flc_states(
    acquired_us: Int64, cnt0: Int64, modulation: Modulation | None, scatter_us: float
) -> Labels:
    """Label the frames of one camera's run.

    ``acquired_us`` rises strictly, ``cnt0`` is the framegrabber's counter; ``scatter_us`` is the
    documented width of the arrivals' jitter. Returns one CODE_* per frame: CODE_D throughout if
    there is no modulation or the intervals do not show it, and for fewer than four frames.
    """
    labels = np.full(len(acquired_us), CODE_D, dtype=np.uint8)
    if len(acquired_us) <= _FEWEST_VOTES or modulation is None:
        return labels
    interval_us = mean_interval_us(acquired_us, scatter_us)
    jitter_us = modulation.jitter_us
    steps = count_by_time(acquired_us, interval_us, jitter_us, scatter_us)
    clear = forbid_by_counter(steps, cnt0)
    rule = _rule_of(modulation, interval_us, steps.scatter_us)
    votes = steps.residuals_us / jitter_us
    voting = np.flatnonzero(clear & (steps.triggers % 2 == 1))
    labels = _label(steps.triggers, clear, voting, votes[voting], rule)
    if clear.all():
        return labels
    triggers, linked = count_by_counter(
        acquired_us, cnt0, steps, interval_us=interval_us, jitter_us=jitter_us
    )
    joined = _label(triggers, linked, voting, votes[voting], rule)
    return np.where(labels == CODE_D, joined, labels)


@dataclass(frozen=True)
class _Rule:
    """What makes a window of votes positive: so many, and none below ``least``."""

    needed: int
    least: float


def _rule_of(modulation: Modulation, interval_us: float, scatter_us: float) -> _Rule:
    jitter_us = modulation.jitter_us
    fewest = _FEWEST_VOTES
    if jitter_us > CLEAR_PART_OF_INTERVAL * interval_us:
        fewest = _FEWEST_VOTES_IF_UNCLEAR
    if modulation.source is Source.INTERVALS:
        fewest = _FEWEST_VOTES_IF_MEASURED
    needed = max(fewest, math.ceil((_VOTES_PER_SCATTER * scatter_us / jitter_us) ** 2))
    return _Rule(needed, 0.0 if jitter_us >= _CLEAR_SCATTERS * scatter_us else -math.inf)


def _label(
    triggers: Int64, linked: npt.NDArray[np.bool_], voting: Int64, residuals: Float64, rule: _Rule
) -> Labels:
    """The labels of frames between which ``triggers`` lie, where ``linked`` says so for certain.

    ``residuals`` (in units of J) are those of the steps ``voting``.
    """
    labels = np.full(len(triggers) + 1, CODE_D, dtype=np.uint8)
    stretch = np.concatenate([[0], np.cumsum(~linked)])
    parity = np.concatenate([[0], np.cumsum(triggers)]) % 2
    # A vote near +1 says that even parity is B, one near -1 that it is A.
    votes = np.where(parity[voting] == 0, 1, -1) * residuals
    for sign, even_code, odd_code in ((1, CODE_B, CODE_A), (-1, CODE_A, CODE_B)):
        agreed = _agreed(sign * votes, voting, stretch, rule)
        labels[agreed] = np.where(parity[agreed] == 0, even_code, odd_code)
    return labels


def is_contradictory(first: Labels, second: Labels) -> npt.NDArray[np.bool_]:
    """Per pair, whether one camera says A and the other B."""
    certain = np.isin(first, _CERTAIN) & np.isin(second, _CERTAIN)
    return np.asarray(certain & (first != second))


def combine_labels(first: Labels, second: Labels) -> Labels:
    """One label per pair: both cameras agree, or one alone is certain; else D.

    If one camera's header says that nothing alternates and no nearby frame of the other's
    can be labeled, nothing does: a header may record a switch a cube late.
    """
    agree = first == second
    sure_first = np.isin(first, _CERTAIN)
    sure_second = np.isin(second, _CERTAIN)
    combined = np.full(len(first), CODE_D, dtype=np.uint8)
    combined[sure_second & ~sure_first] = second[sure_second & ~sure_first]
    combined[sure_first & ~sure_second] = first[sure_first & ~sure_second]
    combined[agree] = first[agree]
    if not len(first):
        return combined
    disagree = (first == CODE_NONE) != (second == CODE_NONE)
    piece = np.concatenate([[0], np.cumsum(np.diff(disagree.astype(np.int8)) != 0)])
    labeled = np.bincount(piece, weights=sure_first | sure_second)
    combined[disagree & (labeled[piece] == 0)] = CODE_NONE
    return combined


def _agreed(votes: Float64, voting: Int64, stretch: Int64, rule: _Rule) -> Int64:
    """The frames for which every window of votes that touches them is positive.

    ``votes[i]`` belongs to the step from frame ``voting[i]`` to the next one. A window lies within
    one stretch. Frames that no window touches are not returned, nor those that only steps without
    a vote join to a stretch that was broken off there: a late time-stamp can look like a
    missing frame.
    """
    needed = rule.needed
    sums = np.concatenate([[0.0], np.cumsum(votes)])
    contrary = np.concatenate([[0], np.cumsum(votes < rule.least)])
    means = (sums[needed:] - sums[:-needed]) / needed
    positive = (means >= LEAST_MEAN) & (means <= _LARGEST_MEAN)
    positive &= contrary[needed:] == contrary[:-needed]
    count = np.concatenate([[0], np.cumsum(positive)])
    before = np.searchsorted(voting, np.arange(len(stretch)))
    begin = np.searchsorted(stretch[voting], stretch, side="left")
    end = np.searchsorted(stretch[voting], stretch, side="right")
    first = np.maximum(before - needed, begin)
    last = np.minimum(before, end - needed)
    held = ((begin < before) | (stretch == stretch[0])) & (
        (before < end) | (stretch == stretch[-1])
    )
    held[voting] = held[voting + 1] = True
    frames = np.flatnonzero(held & (first <= last))
    all_positive = (
        count[last[frames] + 1] - count[first[frames]] == last[frames] + 1 - first[frames]
    )
    return np.asarray(frames[all_positive], dtype=np.int64)
