"""Planned nights, which are never written."""

import pytest
from hypothesis import strategies as st

from vampd.model.nights import Kind, NightId
from vampd.simulate import (
    PRESETS,
    plan_night,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)


DAY_US = 86_400_000_000


presets = pytest.mark.parametrize("preset", PRESETS)


small_nights = st.builds(
    plan_night,
    st.sampled_from([PRESETS["tiny"], PRESETS["midnight"], PRESETS["demo"]]),
    st.just(NIGHT),
    st.integers(0, 2**32),
)


def plan(preset="tiny", seed=1):
    return plan_night(PRESETS[preset], NIGHT, seed)
