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
from vampd.model.cubes import (
    ChangedRaw,
    RawCube,
    RawFinding,
    SetAside,
    parse_reasons,
    set_aside_cubes,
)
from vampd.model.nights import FileStamp, Gate, Stream
from vampd.model.plan import (
    AcceptRaw,
    CommitGeneration,
    CompareRaw,
    LinkSetAside,
    Plan,
    WriteFramelist,
    WriteText,
)
from vampd.model.proofs import REASONS_PATH, PackingReceipt
from vampd.stages import STAGES, sync
from vampd.stages.changed_raw import refuse_changed

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


def change(reader: FakeNightReader, what: str) -> tuple[FileStamp, FileStamp]:
    """Change a used cube or its timing file; the file as sync saw it and as it is."""
    path = min(reader.cubes)
    cube = reader.cubes[path]
    assert isinstance(cube, RawCube)
    if what == "cube":
        touch(reader, path)
        return cube.fits, reader.cubes[path].fits
    stamp = replace(cube.timing_file, size=cube.timing_file.size + 1)
    reader.cubes[path] = replace(cube, timing_file=stamp)
    return cube.timing_file, stamp


@pytest.mark.parametrize("what", ["cube", "timing file"])
@pytest.mark.parametrize("finding", [RawFinding.SAME, RawFinding.ACCEPTED])
def test_a_used_cube_that_changed_is_compared_and_then_taken_up(
    what: str, finding: RawFinding
) -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    pair = change(reader, what)
    assert next_plan(reader) == Plan.of([CompareRaw((pair,))])
    reader.changed = [ChangedRaw(*pair, finding)]
    assert next_plan(reader) == Plan()
    again = change(reader, what)
    assert next_plan(reader) == Plan.of([CompareRaw(((pair[0], again[1]),))])


@pytest.mark.parametrize("what", ["cube", "timing file"])
def test_a_used_cube_that_is_another_stops_the_night_until_a_person_takes_it(what: str) -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    other = ChangedRaw(*change(reader, what), RawFinding.OTHER, "why")
    reader.changed = [other]
    changed = sync.survey(NIGHT, reader).changed
    with pytest.raises(DataError) as caught:
        refuse_changed(changed, frozenset({Gate.SYNC_UNEXPECTED}))
    assert caught.value.code == "raw_changed"
    assert f"`vampctl release {NIGHT.date}`" in caught.value.message
    refuse_changed(changed, frozenset({Gate.RAW_CHANGED}))
    assert next_plan(reader) == Plan.of([AcceptRaw((replace(other, finding=RawFinding.ACCEPTED),))])


def test_a_changed_cube_of_which_nothing_is_packed_needs_a_restore() -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    reader.changed = [ChangedRaw(*change(reader, "cube"), RawFinding.UNPACKED, "why")]
    with pytest.raises(DataError, match=f"vampctl restore {NIGHT.date}"):
        next_plan(reader)


def test_a_timing_file_that_sync_had_used_must_come_back() -> None:
    reader = reader_of(expose(TRAIN))
    run_sync(reader)
    path = min(reader.cubes)
    cube = reader.cubes[path]
    reader.cubes[path] = SetAside(cube.fits, None, 1, "timing_missing", "gone")
    with pytest.raises(DataError) as caught:
        next_plan(reader)
    assert caught.value.code == "raw_changed"


def test_a_set_aside_cube_that_was_sent_is_compared_before_it_is_judged_again() -> None:
    reader = reader_of(Night((), (bad(),)))
    run_sync(reader)
    before = reader.cubes["vcam2/b.fits"].fits
    reader.record(PackingReceipt("vbad/vcam2/b.fits", before.size, "0" * 64, None))
    touch(reader, "vcam2/b.fits")
    pair = (before, reader.cubes["vcam2/b.fits"].fits)
    assert next_plan(reader) == Plan.of([CompareRaw((pair,))])
    reader.changed = [ChangedRaw(*pair, RawFinding.OTHER, "why")]
    assert run_sync(reader) >= 1
    assert len(reader.committed) == 2


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
