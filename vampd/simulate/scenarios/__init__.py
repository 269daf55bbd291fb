"""Named scenarios that together hold every case that sync has to get right.

Small ones, to be judged in memory (``vampd.simulate.judge``); their pixels are never made. Each
tells in its ``description`` what happens and what a trustworthy sync makes of it. Where nothing
else is told, it pairs every frame that has a partner and labels it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vampd.simulate.scenario import Scenario
from vampd.simulate.scenarios.clocks import CLOCK_SCENARIOS
from vampd.simulate.scenarios.counters import COUNTER_SCENARIOS
from vampd.simulate.scenarios.cutting import CUTTING_SCENARIOS
from vampd.simulate.scenarios.flc import FLC_SCENARIOS
from vampd.simulate.scenarios.flc_cards import FLC_CARD_SCENARIOS
from vampd.simulate.scenarios.losses import LOSS_SCENARIOS
from vampd.simulate.scenarios.offsets import OFFSET_SCENARIOS

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
