"""Matching: which offsets explain a run."""

import numpy as np
import pytest

from vampd.model.sync.partners.matching import Match, explained_matches


def match(pairs: int, spread_us: float = 1.0, offset_us: int = 0) -> Match:
    positions = np.arange(pairs)
    return Match(positions, positions, offset_us, np.zeros(pairs, np.int64), spread_us)


@pytest.mark.parametrize(
    ("most", "fewest"),
    [(1000, 699), (100, 69), (10, 6), (3, 2), (2, 1)],  # seven in ten, and one by chance
)
def test_an_offset_explains_a_run_if_it_pairs_seven_tenths_of_what_the_best_one_pairs(
    most: int, fewest: int
) -> None:
    best, enough, few = (
        match(pairs, offset_us=offset_us)
        for offset_us, pairs in enumerate((most, fewest, fewest - 1))
    )
    assert explained_matches([few, best, enough]) == [best, enough]


def test_among_many_pairs_an_offset_explains_a_run_only_if_it_scatters_about_as_little() -> None:
    best, like, unlike = match(16, 10.0), match(16, 42.0, 1), match(16, 42.1, 2)
    assert explained_matches([unlike, best, like]) == [best, like]
    # Fewer do not tell their spread.
    few = [match(15, 10.0), match(15, 500.0, 1)]
    assert explained_matches(few) == few
