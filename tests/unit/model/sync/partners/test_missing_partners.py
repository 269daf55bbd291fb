"""Frames without a partner are no surprise only where a cube of the other camera was set aside."""

from dataclasses import replace

import pytest

from tests.support.builders.frames import HOUR_US, START_US, Night, expose, set_aside, trigger_train
from tests.support.examples import others_in_soak
from vampd.model.cubes import RawCube, SetAside
from vampd.model.nights import Stream

LATER_US = START_US + HOUR_US


def without(night: Night, lost: RawCube) -> Night:
    return replace(night, cubes=tuple(cube for cube in night.cubes if cube is not lost))


def aside(cube: RawCube, frames: int, code: str = "timing_cut") -> SetAside:
    return set_aside(cube.stream, cube.path.partition("/")[2], frames, code)


def unpaired(night: Night, *bad: SetAside) -> int:
    return replace(night, set_aside=bad).synchronize().counts.unpaired


@pytest.fixture
def night() -> Night:
    """Two runs, an hour apart: 100 frames of 50 a cube, twice."""
    return expose(trigger_train(100), cube_frames=(50, 50)) + expose(
        trigger_train(100), cube_frames=(50, 50), start_us=LATER_US
    )


@pytest.mark.parametrize("stream", [Stream.VCAM1, Stream.VCAM2])
@pytest.mark.parametrize("number", others_in_soak(range(4), few=2))
@pytest.mark.parametrize("frames", [50, 0])
def test_a_cube_that_was_set_aside_explains_the_frames_of_its_time(
    night: Night, stream: Stream, number: int, frames: int
) -> None:
    lost = night.of(stream)[number]
    rest = without(night, lost)
    assert unpaired(rest) == 50
    assert unpaired(rest, aside(lost, frames)) == 0


def test_it_explains_none_of_another_time(night: Night) -> None:
    lost, other = night.of(Stream.VCAM2)[0], night.of(Stream.VCAM2)[2]
    bad = aside(other, 50)
    assert unpaired(without(night, lost), bad) == 50
    assert unpaired(without(without(night, lost), other), bad) == 50


@pytest.mark.parametrize("camera", [Stream.VCAM1, Stream.VCAM2])
def test_a_camera_without_a_usable_cube_explains_nothing(night: Night, camera: Stream) -> None:
    rest, bad = night, []
    for lost in night.of(camera):
        rest = without(rest, lost)
        bad.append(aside(lost, 50))
    assert unpaired(rest, *bad) == 200


def test_it_explains_none_of_its_own_camera(night: Night) -> None:
    lost = night.of(Stream.VCAM2)[0]
    assert unpaired(without(night, lost), aside(night.of(Stream.VCAM1)[0], 50)) == 50


def test_it_explains_no_more_frames_than_it_held(night: Night) -> None:
    lost = night.of(Stream.VCAM2)[0]
    assert unpaired(without(night, lost), aside(lost, 20)) == 30
    assert unpaired(without(night, lost), aside(lost, 20), aside(lost, 25)) == 5


def test_a_copy_explains_nothing_for_its_frames_are_there(night: Night) -> None:
    lost = night.of(Stream.VCAM2)[0]
    assert unpaired(without(night, lost), aside(lost, 50, "duplicate_cube")) == 50


def test_a_name_without_a_time_explains_nothing(night: Night) -> None:
    lost = night.of(Stream.VCAM2)[0]
    assert unpaired(without(night, lost), set_aside(Stream.VCAM2, "nonsense.fits", 50)) == 50


def test_a_cube_before_midnight_explains_the_frames_before_midnight() -> None:
    start_us = START_US + 13 * HOUR_US + 40 * 60 * 1_000_000 - 50_000  # just before 00:00 UT
    night = expose(trigger_train(100), cube_frames=(50, 25), start_us=start_us)
    for lost in night.of(Stream.VCAM2):
        assert unpaired(without(night, lost), aside(lost, 25)) == 0
