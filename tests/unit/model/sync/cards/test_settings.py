"""Settings: a frame goes by the first close at or after it, of either camera; siblings agree."""

from collections import defaultdict
from collections.abc import Hashable

import numpy as np
import pytest

from tests.support.builders.frames import Night, Train, expose, frames_of, trigger_train
from vampd.model.cubes import Generation, build_framelist

ANGLE = "RET-ANG1"
T_US = 5_000


def with_pause(triggers: int, at: int, pause_us: int) -> Train:
    train = trigger_train(triggers, period_us=T_US)
    times_us = train.times_us + np.where(np.arange(triggers) >= at, pause_us, 0)
    return Train(times_us, train.states, train.flc_us)


def said_at_close(
    night: Night, angle_at: dict[int, float]
) -> dict[tuple[int, int], dict[str, float]]:
    """For the cameras' cubes, the angle when each was closed; ``angle_at`` is by trigger."""
    said = {}
    for camera in (1, 2):
        own = [cube for cube in night.cubes if cube.stream.camera == camera]
        for number, cube in enumerate(own):
            last = night.trigger[cube.path, cube.frames - 1][1]
            said[camera, number] = {ANGLE: angle_at[max(at for at in angle_at if at <= last)]}
    return said


def expose_angles(train: Train, angle_at: dict[int, float], **how: object) -> Night:
    """Cubes of both cameras that close apart; a card says the angle when its cube closes."""
    shape = {"cube_frames": (100, 70), **how}
    changes = said_at_close(expose(train, **shape), angle_at)  # type: ignore[arg-type]
    return expose(train, cube_changes=changes, **shape)  # type: ignore[arg-type]


def carded(night: Night, generation: Generation) -> dict[tuple[str, int], tuple[float, bool]]:
    """For each frame, the angle in its product's header, and whether that is uncertain."""
    cubes = {cube.path: cube for cube in night.cubes}
    found = {}
    for product in generation.products:
        cards = build_framelist(product, cubes, "1.0", 2).cards
        uncertain = any("angle_uncertain" in text for text in cards.texts)
        assert uncertain is (ANGLE in product.uncertain)
        for frame in frames_of(product.ranges):
            found[frame] = cards.number(ANGLE), uncertain
    return found  # type: ignore[return-value]


def assert_siblings_agree(night: Night, generation: Generation) -> None:
    cubes = {cube.path: cube for cube in night.cubes}
    shown: dict[Hashable, set[Hashable]] = defaultdict(set)
    for product in generation.products:
        cards = build_framelist(product, cubes, "1.0", 2).cards
        mjd = cards.card("MJD")
        assert mjd is not None
        key = mjd.text if product.synchronised else (mjd.text, product.name)
        shown[key].add((cards.number(ANGLE), cards.number("EXPTIME")))
    assert all(len(values) == 1 for values in shown.values())


@pytest.mark.parametrize("at", [130, 140, 199, 200, 205, 211])
def test_where_the_trigger_paused_between_two_closes_stands_the_cut(at: int) -> None:
    night = expose_angles(with_pause(600, at, 800_000), {0: 0.0, at: 22.5})
    generation = night.synchronize()
    night.check(generation)
    assert_siblings_agree(night, generation)
    for frame, (angle, uncertain) in carded(night, generation).items():
        assert not uncertain
        assert angle == (22.5 if night.trigger[frame][1] >= at else 0.0)
    assert generation.counts.uncertain == 0


@pytest.mark.parametrize("at", [130, 199, 205])
def test_without_a_pause_the_frames_between_two_closes_stand_alone(at: int) -> None:
    night = expose_angles(trigger_train(600, period_us=T_US), {0: 0.0, at: 22.5})
    generation = night.synchronize()
    night.check(generation)
    assert_siblings_agree(night, generation)
    closes = [0, 69, 99, 139, 199, 209, 279, 299]
    before = max(c for c in closes if c < at)
    after = min(c for c in closes if c >= at)
    frames = carded(night, generation)
    for frame, (angle, uncertain) in frames.items():
        trigger = night.trigger[frame][1]
        assert uncertain is (before < trigger <= after)
        if not uncertain:
            assert angle == (22.5 if trigger >= at else 0.0)
    assert generation.counts.uncertain == 2 * (after - before)


def late_card(camera: int) -> Night:
    """The wheel turns in a pause before trigger 200, and one camera's next card is a cube late."""
    changes = {
        (own, number): {ANGLE: 0.0 if number < (3 if own == camera else 2) else 22.5}
        for own in (1, 2)
        for number in range(6)
    }
    return expose(with_pause(600, 200, 800_000), cube_frames=(100, 100), cube_changes=changes)


@pytest.mark.parametrize("camera", [1, 2])
def test_a_card_that_is_a_cube_late_on_one_camera_changes_nothing(camera: int) -> None:
    night = late_card(camera)
    generation = night.synchronize()
    assert_siblings_agree(night, generation)
    for frame, shown in carded(night, generation).items():
        assert shown == (22.5 if night.trigger[frame][1] >= 200 else 0.0, False)


def test_cameras_that_never_agree_are_uncertain_throughout() -> None:
    changes = {(camera, n): {ANGLE: 22.5 * camera} for camera in (1, 2) for n in range(6)}
    night = expose(trigger_train(600, period_us=T_US), cube_frames=(100, 100), cube_changes=changes)
    generation = night.synchronize()
    assert_siblings_agree(night, generation)
    assert generation.counts.uncertain == 1_200


