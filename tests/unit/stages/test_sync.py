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
    next_plan,
    reader_of,
    run_sync,
)
from tests.support.fakes.fake_night_reader import FakeNightReader
from vampd.errors import DataError
from vampd.model.cubes import RawCube, SetAside, parse_reasons, set_aside_cubes
from vampd.model.nights import FileStamp, Stream
from vampd.model.plan import CommitGeneration, LinkSetAside, WriteFramelist, WriteText
from vampd.model.proofs import REASONS_PATH
from vampd.stages import STAGES, sync

TRAIN = trigger_train(100, flc_us=20)


def later(**changes: object) -> Night:
    return expose(TRAIN, start_us=START_US + HOUR_US, **changes)  # type: ignore[arg-type]


def bad(name: str = "b.fits", **changes: object) -> SetAside:
    return replace(set_aside(Stream.VCAM2, name), **changes)  # type: ignore[arg-type]


def touch(reader: FakeNightReader, path: str) -> None:
    """Another mtime for a raw cube."""
    cube = reader.cubes[path]
    reader.cubes[path] = replace(cube, fits=replace(cube.fits, mtime_ns=cube.fits.mtime_ns + 1))


def test_the_stage_is_known_by_its_name() -> None:
    assert sync.NAME in STAGES


def test_an_empty_night_has_nothing_to_do() -> None:
    assert not next_plan(FakeNightReader())


def test_the_generation_is_committed_before_the_first_framelist() -> None:
    reader = reader_of(expose(TRAIN) + Night((), (bad(),)))
    plan = next_plan(reader)
    assert [type(action) for wave in plan.waves for action in wave] == [CommitGeneration]
    execute(reader, plan.waves[0][0])
    kinds = [type(action) for wave in next_plan(reader).waves for action in wave]
    assert kinds == [WriteFramelist] * 4 + [LinkSetAside, WriteText]


def test_a_second_survey_plans_nothing() -> None:
    night = expose(TRAIN, lost=({3}, {70, 71})) + later() + Night((), (bad(),))
    reader = reader_of(night)
    assert run_sync(reader) == 2
    assert not next_plan(reader)
    assert len(reader.committed) == 1
    assert_every_frame_lands_once(reader.committed[0], night.cubes)
    assert {f.identity for f in reader.framelists.values()} == {
        p.identity for p in reader.committed[0].products
    }


def test_a_night_of_set_aside_cubes_alone_comes_to_an_end() -> None:
    reader = reader_of(Night((), (bad("a.fits"), bad("b.fits", code="unreadable"))))
    assert run_sync(reader) == 2
    assert reader.committed[0].products == ()


def test_what_a_crash_left_undone_is_completed_from_the_same_generation() -> None:
    reader = reader_of(expose(TRAIN, lost=({3}, {70})))
    whole = reader_of(expose(TRAIN, lost=({3}, {70})))
    run_sync(whole)
    execute(reader, next_plan(reader).waves[0][0])
    while plan := next_plan(reader):
        # Killed after every single action.
        execute(reader, plan.waves[0][-1])
    assert reader.framelists.keys() == whole.framelists.keys()
    assert len(reader.committed) == 1


def test_a_product_that_is_packed_or_renamed_is_not_made_again() -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    first, second, *_ = sorted(reader.framelists)
    packed = reader.framelists.pop(first)
    reader.write("vgen2/VMPA90000001.fits.fz", "pixels")
    reader.identities["vgen2/VMPA90000001.fits.fz"] = packed.identity
    renamed = reader.framelists.pop(second)
    reader.add_framelist(renamed.renamed("VMPA90000002", renamed.cards))
    assert not next_plan(reader)


def test_a_packed_product_without_an_identity_keeps_no_framelist_from_being_made() -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    reader.framelists.pop(min(reader.framelists))
    reader.write("vgen2/x.fits.fz", "pixels")
    assert [type(a) for wave in next_plan(reader).waves for a in wave] == [WriteFramelist]


def test_late_cubes_form_a_second_generation_that_leaves_the_first_untouched() -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    first, framelists = reader.committed[0], dict(reader.framelists)
    add(reader, later())
    assert run_sync(reader) == 2
    assert [generation.number for generation in reader.committed] == [1, 2]
    assert reader.committed[0] == first
    assert {path: reader.framelists[path] for path in framelists} == framelists
    assert {c.fits.path for c in reader.committed[1].cubes} == {c.path for c in later().cubes}
    assert len(reader.framelists) == 2 * len(framelists)


def test_a_late_camera_does_not_change_what_the_first_generation_made_of_the_other() -> None:
    night = expose(TRAIN)
    reader = reader_of(Night(tuple(night.of(Stream.VCAM1))))
    run_sync(reader)
    add(reader, Night(tuple(night.of(Stream.VCAM2))))
    run_sync(reader)
    products = [p for generation in reader.committed for p in generation.products]
    assert not any(p.synchronised for p in products)
    assert sum(p.frames for p in products) == 200
    assert len({p.name for p in products}) == len(products)


