"""A generation made of products stands for the one that they were made by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.frames import HOUR_US, START_US, Night, expose, trigger_train
from tests.support.examples import examples
from vampd.errors import DataError
from vampd.model.cubes import (
    CountedBy,
    CubeAccount,
    FrameCount,
    Framelist,
    Generation,
    build_framelist,
    format_sidecar,
    parse_sidecar_notes,
)
from vampd.model.nights import DAY_US, FileStamp
from vampd.model.sync import CubeTrace, DecidedAgain, ProductTrace, cubes_of, regain_generations

GONE = CubeTrace("vcam1/gone.fits", FileStamp("vcam1/gone.fits", 0, 0), None)


def record() -> Night:
    """Pairs with FLC states, frames without a partner, and a run later on."""
    night = expose(trigger_train(101, flc_us=20), lost=({9}, {30}))
    return night + expose(trigger_train(20), start_us=START_US + HOUR_US)


def framelists_of(night: Night, generation: Generation) -> list[Framelist]:
    cubes = {cube.path: cube for cube in night.cubes}
    version, form = generation.version, generation.form
    return [build_framelist(each, cubes, version, form) for each in generation.products]


def trace(framelist: Framelist, form: int) -> ProductTrace:
    notes = parse_sidecar_notes(format_sidecar(framelist))
    return ProductTrace(framelist.name, framelist.identity, notes, framelist.cards, form)


def traces_of(night: Night, generation: Generation) -> list[ProductTrace]:
    return [trace(each, generation.form) for each in framelists_of(night, generation)]


def cubes_here(night: Night) -> dict[str, CubeTrace]:
    return {
        cube.path: CubeTrace(cube.path, cube.fits, cube.timing_file, FrameCount(cube.frames))
        for cube in night.cubes
    }


def regain(
    traces: list[ProductTrace],
    cubes: Mapping[str, CubeTrace],
    *others: Generation,
    bound: frozenset[str] = frozenset(),
    lost: int = 1,
) -> tuple[Generation, ...]:
    return regain_generations(
        traces, cubes, others, lost=[lost], bound=bound, corrections="", version="9"
    )


@given(st.integers(0, DAY_US))
@settings(max_examples=examples(20))
def test_times_of_any_moment_come_out_of_the_header_again(after_us: int) -> None:
    """UT is cut to milliseconds and MJD rounded to 864 us: what gives both again is not unique."""
    night = expose(trigger_train(8), start_us=START_US + after_us, cameras=(1,))
    lost = night.synchronize()
    (regained,) = regain(traces_of(night, lost), cubes_here(night))
    assert framelists_of(night, regained) == framelists_of(night, lost)


def test_what_raw_decides_again_is_in_the_generation_of_its_version_and_form() -> None:
    night = record()
    lost = night.synchronize()
    first, *rest = traces_of(night, lost)
    again = next(one for one in lost.products if one.identity == first.identity)
    (regained,) = regain_generations(
        rest,
        cubes_here(night),
        (),
        [DecidedAgain(again, lost.version, lost.form)],
        lost=[1],
        bound={first.identity},
        corrections="",
        version="9",
    )
    assert framelists_of(night, regained) == framelists_of(night, lost)
    assert regained.withdrawn == ()
    assert cubes_of(rest, [DecidedAgain(again, lost.version, lost.form)]) == {
        cube.path for cube in night.cubes
    }


def test_what_is_made_by_it_is_the_same_to_the_byte() -> None:
    night = record()
    lost = night.synchronize()
    (regained,) = regain(traces_of(night, lost), cubes_here(night))
    assert framelists_of(night, regained) == framelists_of(night, lost)
    assert [product.partners for product in regained.products] == [
        product.partners for product in lost.products
    ]
    assert (regained.number, regained.replaces) == (2, (1,))
    assert (regained.version, regained.form) == (lost.version, lost.form)
    assert "generation 1, which was lost" in regained.remarks[0]


def test_each_version_and_form_has_a_generation_and_the_last_accounts_for_the_cubes() -> None:
    night = record()
    lost = night.synchronize()
    first, *rest = framelists_of(night, lost)
    older = trace(first, 1)
    older = replace(older, notes=("made by vampd 0.1", *older.notes[1:]))
    early, late = regain([older, *(trace(one, lost.form) for one in rest)], cubes_here(night))
    assert (early.version, early.form, early.cubes) == ("0.1", 1, ())
    assert (early.number, late.number, late.form) == (2, 3, lost.form)
    assert {cube.fits.path for cube in late.cubes} == {cube.path for cube in night.cubes}
    assert early.replaces == late.replaces == (1,)
    counted = [early.counts, late.counts]
    assert sum(one.synchronised + one.solo + one.set_aside for one in counted) == sum(
        one.raw for one in counted
    )


def test_frames_of_which_nothing_tells_are_set_aside_and_the_others_keep_their_reasons() -> None:
    night = record()
    lost = night.synchronize()
    traces, cubes = traces_of(night, lost), cubes_here(night)
    one, other = sorted(cubes_of(traces))[:2]
    used = {path: cubes[path].frames for path in cubes}
    cubes[one] = replace(cubes[one], frames=more(used[one], 3), reason=(3, "late_row", "why"))
    cubes[other] = replace(cubes[other], frames=more(used[other], 2), reason=(1, "late_row", "why"))
    (regained,) = regain(traces, {**cubes, GONE.path: replace(GONE, reason=(7, "not_fits", "x"))})
    aside = {cube.path: cube for cube in regained.set_aside}
    assert (aside[one].frames, aside[one].code, aside[one].reason) == (3, "late_row", "why")
    assert (aside[other].frames, aside[other].code) == (2, "decision_lost")
    assert aside[other].reason.endswith("; before that late_row: why")
    assert (aside[GONE.path].frames, aside[GONE.path].code) == (7, "not_fits")
    assert regained.counts.set_aside == 12


def more(count: FrameCount | None, frames: int) -> FrameCount:
    assert count is not None
    return FrameCount(count.frames + frames)


def test_a_cube_that_is_gone_has_the_frames_that_are_known_of_it() -> None:
    night = record()
    lost = night.synchronize()
    traces = traces_of(night, lost)
    gone = {path: replace(cube, frames=None) for path, cube in cubes_here(night).items()}
    (regained,) = regain(traces, gone)
    assert not regained.set_aside
    assert regained.counts.raw == sum(product.frames for product in lost.products)


def test_a_count_that_is_a_bound_stays_one() -> None:
    bound = FrameCount(7, CountedBy.SIZE)
    cube = replace(GONE, frames=bound, reason=(7, "unknown_form", "compressed"))
    (regained,) = regain([], {cube.path: cube})
    (aside,) = regained.set_aside
    assert (aside.count, aside.code, regained.version) == (bound, "unknown_form", "9")


def test_what_other_generations_say_of_a_cube_counts() -> None:
    night = record()
    lost = night.synchronize()
    traces, cubes = traces_of(night, lost), cubes_here(night)
    path = min(cubes_of(traces))
    account = CubeAccount(FileStamp(path, 5, 7), None, 1_000)
    other = replace(lost, number=5, cubes=(account,), products=())
    cubes[path] = replace(cubes[path], account=account)
    aside = replace(cubes[path], reason=(4, "late_row", "theirs"), account=account)
    (regained,) = regain(traces, cubes, other)
    assert (regained.number, account in regained.cubes) == (6, True)
    # One that it says is set aside is not accounted for again.
    (empty,) = regain([], {path: aside}, other)
    assert empty.cubes == ()


def test_ids_without_a_product_are_withdrawn() -> None:
    night = record()
    lost = night.synchronize()
    identities = {product.identity for product in lost.products}
    (regained,) = regain(
        traces_of(night, lost), cubes_here(night), bound=frozenset({*identities, "f" * 64})
    )
    assert regained.withdrawn == ("f" * 64,)


@pytest.mark.parametrize("what", ["notes", "identity", "name", "date"])
def test_products_that_do_not_say_what_they_are_are_refused(what: str) -> None:
    night = record()
    first, *rest = traces_of(night, night.synchronize())
    wrong = {
        "notes": replace(first, notes=()),
        "identity": replace(first, identity="f" * 64),
        "name": replace(first, name="VMPA00000001"),
        "date": replace(first, cards=first.cards.with_value("DATE-OBS", "never")),
    }[what]
    with pytest.raises(DataError) as refused:
        regain([wrong, *rest], cubes_here(night))
    assert refused.value.code == "decision_unknown"


def test_a_sidecar_of_others_has_no_notes() -> None:
    assert parse_sidecar_notes("# Telemetry stream timing data\n#\n# col1\n") == ()
    assert parse_sidecar_notes("") == ()
