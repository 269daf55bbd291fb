"""Sequences: a camera's frames in time order, whatever cubes they lie in."""

from itertools import permutations

import numpy as np
import pytest

from tests.support.builders.frames import START_US, frames_of, make_cube
from vampd.model.cubes import RawCube
from vampd.model.nights import Stream
from vampd.model.sync import (
    chain_cubes,
    exposure_us,
    header_key,
    is_deinterleaved,
    is_triggered,
    set_aside_overlaps,
    window_rows,
)

CUT_ON = ("EXPTIME", "RET-ANG1", "FILTER01", "FILTER02", "OBJECT", "DATA-TYP")
RENAMED = {"RET_ANG1": "RET-ANG1", "DATA_TYP": "DATA-TYP"}
Value = str | bool | int | float | None


def cube(times_ms: range | list[int], name: str | None = None, **changes: Value) -> RawCube:
    cards = {RENAMED.get(keyword, keyword): value for keyword, value in changes.items()}
    times = [START_US + 1000 * t for t in times_ms]
    return make_cube(Stream.VCAM1, times, cards, name=name)


def test_frames_stand_in_time_order_whatever_the_names_and_the_order_given() -> None:
    # Names in HST: the alphabet knows nothing of time.
    cubes = [cube(range(5), "z.fits"), cube(range(10, 13), "a.fits"), cube([20], "m.fits")]
    for given in permutations(cubes):
        sequence = chain_cubes(Stream.VCAM1, given, CUT_ON)
        assert len(sequence) == 9
        assert (np.diff(sequence.acquired_us) > 0).all()
        assert [part.cube for part in sequence.ranges()] == [c.path for c in cubes]
        assert frames_of(sequence.ranges()) == [(c.path, f) for c in cubes for f in range(c.frames)]


def test_no_cubes_are_an_empty_sequence() -> None:
    sequence = chain_cubes(Stream.VCAM1, [], CUT_ON)
    assert len(sequence) == 0
    assert len(sequence.take(np.empty(0, np.int64))) == 0


def test_chosen_frames_refer_to_the_frames_they_were() -> None:
    first, second = cube(range(10)), cube(range(20, 30))
    sequence = chain_cubes(Stream.VCAM1, [first, second], CUT_ON)
    taken = sequence.take(np.array([1, 3, 5, 12, 13, 19], np.int64))
    assert frames_of(taken.ranges()) == [
        (first.path, 1),
        (first.path, 3),
        (first.path, 5),
        (second.path, 2),
        (second.path, 3),
        (second.path, 9),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"EXPTIME": 0.0019},
        {"RET_ANG1": 22.6},
        {"FILTER01": "625-50"},
        {"FILTER02": None},
        {"OBJECT": "HD 2"},
        {"DATA_TYP": "DARK"},
        {"U_FLCST": "OUT"},
        {"U_FLCEN": False},
        {"RET_ANG1": "22.5"},
        {"RET_ANG1": None},
    ],
)
def test_a_change_of_a_deciding_card_is_another_header(change: dict[str, Value]) -> None:
    assert header_key(cube([0]), CUT_ON) != header_key(cube([0], None, **change), CUT_ON)


def test_what_decides_nothing_shares_a_header() -> None:
    plain = header_key(cube([0]), CUT_ON)
    assert plain == header_key(cube([5], None, MJD=1.5, UT="x", COMMENT1="y"), CUT_ON)
    assert plain == header_key(cube([5], None, RET_ANG1=22.50), CUT_ON)


def test_another_window_is_another_header() -> None:
    assert header_key(cube([0]), ()) != header_key(
        make_cube(Stream.VCAM1, [START_US], columns=540), ()
    )
    assert header_key(cube([0]), ()) != header_key(make_cube(Stream.VCAM1, [START_US], rows=64), ())


def test_a_card_that_is_nonsense_is_a_header_like_any_other() -> None:
    nonsense = cube([0], None, RET_ANG1=float("nan"))
    assert header_key(nonsense, CUT_ON) == header_key(nonsense, CUT_ON)
    assert header_key(nonsense, CUT_ON) != header_key(cube([0]), CUT_ON)


