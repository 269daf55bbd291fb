"""The rules that are judged beside each other on one night."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from tests.evaluation.decision import Decision, Judge, Score, decision_of, score_decision
from tests.evaluation.old_tools import decide_as_old_tools
from tests.evaluation.suite import NIGHT, synchronise_night
from tests.evaluation.trigger_model import decide_by_model
from vampd.simulate.night import SimulatedNight, plan_night
from vampd.simulate.scenario import Scenario


def decide_by_sync(simulated: SimulatedNight) -> Decision:
    """What the daemon's sync decides."""
    return decision_of(simulated, synchronise_night(simulated))


JUDGES: Mapping[str, Judge] = MappingProxyType(
    {"sync": decide_by_sync, "old tools": decide_as_old_tools, "model": decide_by_model}
)


def score_scenario(
    scenario: Scenario, seeds: Iterable[int], judges: Mapping[str, Judge] = JUDGES
) -> dict[str, Score]:
    """Each rule's score over one night per seed."""
    scores = dict.fromkeys(judges, Score())
    for seed in seeds:
        for name, score in score_night(plan_night(scenario, NIGHT, seed), judges).items():
            scores[name] += score
    return scores


def score_night(
    simulated: SimulatedNight, judges: Mapping[str, Judge] = JUDGES
) -> dict[str, Score]:
    """Each rule's score on one night."""
    return {name: score_decision(simulated, decide(simulated)) for name, decide in judges.items()}
