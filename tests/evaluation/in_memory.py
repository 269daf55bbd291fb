"""A simulated night as sync would read it, without a disk and without pixels."""

from __future__ import annotations

from vampd.errors import MalformedCube
from vampd.model.cubes import RawCube, SetAside, check_stamps, check_timing
from vampd.model.nights import FileStamp, timing_name
from vampd.simulate.night import SimulatedCube, SimulatedNight
from vampd.simulate.truth import FAMILY_OF_DEFECT

_BLOCK_BYTES = 2880
_ROW_BYTES = 107


def offer_cubes(simulated: SimulatedNight) -> tuple[tuple[RawCube, ...], tuple[SetAside, ...]]:
    """The usable cubes, and those that reading sets aside, in the order of the truth."""
    usable: list[RawCube] = []
    aside: list[SetAside] = []
    for cube in simulated.cubes:
        fits, timing_file = _stamps(simulated, cube)
        if cube.defect is None:
            try:
                check_timing(cube.timing, len(cube.timing))
                check_stamps(cube.timing)
            except MalformedCube as error:
                aside.append(
                    SetAside(fits, timing_file, len(cube.timing), error.code, error.message)
                )
            else:
                usable.append(_raw_cube(simulated, cube))
        else:
            code = f"{FAMILY_OF_DEFECT[cube.defect]}_simulated"
            reason = f"simulated defect {cube.defect}"
            aside.append(SetAside(fits, timing_file, len(cube.timing), code, reason))
    return tuple(usable), tuple(aside)


def _raw_cube(simulated: SimulatedNight, cube: SimulatedCube) -> RawCube:
    fits, timing_file = _stamps(simulated, cube)
    rows, columns = simulated.scenario.crop.shape(cube.stream.camera)
    shape = (len(cube.timing), rows, columns)
    return RawCube(cube.stream, fits, timing_file, shape, cube.cards, cube.timing)


def _stamps(simulated: SimulatedNight, cube: SimulatedCube) -> tuple[FileStamp, FileStamp]:
    rows, columns = simulated.scenario.crop.shape(cube.stream.camera)
    blocks = -(-80 * (len(cube.cards) + 1) // _BLOCK_BYTES)
    blocks += -(-2 * rows * columns * len(cube.timing) // _BLOCK_BYTES)
    written_ns = int(cube.timing.logged_ns[-1])
    return (
        FileStamp(cube.path, blocks * _BLOCK_BYTES, written_ns),
        FileStamp(timing_name(cube.path), _ROW_BYTES * len(cube.timing), written_ns),
    )
