"""Space on disks, and memory for workers."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.model.resources.need import (
        Need,
        Space,
        find_shortage,
        is_low,
        need_here,
        need_there,
        spare_bytes,
    )
    from vampd.model.resources.worker_count import WORKER_BYTES, workers_that_fit
else:
    __getattr__ = show(
        __name__,
        {
            "need": "find_shortage is_low Need need_here need_there Space spare_bytes",
            "worker_count": "WORKER_BYTES workers_that_fit",
        },
    )

__all__ = [
    "WORKER_BYTES",
    "Need",
    "Space",
    "find_shortage",
    "is_low",
    "need_here",
    "need_there",
    "spare_bytes",
    "workers_that_fit",
]
