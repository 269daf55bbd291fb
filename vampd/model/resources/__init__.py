"""Space on disks, and memory for workers."""

from vampd.model.resources.low_space import LowSpace
from vampd.model.resources.space import (
    Need,
    Space,
    find_shortage,
    is_low,
    need_here,
    need_there,
    spare_bytes,
)
from vampd.model.resources.worker_count import WORKER_BYTES, workers_that_fit

__all__ = [
    "WORKER_BYTES",
    "LowSpace",
    "Need",
    "Space",
    "find_shortage",
    "is_low",
    "need_here",
    "need_there",
    "spare_bytes",
    "workers_that_fit",
]
