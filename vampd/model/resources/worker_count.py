"""How many packing workers a machine has room for."""

from __future__ import annotations

# What a worker takes at most, whatever the size of its cube.
WORKER_BYTES = 350_000_000
# For all others: what a camera's logger asks for next must be there.
_SPARE_BYTES = 500_000_000


def workers_that_fit(most: int, busy: int, available_bytes: int) -> int:
    """How many workers may be busy at once: at most ``most``, and never none.

    Those that are ``busy`` count as having their memory already; ``available_bytes`` is what the
    machine has left (MemAvailable).
    """
    more = max(0, available_bytes - _SPARE_BYTES) // WORKER_BYTES
    return max(1, min(most, busy + more))
