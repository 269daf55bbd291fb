"""The FLC is switched while cameras log: what was taken without it has no state."""

import numpy as np
import pytest

from tests.support.builders.frames import FAST_US
from tests.unit.model.trigger.test_labels import label, wrong

_T_US, _COMMAND_US = 6_750.0, 3_000.0


def switched_off(alternating: int, steady: int, half_us: float, seed: int):
    """Times and states of an even number of frames with the FLC, a command, some without it.

    Each next trigger comes as soon after the frame before it as the trigger's waits allow: without
    the FLC every interval is the short one.
    """
    rng = np.random.default_rng(seed)
    steps_us = _T_US - half_us + rng.uniform(0, FAST_US, alternating + steady)
    steps_us[1:alternating:2] += 2 * half_us
    steps_us[alternating] += _COMMAND_US
    return 1e9 + np.cumsum(steps_us), "BA" * (alternating // 2) + "-" * steady


@pytest.mark.parametrize("card_us", [0, 1_000])
@pytest.mark.parametrize("steady", [10, 17])
def test_a_few_frames_behind_the_alternation_have_no_state_whatever_the_card_says(
    steady: int, card_us: float
) -> None:
    for seed in range(4):
        times, truth = switched_off(60, steady, 100, seed)
        found = label(times, card_us, cnt0=np.arange(len(times)))
        assert wrong(found, truth) == 0
        assert found[:50] == truth[:50]
