"""How many packing workers fit in a machine's memory."""

from __future__ import annotations

# What a worker takes at most, whatever the size of its cube.
WORKER_BYTES = 350_000_000
# For all others: what a camera's logger allocates next must be available.
_SPARE_BYTES = 500_000_000


def workers_that_fit(most: int, busy: int, available_bytes: int) -> int:
    """How many workers may be busy at once: at most ``most``, and never none.

    Those that are ``busy`` already have their memory; ``available_bytes`` is what the
    machine has left (MemAvailable).
    """
    more = max(0, available_bytes - _SPARE_BYTES) // WORKER_BYTES
    return max(1, min(most, busy + more))
