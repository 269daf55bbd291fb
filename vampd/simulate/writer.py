"""Writing a simulated night as the camera loggers do.

Recent loggers write ``<name>.fits.<pid>.<tid>.tmp`` and rename it, older ones write in place;
either way the timing file follows when the cube is complete. Each camera has its own thread, as it
has its own logger.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vampd.errors import DiskFull, UsageError
from vampd.model.nights import CAMERA_STREAMS, Stream, timing_name
from vampd.simulate.header_cards import header_copy_bytes
from vampd.simulate.logger_files import cube_blocks, timing_bytes
from vampd.simulate.night import SimulatedCube, SimulatedNight
from vampd.simulate.pixels import Detector
from vampd.simulate.scenario import HeaderCopy

_PARTS_IN_REAL_TIME = 10  # a cube grows in this many steps
_TIMING_AFTER_NS = 50_000_000  # from the last frame to the timing file, in the night's time


class Writer(StrEnum):
    """How the files are created.

    AT_ONCE writes them under their names as fast as possible; loggers keep the night's own pace.
    """

    AT_ONCE = "at_once"
    RECENT_LOGGER = "recent_logger"
    OLD_LOGGER = "old_logger"


def write_night(
    simulated: SimulatedNight,
    root: Path,
    *,
    writer: Writer = Writer.AT_ONCE,
    speed: float = 1.0,
) -> Path:
    """Write the night below the watched root and return its folder.

    ``speed`` is how many of the night's seconds pass per second, for loggers. The folder may exist
    (late cubes); UsageError (``cube_exists``) if one of the cubes does, before anything is written.
    DiskFull (``disk_full``) if there is no space.
    """
    if not speed > 0:
        raise ValueError(f"a night passes at a positive speed, not {speed}")
    folder = root / simulated.night.folder
    _refuse_existing(simulated, folder)
    try:
        _run_loggers(simulated, folder, writer, speed)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                "disk_full",
                f"no space for the simulated night in {folder}: free some or use a smaller preset",
                path=str(folder),
            ) from error
        raise
    return folder


@dataclass(frozen=True)
class _Pace:
    """Lets the night's time pass, and stops the loggers when one of them failed."""

    writer: Writer
    first_ns: int
    speed: float
    started_s: float
    stop: threading.Event

    def wait_for(self, time_ns: int) -> None:
        """Return when this time of the night has come, or when the loggers must stop."""
        if self.writer is Writer.AT_ONCE:
            return
        due_s = self.started_s + (time_ns - self.first_ns) / 1e9 / self.speed
        self.stop.wait(max(0.0, due_s - time.monotonic()))


def _refuse_existing(simulated: SimulatedNight, folder: Path) -> None:
    for cube in simulated.cubes:
        if (folder / cube.path).exists():
            raise UsageError(
                "cube_exists",
                f"{folder / cube.path} already exists: choose another night, seed or start",
                path=str(folder / cube.path),
            )


def _run_loggers(simulated: SimulatedNight, folder: Path, writer: Writer, speed: float) -> None:
    first_ns = min((int(cube.timing.logged_ns[0]) for cube in simulated.cubes), default=0)
    pace = _Pace(writer, first_ns, speed, time.monotonic(), threading.Event())
    with ThreadPoolExecutor(len(CAMERA_STREAMS)) as executor:
        loggers = [
            executor.submit(_write_stream, simulated, stream, folder, pace)
            for stream in CAMERA_STREAMS
        ]
        try:
            wait(loggers, return_when=FIRST_EXCEPTION)
        finally:
            pace.stop.set()
        for logger in loggers:
            logger.result()


def _write_stream(simulated: SimulatedNight, stream: Stream, folder: Path, pace: _Pace) -> None:
    cubes = simulated.stream_cubes(stream)
    if not cubes:
        return
    detector = Detector(simulated.scenario.crop, stream.camera, simulated.seed)
    (folder / stream).mkdir(parents=True, exist_ok=True)
    for cube in cubes:
        if pace.stop.is_set():
            return
        _write_cube(simulated, cube, detector, folder / cube.path, pace)


def _write_cube(
    simulated: SimulatedNight, cube: SimulatedCube, detector: Detector, path: Path, pace: _Pace
) -> None:
    run = simulated.scenario.runs[cube.run]
    growing = path
    if pace.writer is Writer.RECENT_LOGGER:
        growing = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    logged_ns = cube.timing.logged_ns
    at_once = pace.writer is Writer.AT_ONCE
    step = None if at_once else -(-len(logged_ns) // _PARTS_IN_REAL_TIME)
    with growing.open("xb") as file:
        for complete, block in cube_blocks(cube, run, detector, step):
            pace.wait_for(int(logged_ns[max(0, complete - 1)]))
            if pace.stop.is_set():
                return  # as a killed logger leaves it
            file.write(block)
            file.flush()
    if growing != path:
        growing.rename(path)
    if run.header_copy is HeaderCopy.LEFT:
        path.with_name(f"{path.name}.header").write_bytes(header_copy_bytes(cube.cards))
    pace.wait_for(int(logged_ns[-1]) + _TIMING_AFTER_NS)
    timing = timing_bytes(cube)
    if timing is not None and not pace.stop.is_set():
        path.with_name(timing_name(path.name)).write_bytes(timing)
