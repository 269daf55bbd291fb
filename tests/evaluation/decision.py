"""What a judged rule decided about every frame, and how much of it is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.evaluation.expectation import is_clear, is_pairable
from tests.evaluation.table import tabulate
from vampd.model.cubes import Generation, Int64
from vampd.model.sync import CODE_A, CODE_B, CODE_D, CODE_NONE, Labels
from vampd.simulate.night import SimulatedNight

NO_PARTNER = -1
_LONG_RUN_FRAMES = 25
_CAMERAS = 2


@dataclass(frozen=True)
class Decision:
    """Per frame of the truth: its label (CODE_*), its partner's row, and how often it is placed.

    A frame that is not placed in exactly one product, nor set aside, is lost or doubled.
    """

    label: Labels
    partner: Int64
    placed: Int64
    aside: npt.NDArray[np.bool_]


Judge = Callable[[SimulatedNight], Decision]


@dataclass(frozen=True)
class Score:
    """How one rule did on one night or several; all are numbers of frames, or of pairs.

    ``clear`` frames belong to runs whose intervals alternate by more than twice their scatter, and
    to cubes that are good in truth; ``steady`` ones of them to runs of 25 frames and more;
    ``dubious`` and ``steady_dubious`` are those of them without a certain state.
    """

    frames: int = 0
    lost: int = 0
    doubled: int = 0
    set_aside: int = 0
    true_pairs: int = 0
    right_pairs: int = 0
    wrong_pairs: int = 0
    right_labels: int = 0
    wrong_labels: int = 0
    clear: int = 0
    dubious: int = 0
    steady: int = 0
    steady_dubious: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, n) + getattr(other, n) for n in self.__dataclass_fields__))

    @property
    def missed_pairs(self) -> int:
        """The pairs that could be found and were not."""
        return self.true_pairs - self.right_pairs


def score_decision(simulated: SimulatedNight, decision: Decision) -> Score:
    """Compare a decision with the truth about its night."""
    truth = simulated.truth
    runs = simulated.scenario.runs
    certain = np.isin(decision.label, (CODE_A, CODE_B)) & ~decision.aside
    unlabeled = (decision.label == CODE_NONE) & ~decision.aside & (truth.flc != CODE_NONE)
    right = certain & (decision.label == truth.flc)
    rows = np.flatnonzero(decision.partner != NO_PARTNER)
    partners = decision.partner[rows]
    camera = np.array([cube.stream.camera for cube in truth.cubes], np.int64)[truth.cube]
    matching = (truth.trigger[rows] == truth.trigger[partners]) & (camera[rows] != camera[partners])
    matching &= decision.partner[partners] == rows
    first, _ = truth.pairs()
    pairable = np.array([is_pairable(run) for run in runs], dtype=np.bool_)
    wanted = pairable[truth.run[first]]
    found = decision.partner[first] != NO_PARTNER
    found &= truth.trigger[decision.partner[first]] == truth.trigger[first]
    good = np.array([cube.defect is None for cube in truth.cubes], dtype=np.bool_)[truth.cube]
    clear = np.array([is_clear(run) for run in runs], dtype=np.bool_)[truth.run] & good
    frames = np.bincount(truth.run * _CAMERAS + camera - 1, minlength=len(runs) * _CAMERAS)
    fewest = np.where(frames.reshape(-1, _CAMERAS) > 0, frames.reshape(-1, _CAMERAS), len(truth))
    steady = clear & (fewest.min(axis=1) >= _LONG_RUN_FRAMES)[truth.run]
    dubious = (decision.label == CODE_D) | decision.aside | unlabeled
    return Score(
        frames=len(truth),
        lost=int(((decision.placed == 0) & ~decision.aside).sum()),
        doubled=int((decision.placed + decision.aside > 1).sum()),
        set_aside=int(decision.aside.sum()),
        true_pairs=int(wanted.sum()),
        right_pairs=int((wanted & found).sum()),
        # Each pair is seen from both its frames.
        wrong_pairs=int((~matching).sum() + 1) // _CAMERAS,
        right_labels=int(right.sum()),
        wrong_labels=int((certain & ~right).sum()),
        clear=int(clear.sum()),
        dubious=int((clear & dubious).sum()),
        steady=int(steady.sum()),
        steady_dubious=int((steady & dubious).sum()),
    )


def decision_of(simulated: SimulatedNight, generation: Generation) -> Decision:
    """What a generation tells about each frame."""
    table = tabulate(simulated, generation)
    partner = np.full(len(simulated.truth), NO_PARTNER, dtype=np.int64)
    first, second = table.pairs(generation)
    known = (first >= 0) & (second >= 0)
    partner[first[known]] = second[known]
    partner[second[known]] = first[known]
    return Decision(table.label, partner, table.products, table.aside)
