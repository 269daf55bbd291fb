"""A summary counts every frame once, whatever the night is like."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.frames import RULES, START_US, Night, expose, set_aside, trigger_train
from tests.support.builders.observed import LIMITS, MIDNIGHT_US, observe
from tests.support.examples import examples
from vampd.model.accounts import (
    SYNC_KINDS,
    FrameKind,
    Summary,
    gather_frames,
    observe_cube,
    summarize_night,
)
from vampd.model.nights import CAMERA_STREAMS

_FEW = st.sets(st.integers(0, 79), max_size=25)


@st.composite
def nights(draw: st.DrawFn) -> Night:
    """Up to four exposures, hours or milliseconds apart, with losses and cubes set aside."""
    night = Night()
    start_us = START_US - 11 * 3_600_000_000
    for number in range(draw(st.integers(0, 4))):
        flc_us = draw(st.sampled_from([None, 20.0]))
        train = trigger_train(draw(st.integers(1, 80)), period_us=10_000, flc_us=flc_us)
        changes: dict[str, str | bool | int | float | None] = {
            "OBJECT": draw(st.sampled_from(["M 31", "DARK", None])),
            "RET-ANG1": draw(st.sampled_from([0.0, 45.0])),
        }
        if flc_us is None:
            changes["EXTTRIG"] = draw(st.booleans())
        night += expose(
            train,
            start_us=start_us,
            lost=(draw(_FEW), draw(_FEW)),
            cube_frames=(draw(st.integers(1, 80)), draw(st.integers(20, 80))),
            cameras=draw(st.sampled_from([(1, 2), (1,), (2,)])),
            changes=changes,
            seed=number,
        )
        start_us += 900_000 + draw(st.sampled_from([0, 5_000_000, 12 * 3_600_000_000]))
    names = draw(
        st.lists(st.sampled_from(["vcam_23:59:59.9.fits", "junk.fits", "x.fits"]), unique=True)
    )
    aside = tuple(
        set_aside(draw(st.sampled_from(CAMERA_STREAMS)), name, draw(st.integers(0, 10**13)))
        for name in names
    )
    return replace(night, set_aside=aside)


def by_kind(summary: Summary, *kinds: FrameKind) -> tuple[int, int]:
    first, second = (summary.frames(*kinds, camera=camera) for camera in (1, 2))
    return first, second


@settings(max_examples=examples(18))
@given(nights(), nights())
def test_the_sums_are_those_of_sync_and_of_the_raw_cubes(night: Night, later: Night) -> None:
    late = replace(later.shifted(40 * 86_400_000_000), set_aside=())
    late = replace(
        late,
        cubes=tuple(
            replace(c, fits=replace(c.fits, path=c.fits.path.replace(".fits", "_late.fits")))
            for c in late.cubes
        ),
    )
    seen = observe(night, late=late)
    summary, counts = seen.summary, seen.generation.counts
    assert sum(by_kind(summary, *SYNC_KINDS)) == counts.synchronised
    assert sum(by_kind(summary, FrameKind.SOLO)) == counts.solo
    assert sum(by_kind(summary, FrameKind.SET_ASIDE)) == counts.set_aside
    assert sum(by_kind(summary, FrameKind.LATE)) == sum(c.frames for c in late.cubes)
    assert summary.frames(*FrameKind) == counts.raw + sum(c.frames for c in late.cubes)
    in_runs = sum(run.all_frames for run in summary.runs)
    assert in_runs == counts.synchronised + counts.solo
    assert 2 * sum(run.pairs for run in summary.runs) == counts.synchronised
    assert sum(run.deinterleaved for run in summary.runs) == counts.deinterleaved
    assert sum(run.dubious for run in summary.runs) == counts.dubious
    for kind in SYNC_KINDS:
        assert len(set(by_kind(summary, kind))) == 1
    starts = [minute.start_us for minute in summary.minutes if minute.start_us is not None]
    assert starts == sorted(set(starts))


@settings(max_examples=examples(10))
@given(nights())
def test_the_summary_does_not_depend_on_the_order_of_files(night: Night) -> None:
    generation = night.synchronize()
    made = []
    for cubes in (night.cubes, night.cubes[::-1]):
        shown = {cube.path: observe_cube(cube, RULES.cut_on) for cube in cubes}
        frames = gather_frames([generation], shown, [], midnight_us=MIDNIGHT_US)
        made.append(summarize_night(frames, [generation], generation.counts, LIMITS, RULES.gap_us))
    assert made[0] == made[1]
