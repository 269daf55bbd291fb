"""Named scenarios of the handshake trigger, each sentence of what is known about it among them.

``description`` says what happens; where nothing else is told, every frame that has a partner is
paired and labeled.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tests.evaluation.scenarios.handshake.changes import CHANGE_SCENARIOS
from tests.evaluation.scenarios.handshake.clocks import HANDSHAKE_CLOCK_SCENARIOS
from tests.evaluation.scenarios.handshake.lateness import LATENESS_SCENARIOS
from tests.evaluation.scenarios.handshake.logging import LOGGING_SCENARIOS
from tests.evaluation.scenarios.handshake.pauses import PAUSE_SCENARIOS
from tests.evaluation.scenarios.handshake.sequences import SEQUENCE_SCENARIOS
from tests.evaluation.scenarios.handshake.steady import STEADY_SCENARIOS
from vampd.simulate.scenario import Scenario

HANDSHAKE_SCENARIOS: Mapping[str, Scenario] = MappingProxyType(
    {
        scenario.name: scenario
        for scenario in (
            *STEADY_SCENARIOS,
            *LOGGING_SCENARIOS,
            *LATENESS_SCENARIOS,
            *PAUSE_SCENARIOS,
            *CHANGE_SCENARIOS,
            *HANDSHAKE_CLOCK_SCENARIOS,
            *SEQUENCE_SCENARIOS,
        )
    }
)

# The model alone does not look at the clocks, and of these nights it would have to.
NEEDS_CLOCKS = frozenset({"host_clock_back_in_a_bad_cube"})

__all__ = ["HANDSHAKE_SCENARIOS", "NEEDS_CLOCKS"]
