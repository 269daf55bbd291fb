"""How many examples the laws get that take long for each, and the seeds of the soak."""

from tests.conftest import IN_SOAK, SOAK_ROUND

_IN_SOAK = 200


def examples(few: int) -> int:
    """``few``, but two hundred in each round of the soak."""
    return _IN_SOAK if IN_SOAK else few


def seeds_of_round(count: int) -> range:
    """So many seeds, others in each round of the soak."""
    return range(SOAK_ROUND * count, (SOAK_ROUND + 1) * count)