def test_a_set_aside_cube_whose_timing_file_arrives_is_taken_in_by_the_next_generation() -> None:
    whole = later(cameras=(1,)).cubes[0]
    without = SetAside(whole.fits, None, whole.frames, "timing_missing", "no timing file")
    reader = reader_of(expose(TRAIN) + Night((), (without,)))
    run_sync(reader)
    assert set(set_aside_cubes(reader.committed)) == {whole.path}
    reader.add_cube(whole)
    assert run_sync(reader) == 2
    assert set_aside_cubes(reader.committed) == {}
    second = reader.committed[1]
    assert [c.fits.path for c in second.cubes] == [whole.path]
    assert sum(p.frames for p in second.products) == whole.frames


def test_a_set_aside_cube_that_changed_and_is_still_bad_is_judged_again_once() -> None:
    reader = reader_of(Night((), (bad(),)))
    run_sync(reader)
    touch(reader, "vcam2/b.fits")
    assert run_sync(reader) >= 1
    assert len(reader.committed) == 2
    assert reader.committed[1].set_aside[0].fits == reader.cubes["vcam2/b.fits"].fits


@pytest.mark.parametrize("what", ["cube", "timing changed", "timing gone"])
def test_a_used_cube_that_changed_stops_the_night(what: str) -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    path = min(reader.cubes)
    cube = reader.cubes[path]
    assert isinstance(cube, RawCube)
    if what == "cube":
        touch(reader, path)
    elif what == "timing changed":
        stamp = replace(cube.timing_file, size=cube.timing_file.size + 1)
        reader.cubes[path] = replace(cube, timing_file=stamp)
    else:
        reader.cubes[path] = SetAside(cube.fits, None, cube.frames, "timing_missing", "gone")
    with pytest.raises(DataError) as caught:
        next_plan(reader)
    assert caught.value.code == "raw_changed"
    assert path in caught.value.message


def test_a_cube_that_the_logger_never_finished_is_set_aside() -> None:
    reader = reader_of(expose(TRAIN))
    reader.write("vcam1/c.fits.12.34.tmp", "half")
    assert run_sync(reader) == 2
    assert [(c.path, c.code) for c in reader.committed[0].set_aside] == [
        ("vcam1/c.fits.12.34.tmp", "unfinished")
    ]
    assert "vbad/vcam1/c.fits.12.34.tmp" in reader.tree


def test_what_is_no_cube_is_not_looked_at() -> None:
    reader = reader_of(expose(TRAIN))
    for name in ("notes.txt", "a.fits.header", ".hidden.fits", "lone.txt"):
        reader.write(f"vcam1/{name}", "x")
    run_sync(reader)
    assert len(reader.committed[0].cubes) == 2


def test_set_aside_cubes_travel_with_their_timing_files_and_their_reasons() -> None:
    timing = FileStamp("vcam2/b.txt", 5, 6)
    reader = reader_of(Night((), (bad(timing_file=timing, reason="998 rows\tnot 1000"),)))
    run_sync(reader)
    assert {path for path in reader.tree if path.startswith("vbad/")} == {
        "vbad/vcam2/b.fits",
        "vbad/vcam2/b.txt",
        "vbad/reasons.tsv",
    }
    text = reader.text(NIGHT, REASONS_PATH)
    assert text is not None
    assert parse_reasons(text) == (("vcam2/b.fits", 10, "timing_missing", "998 rows\tnot 1000"),)


def test_what_cannot_be_read_does_not_travel_but_its_reason_does() -> None:
    reader = reader_of(Night((), (bad(code="unreadable"),)))
    run_sync(reader)
    assert {path for path in reader.tree if path.startswith("vbad/")} == {"vbad/reasons.tsv"}


def test_a_set_aside_cube_that_is_gone_is_not_linked() -> None:
    reader = reader_of(Night((), (bad(),)))
    execute(reader, next_plan(reader).waves[0][0])
    reader.cubes.clear()
    kinds = [type(action) for wave in next_plan(reader).waves for action in wave]
    assert kinds == [WriteText]


def test_a_night_without_set_aside_cubes_has_no_list_of_reasons() -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    assert reader.text(NIGHT, REASONS_PATH) is None


def test_the_configuration_decides_where_cubes_are_cut() -> None:
    def products(**sync_table: object) -> int:
        plan = next_plan(reader_of(expose(TRAIN)), make_settings(sync=sync_table))
        (action,) = plan.waves[0]
        assert isinstance(action, CommitGeneration)
        return len(action.generation.products)

    assert products() == 4
    assert products(cut_after_s=0.1) == 8
    assert products(cut_at_gap_s=0.000_05) > 8


def test_the_plan_does_not_depend_on_the_order_of_the_listing() -> None:
    night = expose(TRAIN, cube_frames=(30, 45)) + Night((), (bad("x.fits"), bad("a.fits")))
    survey = sync.survey(NIGHT, reader_of(night))
    turned = replace(survey, late=survey.late[::-1], late_set_aside=survey.late_set_aside[::-1])
    assert sync.plan(turned, SETTINGS) == sync.plan(survey, SETTINGS)