def test_equal_headers_have_equal_numbers_and_a_header_that_comes_back_keeps_its_own() -> None:
    cubes = [cube([0]), cube([1], None, OBJECT="b"), cube([2])]
    assert chain_cubes(Stream.VCAM1, cubes, CUT_ON).header.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"EXTTRIG": False}, False),
        ({"EXTTRIG": None}, False),
        ({"EXTTRIG": "T"}, False),
        ({"U_FLCEN": False}, False),
        ({"U_FLCEN": None}, False),
        ({"U_FLCST": "OUT"}, False),
        ({"U_FLCST": "in "}, True),
        ({"U_FLCST": None}, False),
        ({"DETECTOR": "CRED1 - APAPANE"}, False),
        ({"DETECTOR": None}, False),
        ({"DETECTOR": "VCAM2 - OrcaQ"}, True),
        ({"U_FLC": ""}, True),
        ({"U_FLC": None}, True),
        ({"U_FLC": "NA "}, True),
        ({"U_FLC": "A"}, False),
    ],
)
def test_frames_alternate_only_when_trigger_and_flc_run_and_nobody_split_them(
    change: dict[str, Value], expected: bool
) -> None:
    assert is_deinterleaved(cube([0], None, **change)) is expected


def test_missing_details_have_fall_backs() -> None:
    bare = make_cube(Stream.VCAM1, [START_US], {"EXPTIME": None, "PRD-RNG2": None, "EXTTRIG": None})
    assert exposure_us(bare) == 0
    assert window_rows(bare) == 536
    assert not is_triggered(bare)
    assert exposure_us(cube([0], None, EXPTIME=1.2345678e-3)) == 1235


@pytest.mark.parametrize(
    ("card", "rows"), [(64, 64), (1, 1), (0, 536), (-1, 536), (10**9, 536), ("all", 536)]
)
def test_a_window_of_no_detector_is_taken_from_the_image(card: int | str, rows: int) -> None:
    # The tolerance of pairing grows with it.
    assert window_rows(make_cube(Stream.VCAM1, [START_US], {"PRD-RNG2": card})) == rows


def kept_and_aside(*cubes: RawCube) -> tuple[list[str], list[str]]:
    results = set()
    for given in permutations(cubes):
        kept, aside = set_aside_overlaps(given)
        assert all(bad.code == "overlaps_cube" and bad.reason for bad in aside)
        results.add((tuple(c.path for c in kept), tuple(sorted(bad.path for bad in aside))))
    assert len(results) == 1, "the order of the cubes decides"
    kept_paths, aside_paths = results.pop()
    return [p[6:] for p in kept_paths], [p[6:] for p in aside_paths]


def test_cubes_that_follow_each_other_are_kept_in_time_order() -> None:
    assert kept_and_aside(cube([5, 6], "a.fits"), cube([0, 4], "b.fits")) == (
        ["b.fits", "a.fits"],
        [],
    )


def test_a_cube_twice_under_two_names_is_used_once() -> None:
    assert kept_and_aside(cube(range(5), "b.fits"), cube(range(5), "a.fits")) == (
        ["a.fits"],
        ["b.fits"],
    )


def test_one_wrong_time_costs_only_its_own_cube() -> None:
    sound = [cube(range(n * 10, n * 10 + 5), f"{n}.fits") for n in range(1, 5)]
    names = [f"{n}.fits" for n in range(1, 5)]
    late = cube([*range(5), 10_000_000], "late.fits")
    early = cube([-10_000_000, 1000, 1001], "early.fits")
    assert kept_and_aside(*sound, late) == (names, ["late.fits"])
    assert kept_and_aside(*sound, early) == (names, ["early.fits"])


def test_as_many_frames_as_possible_are_kept() -> None:
    whole, part = cube(range(100), "whole.fits"), cube(range(10), "part.fits")
    assert kept_and_aside(whole, part) == (["whole.fits"], ["part.fits"])


def test_cubes_that_share_one_instant_overlap() -> None:
    assert kept_and_aside(cube([0, 5], "a.fits"), cube([5, 6, 7], "b.fits")) == (
        ["b.fits"],
        ["a.fits"],
    )


def test_the_reason_names_a_cube_that_was_kept() -> None:
    _, aside = set_aside_overlaps([cube(range(5), "b.fits"), cube(range(5), "a.fits")])
    assert "vcam1/a.fits" in aside[0].reason
    assert aside[0].frames == 5
    assert aside[0].timing_file is not None
