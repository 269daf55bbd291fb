"""Named scenarios that together hold every case that sync has to get right.

Small ones, to be judged in memory (``tests.evaluation``); their pixels are never made. Each
tells in its ``description`` what happens and what a trustworthy sync makes of it. Where nothing
else is told, it pairs every frame that has a partner and labels it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tests.evaluation.scenarios.clocks import CLOCK_SCENARIOS
from tests.evaluation.scenarios.counters import COUNTER_SCENARIOS
from tests.evaluation.scenarios.cutting import CUTTING_SCENARIOS
from tests.evaluation.scenarios.flc import FLC_SCENARIOS
from tests.evaluation.scenarios.flc_cards import FLC_CARD_SCENARIOS
from tests.evaluation.scenarios.losses import LOSS_SCENARIOS
from tests.evaluation.scenarios.offsets import OFFSET_SCENARIOS
from vampd.simulate.scenario import Scenario

SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            *OFFSET_SCENARIOS,
            *LOSS_SCENARIOS,
            *CLOCK_SCENARIOS,
            *CUTTING_SCENARIOS,
            *FLC_SCENARIOS,
            *FLC_CARD_SCENARIOS,
            *COUNTER_SCENARIOS,
        )
    }
)

__all__ = ["SCENARIOS"]
