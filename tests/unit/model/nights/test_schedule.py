"""Which nights may run: laws of order and of limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import (
    Gate,
    Kind,
    NightId,
    NightRecord,
    Observation,
    ReadinessRules,
    Ready,
    RunLimits,
    StageName,
    State,
    Status,
    WaitCode,
    choose_nights,
    find_next_for_ids,
    judge_readiness,
)

NOW = 1_000.0
OLD, NEW = NightId("20251104", Kind.ARCHIVE), NightId("20251106", Kind.ARCHIVE)
AT_IDS = State(StageName.FRAMEIDS, Status.READY)
RULES = ReadinessRules(
    ignore_before=None,
    archive_not_before=None,
    quiet_after_s=10,
    stale_after_s=20,
    grants_frame_ids=True,
)


def limits(nights: int = 10, at_once: int = 10, *, writing: bool = False) -> RunLimits:
    return RunLimits(nights, dict.fromkeys(StageName, at_once), writing)


def known(night: NightId, state: State, **more: Any) -> NightRecord:
    return NightRecord(night, state, **{"bytes": 1, **more})


def choose(*records: NightRecord, rules: ReadinessRules = RULES) -> tuple[NightId, ...]:
    return choose_nights(records, rules, limits(), NOW)


def test_new_nights_are_sent_before_old_ones_are_read_again() -> None:
    at_transfer = State(StageName.TRANSFER, Status.READY)
    older = NightId("20251103", Kind.ARCHIVE)
    records = (
        known(OLD, at_transfer, transferred_at=1.0),
        known(older, at_transfer, transferred_at=1.0),
        known(NEW, at_transfer),
    )
    assert choose(*records) == (NEW, older, OLD)
    assert choose_nights(records, RULES, limits(at_once=1), NOW) == (NEW,)


@pytest.mark.parametrize("stage", [StageName.SYNC, StageName.HEADERS, StageName.FRAMEIDS])
@pytest.mark.parametrize("status", sorted(set(Status) - {Status.DONE, Status.LEGACY}))
def test_a_night_waits_for_every_older_one_that_still_needs_ids(
    stage: StageName, status: Status
) -> None:
    assert NEW not in choose(known(NEW, AT_IDS), known(OLD, State(stage, status)))


@pytest.mark.parametrize("stage", [StageName.FPACK, StageName.TRANSFER, StageName.MANIFEST])
@pytest.mark.parametrize("status", list(Status))
def test_a_night_that_has_its_ids_blocks_no_other(stage: StageName, status: Status) -> None:
    assert NEW in choose(known(NEW, AT_IDS), known(OLD, State(stage, status)))


@pytest.mark.parametrize("stage", list(StageName))
def test_only_light_stages_begin_while_a_camera_writes(stage: StageName) -> None:
    records = [known(NEW, State(stage, Status.READY))]
    light = stage in (StageName.HEADERS, StageName.FRAMEIDS, StageName.MANIFEST)
    assert bool(choose_nights(records, RULES, limits(writing=True), NOW)) is light


@pytest.mark.parametrize("status", list(Status))
def test_only_what_has_settled_is_claimed(status: Status) -> None:
    record = known(NEW, State(StageName.SYNC, status))
    assert bool(choose(record)) is (status in (Status.READY, Status.WAITING))


def test_what_was_not_looked_at_is_not_claimed_and_no_ids_before_all_was() -> None:
    nights = [NightId(f"202511{day:02}", Kind.ARCHIVE) for day in range(1, 4)]
    first, second, third = nights
    records = [known(night, State(StageName.FPACK, Status.READY)) for night in nights]
    for looked_at, chosen in ((set(), ()), ({first, third}, (first, third)), (None, (*nights,))):
        assert choose_nights(records, RULES, limits(), NOW, looked_at) == chosen
    assert choose_nights([known(second, AT_IDS)], RULES, limits(), NOW, {*nights}) == ()
    # What was not looked at takes no one's place.
    assert choose_nights(records, RULES, limits(nights=1), NOW, {third}) == (third,)


def test_nights_on_silent_disks_are_not_claimed_and_take_no_place_of_others() -> None:
    records = [NightRecord(night, State(StageName.SYNC, Status.READY)) for night in (OLD, NEW)]
    assert choose_nights(records, RULES, limits(1, 1), NOW, left={OLD: 0.0}) == (NEW,)
    assert choose_nights(records, RULES, limits(2, 2), NOW, left={OLD: 0.0, NEW: 0.0}) == ()


def records_drawn() -> st.SearchStrategy[list[NightRecord]]:
    nights = st.builds(
        NightId,
        st.integers(1, 28).map(lambda day: f"202511{day:02d}"),
        st.sampled_from(list(Kind)),
    )
    states = st.builds(
        State,
        st.sampled_from(list(StageName)),
        st.sampled_from(list(Status)),
        not_before=st.none() | st.floats(0, 2 * NOW),
    )
    one = st.builds(
        NightRecord,
        nights,
        states,
        code=st.sampled_from([None, "old_tools"]),
        released=st.sampled_from([frozenset(), frozenset({Gate.OLDER_NIGHTS})]),
        bytes=st.integers(0, 1),
    )
    return st.lists(one, max_size=12, unique_by=lambda r: r.night)


@given(records_drawn(), st.integers(1, 4), st.integers(1, 3), st.booleans(), st.booleans())
def test_a_choice_keeps_all_limits_and_orders(
    records: list[NightRecord], nights: int, at_once: int, grants: bool, writing: bool
) -> None:
    rules = replace(RULES, grants_frame_ids=grants, ignore_before="20251103")
    chosen = choose_nights(records, rules, limits(nights, at_once, writing=writing), NOW)
    by_night = {r.night: r for r in records}
    assert list(chosen) == sorted(set(chosen))
    running = [r for r in records if r.state.status is Status.RUNNING]
    if chosen:
        assert len(chosen) + len(running) <= nights
    for stage in StageName:
        busy = [r for r in running if r.state.stage is stage]
        new = [n for n in chosen if by_night[n].state.stage is stage]
        if new:
            assert len(busy) + len(new) <= at_once
    next_for_ids = find_next_for_ids(records, rules)
    for night in chosen:
        one = by_night[night]
        assert one.state.status in (Status.READY, Status.WAITING)
        assert isinstance(judge_readiness(Observation(one, next_for_ids), rules, NOW), Ready)
        if one.state.stage is StageName.FRAMEIDS and not grants:
            assert one.code != WaitCode.NO_AUTHORITY
        elif one.state.stage is StageName.FRAMEIDS:
            assert one.released or next_for_ids is None or next_for_ids.night >= night
    assert (
        choose_nights(records[::-1], rules, limits(nights, at_once, writing=writing), NOW) == chosen
    )
