"""Which nights may run: laws of order and of limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import (
    Kind,
    NightCandidate,
    NightId,
    RunLimits,
    StageName,
    State,
    Status,
    choose_nights,
    find_blockers,
    is_claimable,
)

NOW = 1_000.0
OLD, NEW = NightId("20251104", Kind.ARCHIVE), NightId("20251106", Kind.ARCHIVE)
AT_IDS = State(StageName.FRAMEIDS, Status.READY)


def limits(
    nights: int = 10, at_once: int = 10, *, grants: bool = True, writing: bool = False
) -> RunLimits:
    return RunLimits(nights, dict.fromkeys(StageName, at_once), grants, writing)


@pytest.mark.parametrize("stage", [StageName.SYNC, StageName.HEADERS, StageName.FRAMEIDS])
@pytest.mark.parametrize("status", [s for s in Status if s is not Status.DONE])
def test_a_night_waits_for_every_older_one_that_still_needs_ids(
    stage: StageName, status: Status
) -> None:
    candidates = [NightCandidate(NEW, AT_IDS), NightCandidate(OLD, State(stage, status))]
    assert OLD.date in find_blockers(candidates, limits())[NEW]
    assert NEW not in choose_nights(candidates, limits(), NOW)


@pytest.mark.parametrize("stage", [StageName.FPACK, StageName.TRANSFER, StageName.MANIFEST])
@pytest.mark.parametrize("status", list(Status))
def test_a_night_that_has_its_ids_blocks_nobody(stage: StageName, status: Status) -> None:
    candidates = [NightCandidate(NEW, AT_IDS), NightCandidate(OLD, State(stage, status))]
    assert NEW in choose_nights(candidates, limits(), NOW)


def test_only_the_stage_frameids_waits() -> None:
    older = NightCandidate(OLD, State(StageName.SYNC, Status.HELD))
    for stage in set(StageName) - {StageName.FRAMEIDS}:
        candidates = [older, NightCandidate(NEW, State(stage, Status.READY))]
        assert choose_nights(candidates, limits(), NOW) == (NEW,)


def test_engineering_nights_and_those_set_aside_block_nobody() -> None:
    engineering = NightCandidate(NightId("20251101", Kind.ENGINEERING), State(StageName.SYNC))
    aside = NightCandidate(OLD, State(StageName.SYNC, Status.HELD), aside=True)
    candidates = [engineering, aside, NightCandidate(NEW, AT_IDS)]
    assert choose_nights(candidates, limits(), NOW) == (NEW,)


def test_a_released_night_passes() -> None:
    older = NightCandidate(OLD, State(StageName.SYNC, Status.HELD))
    candidates = [older, NightCandidate(NEW, AT_IDS, released=True)]
    assert choose_nights(candidates, limits(), NOW) == (NEW,)


def test_nobody_asks_for_ids_when_nobody_grants_them() -> None:
    candidates = [NightCandidate(OLD, AT_IDS, released=True)]
    assert '"none"' in find_blockers(candidates, limits(grants=False))[OLD]
    assert choose_nights(candidates, limits(grants=False), NOW) == ()


@pytest.mark.parametrize("stage", list(StageName))
def test_only_light_stages_begin_while_a_camera_writes(stage: StageName) -> None:
    candidates = [NightCandidate(NEW, State(stage, Status.READY))]
    light = stage in (StageName.HEADERS, StageName.FRAMEIDS, StageName.MANIFEST)
    assert bool(choose_nights(candidates, limits(writing=True), NOW)) is light


@pytest.mark.parametrize(
    ("state", "claimable"),
    [
        (State(status=Status.READY), True),
        (State(status=Status.WAITING, not_before=NOW), True),
        (State(status=Status.WAITING, not_before=NOW + 0.1), False),
        (State(status=Status.WAITING), True),
        (State(status=Status.FILLING), False),
        (State(status=Status.RUNNING), False),
        (State(status=Status.HELD), False),
        (State(status=Status.DONE), False),
    ],
)
def test_a_night_is_claimed_when_ready_or_when_it_has_waited(state: State, claimable: bool) -> None:
    assert is_claimable(state, NOW) is claimable


def candidates_drawn() -> st.SearchStrategy[list[NightCandidate]]:
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
    one = st.builds(NightCandidate, nights, states, released=st.booleans(), aside=st.booleans())
    return st.lists(one, max_size=12, unique_by=lambda c: c.night)


@given(candidates_drawn(), st.integers(1, 4), st.integers(1, 3), st.booleans(), st.booleans())
def test_a_choice_keeps_all_limits_and_orders(
    candidates: list[NightCandidate], nights: int, at_once: int, grants: bool, writing: bool
) -> None:
    rules = limits(nights, at_once, grants=grants, writing=writing)
    chosen = choose_nights(candidates, rules, NOW)
    by_night = {c.night: c for c in candidates}
    assert list(chosen) == sorted(set(chosen))
    running = [c for c in candidates if c.state.status is Status.RUNNING]
    if chosen:
        assert len(chosen) + len(running) <= nights
    for stage in StageName:
        busy = [c for c in running if c.state.stage is stage]
        new = [n for n in chosen if by_night[n].state.stage is stage]
        if new:
            assert len(busy) + len(new) <= at_once
    for night in chosen:
        one = by_night[night]
        assert is_claimable(one.state, NOW)
        assert not one.aside
        if one.state.stage is StageName.FRAMEIDS:
            assert grants
            before_ids = (StageName.SYNC, StageName.HEADERS, StageName.FRAMEIDS)
            older = [
                c
                for c in candidates
                if c.night < night
                and c.night.kind is Kind.ARCHIVE
                and c.state.stage in before_ids
                and not c.aside
            ]
            assert one.released or not older
    assert choose_nights(list(reversed(candidates)), rules, NOW) == chosen