def test_an_encoders_last_digits_are_no_other_angle() -> None:
    changes = {(camera, n): {ANGLE: 22.5 + 1e-4 * camera} for camera in (1, 2) for n in range(3)}
    night = expose(trigger_train(600, period_us=T_US), cube_changes=changes)
    generation = night.synchronize()
    assert_siblings_agree(night, generation)
    assert len(generation.products) == 2
    assert generation.counts.uncertain == 0


def faster(triggers: int, at: int) -> Train:
    """Triggers whose period is halved from one on, as its exposure time is."""
    steps_us = np.where(np.arange(triggers) < at, 2 * T_US, T_US)
    times_us = np.cumsum(steps_us) - steps_us[0]
    return Train(times_us.astype(float), ("",) * triggers, None)


@pytest.mark.parametrize("lag", [-60, 0, 40])
def test_an_exposure_time_changes_where_the_intervals_do_whatever_the_cards(lag: int) -> None:
    at, long_s, short_s = 330, 0.0098, 0.0048
    said = {
        (camera, number): {
            "EXPTIME": short_s if min(600, 100 * number + 100) > at + lag else long_s
        }
        for camera in (1, 2)
        for number in range(6)
    }
    night = expose(faster(600, at), cube_frames=(100, 100), cube_changes=said)
    generation = night.synchronize()
    night.check(generation, missed=0.004)
    assert_siblings_agree(night, generation)
    cubes = {cube.path: cube for cube in night.cubes}
    for product in generation.products:
        shown = build_framelist(product, cubes, "1.0", 2).cards.number("EXPTIME")
        for frame in frames_of(product.ranges):
            assert shown == (short_s if night.trigger[frame][1] >= at else long_s)
    assert generation.counts.uncertain == 0


def test_the_last_frame_before_a_pause_has_the_old_exposure_time_though_one_was_lost() -> None:
    """So that no two intervals in a row are the old ones there."""
    times_us = faster(199, 100).times_us + np.where(np.arange(199) >= 100, 1_000_000, 0)
    said = {
        (camera, number): {"EXPTIME": (0.0098, 0.0048)[number]}
        for camera in (1, 2)
        for number in range(2)
    }
    night = expose(
        Train(times_us, ("",) * 199, None),
        logger_lost=((98,), (98, 150, 151)),
        cube_frames=(99, 99),
        cube_changes=said,
    )
    cubes = {cube.path: cube for cube in night.cubes}
    for product in night.synchronize().products:
        shown = build_framelist(product, cubes, "1.0", 2).cards.number("EXPTIME")
        for frame in frames_of(product.ranges):
            assert shown == (0.0048 if night.trigger[frame][1] >= 100 else 0.0098)


@pytest.mark.parametrize("pause_us", [7_200, 200_000])
@pytest.mark.parametrize("late_camera", [1, 2])
def test_frames_before_the_other_logger_began_have_the_exposure_time_of_their_intervals(
    late_camera: int, pause_us: int
) -> None:
    """Also where most of the frames are of the logger that began late, and the pause is short.

    With 7.2 ms in it, two intervals are about as long as two old ones.
    """
    times_us = faster(200, 100).times_us + np.where(np.arange(200) >= 100, pause_us, 0)
    said = {
        (camera, number): {"EXPTIME": (0.0098, 0.0048)[number]}
        for camera in (1, 2)
        for number in range(2)
    }
    unlogged = (range(100, 110), range(180, 200))
    night = expose(
        Train(times_us, ("",) * 200, None),
        logger_lost=unlogged if late_camera == 1 else unlogged[::-1],
        cube_frames=(100, 100),
        cube_changes=said,
    )
    generation = night.synchronize()
    night.check(generation)
    cubes = {cube.path: cube for cube in night.cubes}
    for product in generation.products:
        shown = build_framelist(product, cubes, "1.0", 2).cards.number("EXPTIME")
        for frame in frames_of(product.ranges):
            assert shown == (0.0048 if night.trigger[frame][1] >= 100 else 0.0098)


def test_where_no_interval_is_the_usual_one_the_exposure_time_changes_at_no_frame() -> None:
    steps = [*[2_000] * 9, *[4_000] * 9, *[3_750] * 80]
    times_us = np.concatenate([[0], np.cumsum(steps)]).astype(np.float64)
    train = Train(times_us, ("",) * len(times_us), None)
    night = expose(
        train,
        jitter_us=0,
        cube_frames=(50, 50),
        cube_changes={(camera, 1): {"EXPTIME": 0.0021} for camera in (1, 2)},
    )
    night.check(night.synchronize(), missed=1.0, dubious=None)


def test_history_keeps_what_the_raw_cube_said() -> None:
    night = late_card(2)
    generation = night.synchronize()
    cubes = {cube.path: cube for cube in night.cubes}
    (changed,) = [product for product in generation.products if product.cards]
    texts = build_framelist(changed, cubes, "1.0", 2).cards.texts
    assert "HISTORY RET-ANG1 of its raw cube: 0.0" in map(str.rstrip, texts)
    assert sum(text.startswith("RET-ANG1=") for text in texts) == 1
