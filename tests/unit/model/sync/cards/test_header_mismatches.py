"""Cards on which the cameras differ: one line each for the night, compared as values."""

import pytest

from tests.support.builders.frames import HOUR_US, START_US, Changes, Night, expose, trigger_train
from vampd.model.sync import Limits, SyncRules

RULES = SyncRules(
    gap_us=3_000_000,
    span_us=10_000_000,
    cut_on=("U_DETMOD", "FILTER01", "DETGAIN"),
    limits=Limits(largest_error=1e-6, largest_offset_us=2_000),
)


def shown(first: Changes, second: Changes, runs: int = 3) -> list[str]:
    changes = {(1, 0): first, (2, 0): second}
    night = Night()
    for run in range(runs):
        start_us = START_US + run * HOUR_US
        night += expose(trigger_train(100), start_us=start_us, cube_changes=changes)
    return [text for text in night.synchronize(RULES).remarks if "disagree on" in text]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"U_DETMOD": "FAST"}, {"U_DETMOD": "Fast"}),
        ({"U_DETMOD": "Fast   "}, {"U_DETMOD": "Fast"}),
        ({"FILTER01": 1}, {"FILTER01": 1.0}),
        ({"DETGAIN": 1.0}, {"DETGAIN": 2.0}),  # each camera has its own
    ],
)
def test_one_value_written_in_two_ways_is_no_difference(first: Changes, second: Changes) -> None:
    assert shown(first, second) == []


def test_a_card_is_one_line_however_many_runs_differ() -> None:
    (line,) = shown({"FILTER01": "Open"}, {"FILTER01": "675-60"})
    assert line.startswith("the cameras disagree on FILTER01 for 300 pairs, first 'Open' in vcam1/")
