"""Runs: where neither camera stood idle and no exposure time changed."""

from collections.abc import Sequence

import numpy as np

from tests.support.builders.frames import START_US, make_cube
from vampd.model.nights import Stream
from vampd.model.sync import CameraSequence, chain_cubes, number_runs
from vampd.model.sync.runs import number_alike

Part = tuple[Sequence[int], float]


def camera(stream: Stream, *parts: Part) -> CameraSequence:
    """Cubes of these frames (ms since the start), each with its EXPTIME (ms)."""
    cubes = [
        make_cube(stream, [START_US + 1000 * t for t in times], {"EXPTIME": exposure_ms / 1000})
        for times, exposure_ms in parts
    ]
    return chain_cubes(stream, cubes, ())


def runs(one: CameraSequence, two: CameraSequence) -> list[tuple[list[int], list[int]]]:
    """The runs' frames in ms since the start; camera 2's are 1 ms later than they were exposed."""
    numbers = number_runs(one, two, 3_000_000)
    return [
        tuple(
            ((side.acquired_us[own == run] - START_US) // 1000).tolist()
            for side, own in zip((one, two), numbers, strict=True)
        )
        for run in np.unique(np.concatenate(numbers)).tolist()
    ]


def test_no_frames_are_no_run() -> None:
    nothing = camera(Stream.VCAM1)
    assert runs(nothing, camera(Stream.VCAM2)) == []


def test_a_camera_alone_has_its_own_runs() -> None:
    alone = camera(Stream.VCAM1, ([0, 10, 5000], 2))
    assert runs(alone, camera(Stream.VCAM2)) == [([0, 10], []), ([5000], [])]


def test_a_pause_of_one_camera_is_no_end_while_the_other_goes_on() -> None:
    one = camera(Stream.VCAM1, ([0, 10_000], 2))
    two = camera(Stream.VCAM2, (list(range(1, 10_002, 2000)), 2))
    assert len(runs(one, two)) == 1


def test_the_pause_is_counted_from_the_end_of_a_frame_to_the_begin_of_the_next_exposure() -> None:
    def count(next_ms: int) -> int:
        return len(runs(camera(Stream.VCAM1, ([0, next_ms], 2000)), camera(Stream.VCAM2)))

    assert count(5000) == 1  # idle for 3 s exactly
    assert count(5001) == 2


def test_a_new_exposure_time_of_both_cameras_begins_one_run() -> None:
    one = camera(Stream.VCAM1, ([0, 10], 2), ([20, 30], 4))
    two = camera(Stream.VCAM2, ([1, 11], 2), ([21, 31], 4))
    assert runs(one, two) == [([0, 10], [1, 11]), ([20, 30], [21, 31])]
    # also when camera 2's times are the earlier ones
    early = camera(Stream.VCAM2, ([-1, 9], 2), ([19, 29], 4))
    assert runs(one, early) == [([0, 10], [-1, 9]), ([20, 30], [19, 29])]


def test_a_lost_frame_at_the_change_takes_no_partner_away() -> None:
    one = camera(Stream.VCAM1, ([0, 10], 2), ([20, 30, 40], 4))
    two = camera(Stream.VCAM2, ([1, 11], 2), ([31, 41], 4))
    assert runs(one, two) == [([0, 10], [1, 11]), ([20, 30, 40], [31, 41])]


def test_a_camera_that_shows_the_change_a_cube_late_stays_in_the_run() -> None:
    one = camera(Stream.VCAM1, ([0, 10], 2), ([20, 30, 40, 50], 4))
    two = camera(Stream.VCAM2, ([1, 11, 21, 31], 2), ([41, 51], 4))
    assert runs(one, two) == [([0, 10], [1, 11]), ([20, 30, 40, 50], [21, 31, 41, 51])]


def test_cameras_that_never_agree_on_the_exposure_time_still_share_runs() -> None:
    one = camera(Stream.VCAM1, ([0, 10], 2), ([20, 30], 4))
    two = camera(Stream.VCAM2, ([1, 11], 3), ([21, 31], 5))
    assert runs(one, two) == [([0, 10], [1, 11]), ([20, 30], [21, 31])]


def test_a_change_behind_a_run_of_the_other_camera_alone_leaves_that_run_whole() -> None:
    one = camera(Stream.VCAM1, ([0, 10], 2), ([900_000, 900_010], 3))
    two = camera(Stream.VCAM2, ([1, 11], 2), ([500_000, 500_010, 500_020], 4), ([900_001], 3))
    assert runs(one, two) == [
        ([0, 10], [1, 11]),
        ([], [500_000, 500_010, 500_020]),
        ([900_000, 900_010], [900_001]),
    ]


def test_every_frame_is_in_one_run() -> None:
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([7, 11, 4000], 200))
    parts = [(times[i : i + 9].tolist(), float(rng.choice([2, 4]))) for i in range(0, 200, 9)]
    one, two = camera(Stream.VCAM1, *parts), camera(Stream.VCAM2, *parts[5:])
    found = runs(one, two)
    assert [t for run in found for t in run[0]] == times.tolist()
    assert [t for run in found for t in run[1]] == times[45:].tolist()


def test_columns_that_are_alike_have_one_number_and_the_different_ones_their_order() -> None:
    table = np.array([[3, 3, 3, 1, 1, 3, 2], [0, 0, 1, 0, 0, 0, 0]])
    different, which = number_alike(table)

    assert different.tolist() == [[1, 2, 3, 3], [0, 0, 0, 1]]
    assert which.tolist() == [2, 2, 3, 0, 0, 2, 1]
    assert number_alike(table[:, :0])[1].tolist() == []
