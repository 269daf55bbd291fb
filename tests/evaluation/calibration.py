"""Calibration: how often that is wrong of which the model states a chance to be wrong.

What is given at one threshold and not at the next has a chance between the two. Errors come
together, so that each run counts once in a bin: by the first of its frames there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from itertools import pairwise
from math import comb
from types import MappingProxyType

import numpy as np

from tests.conftest import ROOT
from tests.evaluation.decision import NO_PARTNER, Decision
from tests.evaluation.random_nights import random_night
from tests.evaluation.scenarios import SCENARIOS
from tests.evaluation.scenarios.handshake import HANDSHAKE_SCENARIOS, NEEDS_CLOCKS
from tests.evaluation.suite import NIGHT
from tests.evaluation.table import Booleans
from tests.evaluation.trigger_model import decide_by_model
from vampd.model.sync import CODE_A, CODE_B
from vampd.simulate.night import SimulatedNight, plan_night

# Chances that bound the bins; the last one is the threshold of the default settings.
CHANCES = (0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-6)
_UNLIKELY = 0.01
_KEPT = ROOT / "build" / "soak" / "calibration.json"


@dataclass(frozen=True)
class Bin:
    """So many runs have something of this chance, and in so many of them it is wrong."""

    runs: int = 0
    wrong: int = 0

    def __add__(self, other: Bin) -> Bin:
        return Bin(self.runs + other.runs, self.wrong + other.wrong)

    def is_above(self, stated: float) -> bool:
        """Whether more are wrong than this chance allows, all but once in a hundred times."""
        fewer = sum(
            comb(self.runs, wrong) * stated**wrong * (1 - stated) ** (self.runs - wrong)
            for wrong in range(self.wrong)
        )
        return self.wrong > 0 and 1 - fewer < _UNLIKELY

    @property
    def bound(self) -> float:
        """The largest chance at which nothing is wrong in so many runs once in a hundred times."""
        return 1 - _UNLIKELY ** (1 / self.runs) if self.runs else 1.0


Bins = Mapping[tuple[str, float], Bin]
NO_BINS: Bins = MappingProxyType({(what, c): Bin() for what in ("label", "pair") for c in CHANCES})


def calibrate(simulated: SimulatedNight) -> Bins:
    """The bins of one night, by what is given (``label``, ``pair``) and the largest chance."""
    decisions = [decide_by_model(simulated, chance) for chance in CHANCES]
    return {
        (what, chance): _count(simulated, decision, what, _given(decision, what) & ~surer)
        for what in ("label", "pair")
        for (decision, surer), chance in zip(
            [
                *((one, _given(next_one, what)) for one, next_one in pairwise(decisions)),
                (decisions[-1], np.zeros(len(simulated.truth), dtype=np.bool_)),
            ],
            CHANCES,
            strict=True,
        )
    }


def night_to_calibrate(seed: int) -> SimulatedNight:
    """Random nights of the generator that does not know the model, and scenarios by turns."""
    if seed % 2:
        return random_night(seed)
    every = {**SCENARIOS, **HANDSHAKE_SCENARIOS}
    scenarios = [every[name] for name in every if name not in NEEDS_CLOCKS]
    return plan_night(scenarios[seed // 2 % len(scenarios)], NIGHT, seed)


def keep_bins(nights: range, bins: Bins) -> Bins:
    """Put the bins of these nights on record; the sum of all that are."""
    kept = json.loads(_KEPT.read_text()) if _KEPT.exists() else {}
    kept[f"{nights.start} to {nights.stop - 1}"] = [list(astuple(each)) for each in bins.values()]
    _KEPT.parent.mkdir(parents=True, exist_ok=True)
    _KEPT.write_text(json.dumps(kept))
    return _sum_of(kept)


def format_kept() -> str:
    """The bins of all nights on record, '' without any."""
    if not _KEPT.exists():
        return ""
    kept = json.loads(_KEPT.read_text())
    return f"calibration, nights {', '.join(kept)}\n{format_bins(_sum_of(kept))}"


def _sum_of(kept: Mapping[str, list[list[int]]]) -> Bins:
    total = NO_BINS
    for numbers in kept.values():
        total = add_bins(total, dict(zip(NO_BINS, (Bin(*each) for each in numbers), strict=True)))
    return total


def add_bins(one: Bins, other: Bins) -> Bins:
    """The sums of two nights' bins."""
    return {key: one[key] + other[key] for key in one}


def format_bins(bins: Bins) -> str:
    """One line per bin, with ABOVE where more are wrong than stated."""
    lines = ["given   stated   runs  wrong  observed     bound"]
    for (what, stated), counted in bins.items():
        observed = counted.wrong / counted.runs if counted.runs else 0.0
        lines.append(
            f"{what:<6}{stated:8.1e}{counted.runs:7}{counted.wrong:7}{observed:10.1e}"
            f"{counted.bound:10.1e}" + ("  ABOVE" if counted.is_above(stated) else "")
        )
    return "\n".join(lines)


def _given(decision: Decision, what: str) -> Booleans:
    if what == "label":
        return np.isin(decision.label, (CODE_A, CODE_B))
    return np.asarray(decision.partner != NO_PARTNER)


def _count(simulated: SimulatedNight, decision: Decision, what: str, chosen: Booleans) -> Bin:
    truth = simulated.truth
    rows = np.flatnonzero(chosen)
    _, first = np.unique(truth.run[rows], return_index=True)
    first = rows[first]
    if what == "label":
        wrong = decision.label[first] != truth.flc[first]
    else:
        wrong = truth.trigger[decision.partner[first]] != truth.trigger[first]
    return Bin(len(first), int(wrong.sum()))
