"""A night is as expected only where nothing leaves what is documented."""

import numpy as np
import pytest

from tests.support.builders.frames import (
    START_US,
    Night,
    expose,
    make_cube,
    set_aside,
    trigger_train,
)
from tests.support.builders.observed import observe
from vampd.model.nights import Stream

TRAIN = trigger_train(400, period_us=10_000)


def test_a_usual_night_is_as_expected() -> None:
    summary = observe(expose(TRAIN)).summary
    assert (summary.unexpected, summary.notable) == (None, ())
    assert summary.verdict.startswith("as expected")


def test_a_night_of_which_no_cube_was_taken_is_not_as_expected() -> None:
    assert observe(Night()).summary.verdict == "none: sync has taken no cube"


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"offset_us": 1_400}, "the offset is beyond"),
        ({"jitter_us": 150.0}, "pairs scatter"),
    ],
)
def test_pairs_that_leave_the_documented_are_to_be_checked(
    how: dict[str, float], what: str
) -> None:
    summary = observe(expose(TRAIN, **how)).summary  # type: ignore[arg-type]
    assert summary.unexpected is None
    assert any(what in phrase for phrase in summary.notable)
    assert summary.verdict.startswith("to be checked, within the limits of [sync]: ")


def test_a_few_percent_set_aside_are_to_be_checked() -> None:
    night = expose(TRAIN)
    bad = set_aside(Stream.VCAM1, "bad.fits", frames=30)
    summary = observe(type(night)(night.cubes, (bad,))).summary
    assert summary.unexpected is None
    assert "3.6% of the frames were set aside" in summary.notable


def test_siblings_that_disagree_are_to_be_checked() -> None:
    times_us = START_US + np.arange(100) * 10_000
    cubes = tuple(
        make_cube(stream, times_us, {"RET-ANG1": angle})
        for stream, angle in ((Stream.VCAM1, 0.0), (Stream.VCAM2, 45.0))
    )
    summary = observe(type(expose(TRAIN))(cubes)).summary
    assert any("200 frames is not certain" in phrase for phrase in summary.notable)
