"""The judgement of one night: pure, from the simulated night and the generation alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.evaluation.cuts import count_miscut, count_needless
from tests.evaluation.expectation import is_labellable, is_pairable
from tests.evaluation.table import Booleans, FrameTable, tabulate
from vampd.model.cubes import Generation, Int64
from vampd.model.sync import CODE_A, CODE_B, CODE_D, CODE_NONE
from vampd.simulate.night import SimulatedNight

_LONG_RUN_FRAMES = 25


@dataclass(frozen=True)
class RunJudgement:
    """One run of a night; ``run`` is its position in the scenario, all else are numbers.

    ``true_pairs`` is 0 where the cameras' clocks make pairing ambiguous; ``switched`` counts the
    frames that a sync must be able to label: of runs of 25 frames or more, with enough evidence.
    """

    run: int
    frames: int
    true_pairs: int
    missed_pairs: int
    switched: int
    dubious: int


@dataclass(frozen=True)
class Judgement:
    """What sync made of one night; all are numbers.

    ``set_aside`` counts frames of good cubes. ``wrong_labels`` includes frames without a label
    though the FLC switched, and with A or B though it did not. ``miscut`` counts products that hold
    what must not share one, ``needless`` those that nothing called for, ``unsaid`` the ambiguous
    runs that were not paired and of which no remark tells.
    """

    frames: int
    lost: int
    doubled: int
    set_aside: int
    pairs: int
    wrong_pairs: int
    wrong_labels: int
    miscut: int
    needless: int
    unsaid: int
    runs: tuple[RunJudgement, ...]

    @property
    def true_pairs(self) -> int:
        """The pairs that a sync must find."""
        return sum(run.true_pairs for run in self.runs)

    @property
    def missed_pairs(self) -> int:
        """Those that it did not find."""
        return sum(run.missed_pairs for run in self.runs)


def judge_generation(simulated: SimulatedNight, generation: Generation) -> Judgement:
    """Compare a generation with the truth about its night."""
    truth = simulated.truth
    table = tabulate(simulated, generation)
    first, second = table.pairs(generation)
    defective = np.array([cube.defect is not None for cube in truth.cubes], dtype=np.bool_)
    good = ~defective[truth.cube]
    found = _right_pairs(table, first, second)
    return Judgement(
        frames=len(truth),
        lost=int(((table.products == 0) & ~table.aside).sum()),
        doubled=int((table.products + table.aside > 1).sum()) + table.strange,
        set_aside=int((table.aside & good).sum()),
        pairs=len(first),
        wrong_pairs=len(first) - int(found.sum()) + _one_sided(table, generation),
        wrong_labels=_count_wrong_labels(table, first, second),
        miscut=count_miscut(table, generation),
        needless=count_needless(table, generation),
        unsaid=_count_unsaid(table, generation, first[found]),
        runs=_judge_runs(table, first[found]),
    )


def _right_pairs(table: FrameTable, first: Int64, second: Int64) -> Booleans:
    trigger = table.simulated.truth.trigger
    known = (first >= 0) & (second >= 0)
    right = known & (trigger[first] == trigger[second]) & (trigger[first] >= 0)
    return np.asarray(right & (table.camera[first] == 1) & (table.camera[second] == 2))


def _one_sided(table: FrameTable, generation: Generation) -> int:
    """The pairs that the two cameras' products do not tell alike."""
    shown = set(zip(*(rows.tolist() for rows in table.pairs(generation)), strict=True))
    mirrored = set(zip(*(rows.tolist() for rows in table.mirrored_pairs(generation)), strict=True))
    return len(shown ^ mirrored)


def _count_wrong_labels(table: FrameTable, first: Int64, second: Int64) -> int:
    true = table.simulated.truth.flc
    shown = table.label
    certain = (shown == CODE_A) | (shown == CODE_B)
    wrong = np.where(true == CODE_NONE, certain, (shown != true) & (shown != CODE_D))
    wrong &= table.products > 0
    known = (first >= 0) & (second >= 0)
    unlike = shown[first[known]] != shown[second[known]]
    return int(wrong.sum() + unlike.sum())


def _judge_runs(table: FrameTable, paired: Int64) -> tuple[RunJudgement, ...]:
    runs = table.simulated.scenario.runs
    first, _ = table.simulated.truth.pairs()
    true_pairs = np.bincount(table.run[first], minlength=len(runs))
    found = np.bincount(table.run[paired], minlength=len(runs))
    judged = []
    for position, run in enumerate(runs):
        mine = table.run == position
        pairable = is_pairable(run)
        long = all(
            int((mine & (table.camera == camera)).sum()) >= _LONG_RUN_FRAMES
            for camera in run.cameras
        )
        labellable = mine & (long and is_labellable(run))
        judged.append(
            RunJudgement(
                run=position,
                frames=int(mine.sum()),
                true_pairs=int(true_pairs[position]) if pairable else 0,
                missed_pairs=int(true_pairs[position] - found[position]) if pairable else 0,
                switched=int(labellable.sum()),
                dubious=int((labellable & (table.label == CODE_D)).sum()),
            )
        )
    return tuple(judged)


def _count_unsaid(table: FrameTable, generation: Generation, paired: Int64) -> int:
    """The ambiguous runs that lie unpaired, beyond those that remarks can tell of."""
    runs = table.simulated.scenario.runs
    first, _ = table.simulated.truth.pairs()
    true_pairs = np.bincount(table.run[first], minlength=len(runs))
    found = np.bincount(table.run[paired], minlength=len(runs))
    silent = sum(
        not is_pairable(run) and 2 * int(found[position]) < int(true_pairs[position])
        for position, run in enumerate(runs)
    )
    return max(0, silent - sum("not paired" in remark for remark in generation.remarks))
