"""What the plot says of a night without being drawn: colors, what runs are, what is missing."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders.frames import START_US, Changes, Night, expose, set_aside, trigger_train
from tests.support.builders.observed import observe
from vampd.cli.plotting.canvas import share_room
from vampd.cli.plotting.missing import list_missing
from vampd.cli.plotting.settings import angle_spans, list_settings
from vampd.cli.plotting.style import COLORS, THEMES, Ground, Meaning, meaning_of
from vampd.model.accounts import FrameKind, number_runs
from vampd.model.nights import Stream

SECOND_US = 1_000_000
GAP_US = 3_000_000
TRAIN = trigger_train(40, period_us=10_000, flc_us=20)
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
EYES = {
    "usual": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}
FEWEST = {"usual": 20, "deuteranopia": 9, "protanopia": 9}  # of CIE76; 2.3 is just noticeable


def linear(color: str) -> np.ndarray:
    parts = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    part = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(part > 0.008856, np.cbrt(part), 7.787 * part + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("ground", Ground)
@pytest.mark.parametrize("eye", EYES)
def test_no_two_meanings_have_colors_that_one_could_take_for_each_other(
    ground: Ground, eye: str
) -> None:
    seen = {m: lab(EYES[eye] @ linear(THEMES[ground].color(m))) for m in Meaning}
    for one, two in combinations(Meaning, 2):
        assert np.linalg.norm(seen[one] - seen[two]) > FEWEST[eye], (one, two)


@pytest.mark.parametrize("ground", Ground)
def test_every_color_stands_out_from_its_ground(ground: Ground) -> None:
    theme = THEMES[ground]
    for meaning in Meaning:
        # The bar of the verdict has an edge of ink, and is read in black.
        behind = "#000000" if meaning in (Meaning.UNEXPECTED, Meaning.TO_CHECK) else theme.ground
        light, dark = sorted(
            (float(TO_XYZ[1] @ linear(c)) + 0.05 for c in (theme.color(meaning), behind)),
            reverse=True,
        )
        assert light / dark > 2.2, meaning


def test_each_kind_of_frames_has_a_color_of_its_own() -> None:
    assert set(COLORS) == set(Meaning)
    assert len({meaning_of(kind) for kind in FrameKind}) == len(FrameKind)
    assert [str(meaning_of(kind)) for kind in FrameKind] == [
        *("A", "B", "D", "no FLC", "solo", "set aside", "late")
    ]


def settings_of(night: Night) -> list[tuple[str, ...]]:
    seen = observe(night)
    spans = angle_spans(seen.frames, number_runs(seen.frames, GAP_US))
    return list_settings(seen.summary.runs, spans)


def taken(*changes: Changes, cameras: tuple[int, ...] = (1, 2)) -> Night:
    night = Night()
    for number, each in enumerate(changes):
        start_us = START_US + 10 * number * SECOND_US
        night += expose(TRAIN, start_us=start_us, changes=each, cameras=cameras, seed=number)
    return night


def test_runs_that_differ_in_the_angle_alone_are_one_line_with_the_angles_in_their_order() -> None:
    angles: list[Changes] = [{"RET-ANG1": angle} for angle in (0.0, 45.0, 22.5, 67.5, 0.0)]
    rows = settings_of(taken(*angles, {"RET-ANG1": 0.0, "OBJECT": "M 31"}))
    assert rows == [
        ("1-5", "HD 1 o'clock", "675-60", "1.8 ms", "0 45 22.5 67.5", "<1e-12", ""),
        ("6", "M 31", "675-60", "1.8 ms", "0", "<1e-12", ""),
    ]


def test_runs_are_told_apart_by_filter_exposure_type_trigger_and_cameras() -> None:
    rows = settings_of(
        taken(
            {"OBJECT": None, "FILTER01": "Ha", "FILTER02": "Ha-Cont"},
            {"EXPTIME": 2.0, "FILTER02": "Open"},
            {"DATA-TYP": "DARK"},
        )
    )
    assert [row[1:4] for row in rows] == [
        ("(no OBJECT)", "Ha + Ha-Cont", "1.8 ms"),
        ("HD 1 o'clock", "Open", "2 s"),
        ("HD 1 o'clock", "675-60", "1.8 ms"),
    ]
    assert [row[6] for row in rows] == ["", "", "DARK"]
    (row,) = settings_of(expose(TRAIN, cube_changes={(1, 0): {"EXPTIME": 0.0025}}))
    assert row[3] == "1.8+2.5 ms"
    ((*_, chance, alone),) = settings_of(taken({"EXTTRIG": False}, cameras=(2,)))
    assert (chance, alone) == ("", "free cam 2")


def test_what_is_in_no_product_is_listed_by_reason_and_camera_in_the_order_of_time() -> None:
    night = replace(
        expose(TRAIN),
        set_aside=(
            set_aside(Stream.VCAM2, "junk.fits", frames=7, code="not_fits"),
            set_aside(Stream.VCAM1, "vcam1_11:00:00.0.fits", frames=1_000),
            set_aside(Stream.VCAM1, "vcam1_10:30:00.0.fits", frames=500),
            set_aside(Stream.VCAM2, "vcam2_10:20:00.0.fits", frames=3, code="link"),
        ),
    )
    assert list_missing(observe(night).frames) == [
        ("10:20:00", "2", "link", "1", "3"),
        ("10:30:00", "1", "timing_missing", "2", "1,500"),
        ("?", "2", "not_fits", "1", "7"),
    ]


def test_a_late_cube_that_cannot_be_used_says_so() -> None:
    late = set_aside(Stream.VCAM1, "vcam1_10:40:00.0.fits", frames=0, code="being_written")
    rows = list_missing(observe(expose(TRAIN), late_set_aside=[late]).frames)
    assert rows == [("10:40:00", "1", "late: being_written", "1", "0")]


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=12), st.floats(-100, 1e4))
def test_columns_share_the_width_of_a_table_whatever_is_written_in_them(
    wanted: list[float], room: float
) -> None:
    widths = share_room(wanted, room)
    assert sum(widths) <= max(0.0, room) * (1 + 1e-9)
    assert all(0 <= width <= most for width, most in zip(widths, wanted, strict=True))
    # Only the widest give way, all of them to one width, and nothing is left over.
    given_way = {width for width, most in zip(widths, wanted, strict=True) if width < most}
    assert len(given_way) <= 1
    assert all(width == max(widths) for width in given_way)
    if given_way:
        assert sum(widths) == pytest.approx(max(0.0, room))
