"""The sync stage: what a survey sees, what is then missing, and that it comes to an end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders.frames import (
    HOUR_US,
    START_US,
    Night,
    assert_every_frame_lands_once,
    expose,
    set_aside,
    trigger_train,
)
from tests.support.builders.settings import make_settings
from tests.support.builders.sync_night import (
    NIGHT,
    SETTINGS,
    add,
    execute,
    eyes_of,
    next_plan,
    run_sync,
)
from tests.support.fakes.fake_night_reader import FakeEyes
from vampd.errors import DataError
from vampd.model.cubes import RawCube, SetAside, parse_reasons, set_aside_cubes
from vampd.model.nights import FileStamp, Stream
from vampd.model.plan import CommitGeneration, LinkSetAside, WriteFramelist, WriteText
from vampd.stages import STAGES, sync

TRAIN = trigger_train(100, flc_us=20)


def later(**changes: object) -> Night:
    return expose(TRAIN, start_us=START_US + HOUR_US, **changes)  # type: ignore[arg-type]


def bad(name: str = "b.fits", **changes: object) -> SetAside:
    return replace(set_aside(Stream.VCAM2, name), **changes)  # type: ignore[arg-type]


def touch(eyes: FakeEyes, path: str) -> None:
    """Another mtime for a raw cube."""
    cube = eyes.cubes[path]
    eyes.cubes[path] = replace(cube, fits=replace(cube.fits, mtime_ns=cube.fits.mtime_ns + 1))


def test_the_stage_is_known_by_its_name() -> None:
    assert sync.NAME in STAGES


def test_an_empty_night_has_nothing_to_do() -> None:
    assert not next_plan(FakeEyes())


def test_the_generation_is_committed_before_the_first_framelist() -> None:
    eyes = eyes_of(expose(TRAIN) + Night((), (bad(),)))
    plan = next_plan(eyes)
    assert [type(action) for wave in plan.waves for action in wave] == [CommitGeneration]
    execute(eyes, plan.waves[0][0])
    kinds = [type(action) for wave in next_plan(eyes).waves for action in wave]
    assert kinds == [WriteFramelist] * 4 + [LinkSetAside, WriteText]


def test_a_second_survey_plans_nothing() -> None:
    night = expose(TRAIN, lost=({3}, {70, 71})) + later() + Night((), (bad(),))
    eyes = eyes_of(night)
    assert run_sync(eyes) == 2
    assert not next_plan(eyes)
    assert len(eyes.committed) == 1
    assert_every_frame_lands_once(eyes.committed[0], night.cubes)
    assert {f.identity for f in eyes.framelists.values()} == {
        p.identity for p in eyes.committed[0].products
    }


def test_a_night_of_set_aside_cubes_alone_comes_to_an_end() -> None:
    eyes = eyes_of(Night((), (bad("a.fits"), bad("b.fits", code="unreadable"))))
    assert run_sync(eyes) == 2
    assert eyes.committed[0].products == ()


def test_what_a_crash_left_undone_is_completed_from_the_same_generation() -> None:
    eyes = eyes_of(expose(TRAIN, lost=({3}, {70})))
    whole = eyes_of(expose(TRAIN, lost=({3}, {70})))
    run_sync(whole)
    execute(eyes, next_plan(eyes).waves[0][0])
    while plan := next_plan(eyes):
        # Killed after every single action.
        execute(eyes, plan.waves[0][-1])
    assert eyes.framelists.keys() == whole.framelists.keys()
    assert len(eyes.committed) == 1


def test_a_product_that_is_packed_or_renamed_is_not_made_again() -> None:
    eyes = eyes_of(expose(TRAIN))
    run_sync(eyes)
    first, second, *_ = sorted(eyes.framelists)
    packed = eyes.framelists.pop(first)
    eyes.write("vgen2/VMPA90000001.fits.fz", "pixels")
    eyes.identities["vgen2/VMPA90000001.fits.fz"] = packed.identity
    renamed = eyes.framelists.pop(second)
    eyes.add_framelist(renamed.renamed("VMPA90000002", renamed.cards))
    assert not next_plan(eyes)


def test_a_packed_product_without_an_identity_keeps_no_framelist_from_being_made() -> None:
    eyes = eyes_of(expose(TRAIN))
    run_sync(eyes)
    eyes.framelists.pop(min(eyes.framelists))
    eyes.write("vgen2/x.fits.fz", "pixels")
    assert [type(a) for wave in next_plan(eyes).waves for a in wave] == [WriteFramelist]


def test_late_cubes_form_a_second_generation_that_leaves_the_first_untouched() -> None:
    eyes = eyes_of(expose(TRAIN))
    run_sync(eyes)
    first, framelists = eyes.committed[0], dict(eyes.framelists)
    add(eyes, later())
    assert run_sync(eyes) == 2
    assert [generation.number for generation in eyes.committed] == [1, 2]
    assert eyes.committed[0] == first
    assert {path: eyes.framelists[path] for path in framelists} == framelists
    assert {c.fits.path for c in eyes.committed[1].cubes} == {c.path for c in later().cubes}
    assert len(eyes.framelists) == 2 * len(framelists)


def test_a_late_camera_does_not_change_what_the_first_generation_made_of_the_other() -> None:
    night = expose(TRAIN)
    eyes = eyes_of(Night(tuple(night.of(Stream.VCAM1))))
    run_sync(eyes)
    add(eyes, Night(tuple(night.of(Stream.VCAM2))))
    run_sync(eyes)
    products = [p for generation in eyes.committed for p in generation.products]
    assert not any(p.synchronised for p in products)
    assert sum(p.frames for p in products) == 200
    assert len({p.name for p in products}) == len(products)


def test_a_set_aside_cube_whose_timing_file_arrives_is_taken_in_by_the_next_generation() -> None:
    whole = later(cameras=(1,)).cubes[0]
    without = SetAside(whole.fits, None, whole.frames, "timing_missing", "no timing file")
    eyes = eyes_of(expose(TRAIN) + Night((), (without,)))
    run_sync(eyes)
    assert set(set_aside_cubes(eyes.committed)) == {whole.path}
    eyes.add_cube(whole)
    assert run_sync(eyes) == 2
    assert set_aside_cubes(eyes.committed) == {}
    second = eyes.committed[1]
    assert [c.fits.path for c in second.cubes] == [whole.path]
    assert sum(p.frames for p in second.products) == whole.frames


def test_a_set_aside_cube_that_changed_and_is_still_bad_is_judged_again_once() -> None:
    eyes = eyes_of(Night((), (bad(),)))
    run_sync(eyes)
    touch(eyes, "vcam2/b.fits")
    assert run_sync(eyes) >= 1
    assert len(eyes.committed) == 2
    assert eyes.committed[1].set_aside[0].fits == eyes.cubes["vcam2/b.fits"].fits


@pytest.mark.parametrize("what", ["cube", "timing changed", "timing gone"])
def test_a_used_cube_that_changed_stops_the_night(what: str) -> None:
    eyes = eyes_of(expose(TRAIN))
    run_sync(eyes)
    path = min(eyes.cubes)
    cube = eyes.cubes[path]
    assert isinstance(cube, RawCube)
    if what == "cube":
        touch(eyes, path)
    elif what == "timing changed":
        stamp = replace(cube.timing_file, size=cube.timing_file.size + 1)
        eyes.cubes[path] = replace(cube, timing_file=stamp)
    else:
        eyes.cubes[path] = SetAside(cube.fits, None, cube.frames, "timing_missing", "gone")
    with pytest.raises(DataError) as caught:
        next_plan(eyes)
    assert caught.value.code == "raw_changed"
    assert path in caught.value.message


def test_a_cube_that_the_logger_never_finished_is_set_aside() -> None:
    eyes = eyes_of(expose(TRAIN))
    eyes.write("vcam1/c.fits.12.34.tmp", "half")
    assert run_sync(eyes) == 2
    assert [(c.path, c.code) for c in eyes.committed[0].set_aside] == [
        ("vcam1/c.fits.12.34.tmp", "unfinished")
    ]
    assert "vbad/vcam1/c.fits.12.34.tmp" in eyes.tree


def test_what_is_no_cube_is_not_looked_at() -> None:
    eyes = eyes_of(expose(TRAIN))
    for name in ("notes.txt", "a.fits.header", ".hidden.fits", "lone.txt"):
        eyes.write(f"vcam1/{name}", "x")
    run_sync(eyes)
    assert len(eyes.committed[0].cubes) == 2


def test_set_aside_cubes_travel_with_their_timing_files_and_their_reasons() -> None:
    timing = FileStamp("vcam2/b.txt", 5, 6)
    eyes = eyes_of(Night((), (bad(timing_file=timing, reason="998 rows\tnot 1000"),)))
    run_sync(eyes)
    assert {path for path in eyes.tree if path.startswith("vbad/")} == {
        "vbad/vcam2/b.fits",
        "vbad/vcam2/b.txt",
        "vbad/reasons.tsv",
    }
    text = eyes.text(NIGHT, sync.REASONS)
    assert text is not None
    assert parse_reasons(text) == (("vcam2/b.fits", 10, "timing_missing", "998 rows\tnot 1000"),)


def test_what_cannot_be_read_does_not_travel_but_its_reason_does() -> None:
    eyes = eyes_of(Night((), (bad(code="unreadable"),)))
    run_sync(eyes)
    assert {path for path in eyes.tree if path.startswith("vbad/")} == {"vbad/reasons.tsv"}


def test_a_set_aside_cube_that_is_gone_is_not_linked() -> None:
    eyes = eyes_of(Night((), (bad(),)))
    execute(eyes, next_plan(eyes).waves[0][0])
    eyes.cubes.clear()
    kinds = [type(action) for wave in next_plan(eyes).waves for action in wave]
    assert kinds == [WriteText]


def test_a_night_without_set_aside_cubes_has_no_list_of_reasons() -> None:
    eyes = eyes_of(expose(TRAIN))
    run_sync(eyes)
    assert eyes.text(NIGHT, sync.REASONS) is None


def test_the_configuration_decides_where_cubes_are_cut() -> None:
    def products(**sync_table: object) -> int:
        plan = next_plan(eyes_of(expose(TRAIN)), make_settings(sync=sync_table))
        (action,) = plan.waves[0]
        assert isinstance(action, CommitGeneration)
        return len(action.generation.products)

    assert products() == 4
    assert products(cut_after_s=0.1) == 8
    assert products(cut_at_gap_s=0.000_05) > 8


def test_the_plan_does_not_depend_on_the_order_of_the_listing() -> None:
    night = expose(TRAIN, cube_frames=(30, 45)) + Night((), (bad("x.fits"), bad("a.fits")))
    survey = sync.survey(NIGHT, eyes_of(night))
    turned = replace(survey, late=survey.late[::-1], late_set_aside=survey.late_set_aside[::-1])
    assert sync.plan(turned, SETTINGS) == sync.plan(survey, SETTINGS)
