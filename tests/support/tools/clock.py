"""A wall clock that a test steps, for processes of their own, by a shim below their C library."""

from __future__ import annotations

import mmap
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock_shim.c")


class SteppedClock:
    """The wall clock of the processes that are started with ``environ``."""

    def __init__(self, folder: Path, tool: Callable[[str], str]) -> None:
        library, step = folder / "clock_shim.so", folder / "clock_step"
        flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
        command = [tool("cc"), *flags, "-o", str(library), str(_SOURCE), "-ldl", "-lm"]
        subprocess.run(command, check=True)
        step.write_bytes(struct.pack("d", 0.0))
        with step.open("r+b") as file:
            self._step = mmap.mmap(file.fileno(), 8)
        self.environ = {"LD_PRELOAD": str(library), "CLOCK_SHIM_FILE": str(step)}

    def step_to(self, time_s: float) -> None:
        """From now on the clock goes on from this time (unix seconds)."""
        self._step[:] = struct.pack("d", round(time_s - time.time()))

    def step_back(self) -> None:
        """From now on it shows the real time."""
        self._step[:] = struct.pack("d", 0.0)
