"""What of a file is in the page cache."""

import ctypes
import mmap
from pathlib import Path

import numpy as np


def cached_bytes(path: Path) -> int:
    """How much of a file the kernel holds in memory, in whole pages; the file must not be empty."""
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as region:
        pages = np.zeros(-(-len(region) // mmap.PAGESIZE), np.uint8)
        address = np.frombuffer(region, np.uint8).ctypes.data
        result = libc.mincore(
            ctypes.c_void_p(address),
            ctypes.c_size_t(len(region)),
            ctypes.c_void_p(pages.ctypes.data),
        )
        if result != 0:
            raise OSError(ctypes.get_errno(), "mincore failed")
    return int((pages & 1).sum()) * mmap.PAGESIZE
