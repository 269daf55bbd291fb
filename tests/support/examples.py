"""How many examples the laws get that take long for each, and what is left to the soak."""

from collections.abc import Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

from tests.conftest import IN_SOAK, SOAK_ROUND

_Parameter = TypeVar("_Parameter")

_IN_SOAK = 200


def examples(few: int) -> int:
    """``few``, but two hundred in each round of the soak."""
    return _IN_SOAK if IN_SOAK else few


def seeds_of_round(count: int) -> range:
    """So many seeds, others in each round of the soak."""
    return range(SOAK_ROUND * count, (SOAK_ROUND + 1) * count)


def others_in_soak(
    parameters: Iterable[_Parameter], few: int = 1
) -> list[_Parameter | ParameterSet]:
    """The first ``few`` for `make test`, the others for the soak: each costs a night or more."""
    every = list(parameters)
    return [*every[:few], *(_for_soak(parameter) for parameter in every[few:])]


def _for_soak(parameter: object) -> ParameterSet:
    values = parameter if isinstance(parameter, tuple) else (parameter,)
    return pytest.param(*values, marks=pytest.mark.soak)
