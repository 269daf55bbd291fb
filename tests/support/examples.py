"""How many examples the laws get that take long for each."""

from tests.conftest import IN_SOAK

_IN_SOAK = 1000


def examples(few: int) -> int:
    """``few``, but in the soak a thousand."""
    return _IN_SOAK if IN_SOAK else few
