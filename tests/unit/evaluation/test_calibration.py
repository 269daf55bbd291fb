"""The chance to be wrong that the model states is honest; the soak prints the figures."""

import pytest

from tests.evaluation.calibration import (
    CHANCES,
    NO_BINS,
    Bin,
    add_bins,
    calibrate,
    keep_bins,
    night_to_calibrate,
)
from tests.support.examples import seeds_of_round


@pytest.mark.soak
def test_no_more_is_wrong_than_stated():
    """Over all rounds; and nothing that the default settings give, which each run shows."""
    nights = seeds_of_round(20)
    bins = NO_BINS
    for seed in nights:
        night_bins = calibrate(night_to_calibrate(seed))
        assert [night_bins[what, CHANCES[-1]].wrong for what in ("label", "pair")] == [0, 0], seed
        bins = add_bins(bins, night_bins)
    above = {key: each for key, each in keep_bins(nights, bins).items() if each.is_above(key[1])}

    assert above == {}


def test_a_few_wrong_ones_of_many_are_within_what_is_stated():
    assert not Bin(runs=100, wrong=1).is_above(0.01)
    assert Bin(runs=100, wrong=7).is_above(0.01)
    assert not Bin(runs=10_000, wrong=0).is_above(1e-6)
    assert Bin(runs=473).bound == pytest.approx(0.0097, abs=1e-4)
