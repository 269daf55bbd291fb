"""Weights: what each item of evidence counts, in fixed-point log-likelihoods.

All are int64 in units of 1 / 1024 nat. No item decides alone: a misfit costs its square up to a
limit, which is what data from outside the model cost. Times are in us.

Sources: nothing documents how likely late stamps, misses and unfinished turns are. The costs of
misses were chosen on simulated nights with known truth (decision 112); how the others were is not
on record. ``test_costs`` has the nights at the edge of some. Scatters and J are no weights: see
``instrument`` and ``tempo``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

NAT: Final = 1024
NEVER: Final = -(10**12)

CLASSES: Final = 3  # of the offset: the nearest frame's trigger, the one before, the one after
SHIFTS: Final = 13  # of the two cameras' counts, around the reference

# Missed triggers of which the counter shows nothing: none, 1, 2, 3; then a count that is one too
# many (a counter's fault), and as many as the time between two frames says.
MISSED: Final = (0, 1, 2, 3, -1)
MISS_COST: Final = (0, 10 * NAT, 11 * NAT, 12 * NAT, 20 * NAT)
MISS_AS_TIMED_COST: Final = 13 * NAT
MISS_ALONE_COST: Final = NAT // 2  # while only the other camera took part
# How much less a miss costs where that many of the 33 intervals around it are longer by whole
# periods, of which the counter shows nothing: by 3 in 10, it is no rare event.
MISS_SAVED: Final = (*(0,) * 4, *(nats * NAT for nats in (2, 3, 4, 5, 6, 7, 8, 8, 8)), 9 * NAT)
OPTIONS: Final = len(MISSED) + 1

# The counter means something new: after it was seen to begin anew, and otherwise.
RECOUNT_COST: Final = 4 * NAT
UNSEEN_RECOUNT_COST: Final = 45 * NAT

INTERVAL_LIMIT: Final = 3 * NAT + 7 * NAT // 8
UNCONFIRMED_LIMIT: Final = NAT + NAT // 2  # where no card says this half width
EARLY_COST: Final = 5 * NAT  # no stamp is early: the one before was late by as much
# Though it was not, by those before it. With the misfit, less than a count that is one too many:
# where no card says that the exposure became shorter, that is no likelier.
ON_TIME_COST: Final = 10 * NAT
# Within a stretch, a clock was set: where the nearest frames' offset jumps, and elsewhere.
OFFSET_JUMPS_COST: Final = 4 * NAT
OTHER_CLASS_COST: Final = 16 * NAT
PAIR_LIMIT: Final = 6 * NAT
QUEUED_LIMIT: Final = NAT  # for a stamp that came sooner than any trigger: it waited
APART_US: Final = 100_000  # no stamp is as late
APART_COST: Final = 12 * NAT
WHOLE_PERIODS: Final = 16  # over more, T is not exact enough to tell them
# Of the documented scatter, that T must be for a lateness of whole periods to be told.
TELLING_SCATTERS: Final = 24
LATE_BY_PERIODS_COST: Final = 8 * NAT  # for just as long as triggers take
LOST_COST: Final = 4 * NAT  # by the count, though the other camera has a frame near in time
NEAR_US: Final = 20_000
CLOSE_COST: Final = 8 * NAT  # or even as close as one of the same trigger
CLOSER_COST: Final = 10 * NAT  # within an eighth of T
CLOSE_US: Final = 1_000
RELAXED_COST: Final = 2 * NAT + NAT // 2  # a trigger that stood still after a relaxed exposure
WHOLE_PERIODS_COST: Final = 8 * NAT  # one that stood still for whole periods, to the us

# The alternation begins or ends, by how long the trigger stood still (see FLIP_AFTER_US), or where
# the cards change their word; and their word at the beginning.
SWITCH_COST: Final = (24 * NAT + 3 * NAT // 4, 20 * NAT, 9 * NAT, 7 * NAT, 6 * NAT)
# Between turns, by a command that made an interval longer by 0.1 ms: no rare one switches the FLC.
COMMAND_COST: Final = 7 * NAT
CARD_CHANGES_COST: Final = 7 * NAT
CARD_ON_COST: Final = 4 * NAT
CARD_OFF_COST: Final = 6 * NAT
# Two readings. Without the alternation an interval may be T - J where T is still that of the
# alternation; and a turn is left unfinished as likely as not in a gap among gaps that leave some.
READINGS_COST: Final = 710
DOUBLING_COST: Final = 710  # of half the chance

# What a turn that was not finished costs, by how long (us) the trigger stood still.
FLIP_AFTER_US: Final = (0, 100, 50_000, 500_000, 3_000_000)
FLIP_COST: Final = (28 * NAT, 20 * NAT, 6 * NAT, 4 * NAT, NAT + NAT // 2)
# The same by how long no frame was logged, though as many were counted as there was time for:
# nobody saw what else was done.
UNSEEN_FLIP_COST: Final = (28 * NAT, 20 * NAT, 12 * NAT, 9 * NAT, 5 * NAT)
UNSEEN_SWITCH_COST: Final = (24 * NAT + 3 * NAT // 4, 10 * NAT, 10 * NAT, 8 * NAT, 6 * NAT)
# Neither happens between two frames of one trigger.
WITHIN_TRIGGER_COST: Final = 20 * NAT

# A frame is late by what its pair costs; beside a missed trigger that counts twice (decision 177).
TOLD_LATE: Final = QUEUED_LIMIT  # of what waited, pairs tell no lateness
SPOKEN_TWICE: Final = 4 * NAT

# What one trigger that was missed untold at an end of a stretch changes (decision 184).
TOLD_BY_ENDS: Final = MISS_COST[1]

# A margin that proves nothing.
UNPROVEN: Final = 7 * NAT
LARGEST_MARGIN: Final = UNPROVEN + 14 * NAT  # that is kept: by 10^-12, no model's figure says more

# An offset is hundreds of us: so many us cost one nat; beyond the first limit it costs less.
OFFSET_US_PER_NAT: Final = 64
NEAR_OFFSET_US: Final = 2_880
FAR_OFFSET_US_PER_NAT: Final = 400
OFFSET_LIMIT: Final = 66 * NAT
# ln(1 + exp(-x)) x 1024, for x in steps of 1 / 8 nat.
LOG_ADD: Final[Int64] = np.array(
    [
        *(710, 648, 590, 536, 485, 439, 396, 357, 321, 288, 258, 231, 206, 184, 164, 146),
        *(130, 116, 103, 91, 81, 72, 63, 56, 50, 44, 39, 34, 30, 27, 24, 21),
        *(19, 16, 15, 13, 11, 10, 9, 8, 7, 6, 5, 5, 4, 4, 3, 3),
        *(3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0),
    ],
    dtype=np.int64,
)
LOG_ADD_BITS: Final = 7  # of one step
# In the order of ``partners.weigh_partners``.
PAIR_COSTS: Final[Int64] = np.array(
    [
        *(NAT, PAIR_LIMIT, QUEUED_LIMIT, APART_US, APART_COST),
        *(NEAR_US, LOST_COST, CLOSE_US, CLOSE_COST, CLOSER_COST),
        *(WHOLE_PERIODS, LATE_BY_PERIODS_COST, DOUBLING_COST),
    ],
    dtype=np.int64,
)


@dataclass(frozen=True)
class Margins:
    """Those of each camera's states, and those of the pairs at camera 1's frames."""

    states: tuple[Int32, Int32]
    pairs: Int32

    def take(self, first: Int64, second: Int64) -> Margins:
        """Those of some frames of camera 1 and of camera 2."""
        return Margins((self.states[0][first], self.states[1][second]), self.pairs[first])


def margin_of(error: float) -> int:
    """By how much a log-likelihood must exceed all others together for a chance to be wrong.

    Terms of one stretch are not independent, and the truth may be none of the states: so of margins
    below ``UNPROVEN`` any may be wrong, and above it the chance falls by twice as much, as measured
    (decision 101).
    """
    return UNPROVEN + math.ceil(-math.log(error) * NAT / 2)


def chance_of(margin: int) -> float:
    """The chance to be wrong that a margin states: what ``margin_of`` turns around."""
    return math.exp(min(0, 2 * (UNPROVEN - margin)) / NAT)


def misfit(residuals_us: Int64, scatter_us: Int64, limit: Int64 | int) -> Int64:
    """The cost of residuals: half their square in units of the scatter, up to the limit."""
    # Beyond 64 scatters every limit is passed; so the square cannot overflow.
    bounded = np.minimum(np.abs(residuals_us), 64 * scatter_us)
    squares = bounded * bounded * (NAT // 2) // (scatter_us * scatter_us)
    return np.asarray(np.minimum(squares, limit))


def either(one: Int64, other: Int64) -> Int64:
    """The cost of two readings, of which each holds as likely as not.

    What fits both as well tells nothing of their number, and costs no more than one.
    """
    gap = np.minimum(np.abs(one - other), (len(LOG_ADD) - 1) << LOG_ADD_BITS)
    step, rest = gap >> LOG_ADD_BITS, gap & ((1 << LOG_ADD_BITS) - 1)
    # Differences of far less than a step are what many intervals tell together.
    after = LOG_ADD[np.minimum(step + 1, len(LOG_ADD) - 1)]
    log_add = LOG_ADD[step] - ((LOG_ADD[step] - after) * rest >> LOG_ADD_BITS)
    return np.asarray(np.minimum(one, other) + READINGS_COST - log_add)


def offset_cost(offset_us: Int64) -> Int64:
    """What an offset between the cameras costs, once per stretch."""
    size_us = np.abs(offset_us)
    near = np.minimum(size_us, NEAR_OFFSET_US) * NAT // OFFSET_US_PER_NAT
    far = np.maximum(size_us - NEAR_OFFSET_US, 0) * NAT // FAR_OFFSET_US_PER_NAT
    return np.asarray(np.minimum(near + far, OFFSET_LIMIT))
