"""What the machine is and has, and how it is spared: cores, memory, disks, the page cache."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.disk.machine.cache import (
        drop_all,
        drop_behind,
        drop_from_cache,
        expect_picks,
        expect_sequential,
        read_ahead,
    )
    from vampd.disk.machine.capacity import (
        LONGEST_TMPDIR_BYTES,
        available_memory_bytes,
        boot_id,
        count_cores,
        processes_left,
    )
    from vampd.disk.machine.disks import System, disks_under
    from vampd.disk.machine.file_system import clock_ahead_s, is_read_only, space_at
    from vampd.disk.machine.heap import bound_heap, keep_heap, shrink_heap
    from vampd.disk.machine.mounts import Mounts, find_mount
    from vampd.disk.machine.writeback import WriteBack
else:
    __getattr__ = show(
        __name__,
        {
            "cache": (
                "drop_all drop_behind drop_from_cache expect_picks expect_sequential read_ahead"
            ),
            "capacity": (
                "LONGEST_TMPDIR_BYTES available_memory_bytes boot_id count_cores processes_left"
            ),
            "disks": "disks_under System",
            "file_system": "clock_ahead_s is_read_only space_at",
            "heap": "bound_heap keep_heap shrink_heap",
            "mounts": "find_mount Mounts",
            "writeback": "WriteBack",
        },
    )

__all__ = [
    "LONGEST_TMPDIR_BYTES",
    "Mounts",
    "System",
    "WriteBack",
    "available_memory_bytes",
    "boot_id",
    "bound_heap",
    "clock_ahead_s",
    "count_cores",
    "disks_under",
    "drop_all",
    "drop_behind",
    "drop_from_cache",
    "expect_picks",
    "expect_sequential",
    "find_mount",
    "is_read_only",
    "keep_heap",
    "processes_left",
    "read_ahead",
    "shrink_heap",
    "space_at",
]
