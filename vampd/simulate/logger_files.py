"""The contents of the camera loggers' files of one cube, byte for byte, including defects."""

from __future__ import annotations

from collections.abc import Iterator

from vampd.fits.headers import format_header, padded
from vampd.model.cubes import Timing, format_rows
from vampd.simulate.night import SimulatedCube
from vampd.simulate.pixels import Detector
from vampd.simulate.scenario import Defect, Run

_JUNK = b"This file is not what its name says.\n" * 200
_CUT_AFTER = 0.6  # the fraction of a cube that remains when it was cut short
_CUT_FROM_LAST_ROW = 50  # characters, of about 107
# The lines that the logger writes above the rows, including trailing blanks.
_TIMING_HEADER = (
    "# Telemetry stream timing data \n"
    "# File written by function save_telemetry_fits_function in file logshmim.c\n"
    "# \n"
    "# col1 : datacube frame index\n"
    "# col2 : Main index\n"
    "# col3 : Time since cube origin (logging)\n"
    "# col4 : Absolute time (logging)\n"
    "# col5 : Absolute time (acquisition)\n"
    "# col6 : stream cnt0 index\n"
    "# col7 : stream cnt1 index\n"
    "# \n"
)


def timing_bytes(cube: SimulatedCube) -> bytes | None:
    """The cube's timing file; None if it has none."""
    rows = format_rows(cube.timing).splitlines(keepends=True)
    match cube.defect:
        case Defect.TIMING_MISSING:
            return None
        case Defect.TIMING_EMPTY:
            rows = []
        case Defect.TIMING_CUT:
            rows[-1] = rows[-1][:-_CUT_FROM_LAST_ROW]
        case Defect.TIMING_SHORT:
            rows = rows[:-1]
        case Defect.TIMING_LONG:
            rows += _row_after(cube.timing)
        case Defect.TIMING_SIX_COLUMNS:
            rows = [_without_acquisition(row) for row in rows]
        case _:
            pass
    return (_TIMING_HEADER + "".join(rows)).encode("ascii")


def cube_blocks(
    cube: SimulatedCube, run: Run, detector: Detector, frames: int | None = None
) -> Iterator[tuple[int, bytes | memoryview]]:
    """The cube's bytes, in blocks of up to ``frames`` frames (None: of a size that is fast).

    Each comes with the number of frames complete so far, and is valid until the next one.
    """
    if cube.defect is Defect.CUBE_JUNK:
        yield 0, _JUNK
        return
    yield 0, format_header(cube.cards)
    if cube.defect is Defect.CUBE_CUT:
        whole = int(_CUT_AFTER * len(cube.exposures))
        yield from _frame_blocks(cube, run, detector, frames, whole)
        for block in detector.blocks(run, cube.exposures[whole : whole + 1]):
            yield whole, block[: len(block) // 2]
        return
    yield from _frame_blocks(cube, run, detector, frames, len(cube.exposures))
    pixel_bytes = detector.frame_bytes * len(cube.exposures)
    yield len(cube.exposures), bytes(padded(pixel_bytes) - pixel_bytes)


def _frame_blocks(
    cube: SimulatedCube, run: Run, detector: Detector, frames: int | None, stop: int
) -> Iterator[tuple[int, memoryview]]:
    complete = 0
    for block in detector.blocks(run, cube.exposures[:stop], frames):
        complete += len(block) // detector.frame_bytes
        yield complete, block


def _row_after(timing: Timing) -> list[str]:
    """The row of one frame more than the cube has."""
    last = {name: getattr(timing, name)[-1:] for name in timing.__dataclass_fields__}
    steps = {"frame": 1, "main_index": 1, "elapsed_ns": 10**7, "logged_ns": 10**7}
    steps |= {"acquired_us": 10**4, "cnt0": 1, "cnt1": 0}
    row = Timing(**{name: last[name] + step for name, step in steps.items()})
    return [format_rows(row)]


def _without_acquisition(row: str) -> str:
    # The fifth column in the logger's form: two blanks, ten digits, point, six digits.
    fields = row.split()
    return row.replace(f"  {fields[4]:>17}", "", 1)
