"""Corrections are laid over cubes: all of them or none, and both cameras of a pair alike."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.support.builders.frames import make_cube
from vampd.errors import DataError
from vampd.model.cubes import RawCube
from vampd.model.headers import Correction, Corrections
from vampd.model.nights import CAMERA_STREAMS
from vampd.model.sync.overlay import Overlay, lay_over

BEGIN_US, FRAMES, STEP_US = 1_762_424_400_000_000, 10, 10_000
APART_US = 60_000_000
STALE, TRUE = "22.5", "67.5"


def moment(time_us: int) -> str:
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return since.replace(tzinfo=None).isoformat()


def night_cubes() -> list[list[RawCube]]:
    """Two cubes of each camera, one minute apart, by camera."""
    return [
        [
            make_cube(
                stream,
                BEGIN_US + cube * APART_US + camera * 140 + np.arange(FRAMES) * STEP_US,
                {"RET-ANG1": float(STALE), "OBJECT": "HD 1"},
            )
            for cube in range(2)
        ]
        for camera, stream in enumerate(CAMERA_STREAMS)
    ]


def correction(
    files: str, keyword: str = "RET-ANG1", old: str = STALE, new: str = TRUE
) -> Correction:
    return Correction(files, keyword, old, new, "the log of the plate")


def laid(cubes: Sequence[RawCube], *rows: Correction, others: bool = False) -> Overlay:
    return lay_over(cubes, Corrections(rows), [cube.path for cube in cubes], others=others)


def refused(cubes: Sequence[RawCube], *rows: Correction) -> str:
    with pytest.raises(DataError) as caught:
        laid(cubes, *rows)
    assert caught.value.code == "correction_disagrees"
    return str(caught.value)


def angles(overlay: Overlay) -> dict[str, float | None]:
    return {cube.path: cube.cards.number("RET-ANG1") for cube in overlay.cubes}


def test_nothing_to_correct_leaves_all_cubes_as_they_are() -> None:
    one, two = night_cubes()
    overlay = laid([*one, *two])
    assert overlay.cubes == (*one, *two)
    assert not overlay.applied


@pytest.mark.parametrize("camera", [0, 1])
def test_a_cube_is_corrected_with_the_one_that_the_other_camera_took_then(camera: int) -> None:
    both = night_cubes()
    cubes = [*both[0], *both[1]]
    overlay = laid(cubes, correction(both[camera][0].path))
    corrected = {both[0][0].path, both[1][0].path}
    assert angles(overlay) == {
        cube.path: float(TRUE if cube.path in corrected else STALE) for cube in cubes
    }
    assert set(overlay.applied) == corrected
    # Raw itself says what it said.
    assert {cube.cards.number("RET-ANG1") for cube in cubes} == {float(STALE)}


def test_a_span_means_the_cubes_that_lie_in_it_whole() -> None:
    both = night_cubes()
    cubes = [*both[0], *both[1]]
    first_us, last_us = BEGIN_US, both[1][0].span_us[1]
    overlay = laid(cubes, correction(f"{moment(first_us)}..{moment(last_us)}"))
    assert set(overlay.applied) == {both[0][0].path, both[1][0].path}
    said = refused(cubes, correction(f"{moment(first_us)}..{moment(last_us - STEP_US)}"))
    assert "only part of the frames" in said


def straddled(second: float) -> list[RawCube]:
    """Two cubes of the first camera, and one of the other taken with both; what they say."""
    frames = [BEGIN_US + np.arange(FRAMES) * STEP_US + later * FRAMES * STEP_US for later in (0, 1)]
    spans = (frames[0], frames[1], np.concatenate(frames))
    streams = (CAMERA_STREAMS[0], CAMERA_STREAMS[0], CAMERA_STREAMS[1])
    said = (float(STALE), second, float(STALE))
    return [
        make_cube(stream, span, {"RET-ANG1": angle, "OBJECT": "HD 1"})
        for stream, span, angle in zip(streams, spans, said, strict=True)
    ]


def test_no_correction_leaves_a_pair_with_two_values() -> None:
    cubes = straddled(float(STALE))
    one, other, both = (cube.path for cube in cubes)
    for alone in (one, other):
        assert "was taken at the same time and says 22.5" in refused(cubes, correction(alone))
    whole = angles(laid(cubes, correction(one), correction(other)))
    assert whole == angles(laid(cubes, correction(both))) == dict.fromkeys(whole, float(TRUE))
    # One that says the new value already agrees with it.
    right = straddled(float(TRUE))
    assert set(laid(right, correction(right[0].path)).applied) == {one, both}


def test_a_cube_that_says_the_new_value_already_is_left_as_it_is() -> None:
    """The loggers of both cameras close their cubes, and copy the cards, at different times."""
    stale, *_ = night_cubes()[0]
    right = make_cube(
        CAMERA_STREAMS[1], BEGIN_US + np.arange(FRAMES) * STEP_US, {"RET-ANG1": float(TRUE)}
    )
    overlay = laid([stale, right], correction(stale.path))
    assert set(overlay.applied) == {stale.path}
    assert set(angles(overlay).values()) == {float(TRUE)}
    # Said of that cube itself, it disagrees.
    assert "says 67.5" in refused([stale, right], correction(right.path))


def test_one_correction_that_does_not_fit_refuses_all() -> None:
    both = night_cubes()
    cubes = [*both[0], *both[1]]
    good = correction(both[0][0].path)
    assert "says 22.5" in refused(cubes, good, correction(both[0][1].path, old="45"))
    assert "no cube is meant" in refused(cubes, good, correction("vcam1/other.fits"))
    assert "another line" in refused(cubes, good, correction(both[1][0].path, new="45"))
    # The same said of both cameras is no contradiction.
    assert len(laid(cubes, good, correction(both[1][0].path)).applied) == 2


def test_cubes_that_are_not_given_may_be_meant_where_others_are_left_out() -> None:
    both = night_cubes()
    assert not laid(both[0], correction("vcam1/other.fits"), others=True).applied


def test_a_card_that_is_missing_is_told() -> None:
    both = night_cubes()
    cubes = [*both[0], *both[1]]
    added = correction(both[0][0].path, "RET-POS2", "", "45")
    assert laid(cubes, added).cubes[0].cards.number("RET-POS2") == 45
    assert "says nothing" in refused(cubes, correction(both[0][0].path, "RET-POS2", "1", "45"))
