"""The machine, move by move."""

from collections import deque
from contextlib import suppress
from dataclasses import replace
from itertools import product

import pytest

from vampd.errors import IllegalTransition
from vampd.model.nights import (
    MOVES,
    MOVES_AT_SYNC,
    Event,
    EventName,
    Gate,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    advance,
    ends_proofs,
    event_of_new_data,
    moved,
    opened_gate,
    stages_of,
)

KINDS = tuple(Kind)
NIGHT = NightId("20251106", Kind.ARCHIVE)
PERSONS_EVENTS = {
    EventName.RETRIED,
    EventName.RELEASED,
    EventName.RESTORE_BEGUN,
    EventName.RESTORED,
}


def states(kind: Kind) -> list[State]:
    return [
        State(stage, status, attempts=3, not_before=9.0 if status is Status.WAITING else None)
        for stage, status in product(stages_of(kind), Status)
    ]


EVERY_STATE = [(kind, state) for kind in KINDS for state in states(kind)]


@pytest.mark.parametrize("name", EventName)
def test_every_pair_of_state_and_event_is_a_move_of_the_table_or_is_refused(name):
    for kind, state in EVERY_STATE:
        assert_moves_by_the_table(kind, state, name)


def assert_moves_by_the_table(kind, state, name):
    target = MOVES.get((state.status, name))
    if state.stage is StageName.SYNC:
        target = MOVES_AT_SYNC.get((state.status, name), target)
    if target is None:
        with pytest.raises(IllegalTransition) as refusal:
            advance(kind, state, Event(name))
        assert refusal.value.code == "illegal_transition"
        return
    after = advance(kind, state, Event(name))
    if name is EventName.ADVANCED and state.stage is stages_of(kind)[-1]:
        target = Status.DONE
    assert after.status is target
    assert after.stage in stages_of(kind)
    assert after.not_before == (state.not_before if name is EventName.DISPROVED else None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_night_passes_its_stages_in_order_and_is_done(kind):
    state = advance(kind, State(), Event(EventName.SETTLED))
    passed = []
    while state.status is not Status.DONE:
        state = advance(kind, state, Event(EventName.CLAIMED))
        passed.append(state.stage)
        assert state.attempts == 1
        state = advance(kind, state, Event(EventName.ADVANCED))
        assert state.attempts == 0
    assert tuple(passed) == stages_of(kind)


def test_engineering_nights_get_no_frame_ids_and_no_manifest():
    stages = stages_of(Kind.ENGINEERING)
    assert StageName.FRAMEIDS not in stages
    assert StageName.MANIFEST not in stages
    assert stages_of(Kind.ARCHIVE) == tuple(StageName)


@pytest.mark.parametrize(("kind", "start"), EVERY_STATE)
def test_from_every_state_a_night_can_still_become_done(kind, start):
    reached, to_visit = {start}, deque([start])
    while to_visit:
        state = to_visit.popleft()
        for status, name in MOVES:
            if status is not state.status:
                continue
            after = advance(kind, state, Event(name))
            # Counting attempts on would make the states endless, and changes no move.
            after = State(after.stage, after.status)
            if after not in reached:
                reached.add(after)
                to_visit.append(after)
    assert any(state.status is Status.DONE for state in reached)


def test_a_held_night_moves_only_at_a_persons_word():
    moves = {name for status, name in MOVES if status is Status.HELD}
    assert moves - {EventName.DISPROVED} == PERSONS_EVENTS


@pytest.mark.parametrize("status", Status)
def test_a_copy_found_bad_takes_safe_away_and_moves_nothing(status):
    state = State(StageName.MANIFEST, status, attempts=3, not_before=7.0)
    before = NightRecord(NIGHT, state, code="x", error="y", safe_at=5.0, changed_at=1.0)
    event = Event(EventName.DISPROVED)
    after = moved(before, event, at=9.0, code="archive_copy_bad", message="z")
    assert after == replace(before, safe_at=None)


@pytest.mark.parametrize("stage", [None, *StageName])
def test_a_person_who_sends_a_night_back_to_transfer_or_further_believes_no_proof(stage):
    asks_anew = stage not in (None, StageName.MANIFEST)
    assert ends_proofs(Event(EventName.RETRIED, stage)) is asks_anew
    assert not ends_proofs(Event(EventName.REOPENED))
    assert not ends_proofs(Event(EventName.FAILED, not_before=1.0))


def test_a_night_that_is_being_restored_is_held_where_it_stands_and_running_ones_are_not_restored():
    for kind, state in EVERY_STATE:
        if state.status is Status.RUNNING:
            continue
        begun = advance(kind, state, Event(EventName.RESTORE_BEGUN))
        assert (begun.status, begun.stage) == (Status.HELD, state.stage)
        ended = advance(kind, begun, Event(EventName.RESTORED))
        assert ended == State(StageName.SYNC, Status.HELD)
    assert (Status.RUNNING, EventName.RESTORE_BEGUN) not in MOVES


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_no_path_from_filling_to_claimed_without_settled(kind):
    # What a person takes on from the old tools is judged by its evidence, and raw is not touched.
    judging = {EventName.SETTLED, EventName.CONTINUED}

    def judged_after(name, state, judged):
        return (judged or name in judging) and state.status is not Status.FILLING

    back = [Event(EventName.RESTORE_BEGUN), Event(EventName.RESTORED)]
    start = (State(), False)
    reached, to_visit = {start}, deque([start])
    while to_visit:
        before, judged = to_visit.popleft()
        assert judged or before.status is not Status.RUNNING
        assert before.status is not Status.FILLING or before.stage is StageName.SYNC
        events = [Event(n) for n in EventName]
        events += [Event(EventName.RETRIED, stage) for stage in StageName]
        found = []
        for event in events:
            with suppress(IllegalTransition):
                after = advance(kind, before, event)
                found.append((after, judged_after(event.name, after, judged)))
        if before.status is not Status.RUNNING:
            restored = before
            for event in back:
                restored = advance(kind, restored, event)
            found.append((restored, False))
        for after, known in found:
            # Counting attempts on would make the states endless, and changes no move.
            visited = (
                State(after.stage, after.status, is_continued=after.is_continued),
                known,
            )
            if visited not in reached:
                reached.add(visited)
                to_visit.append(visited)
    assert (State(StageName.SYNC, Status.RUNNING), True) in reached


@pytest.mark.parametrize("name", [EventName.RETRIED, EventName.RELEASED])
@pytest.mark.parametrize("kind", KINDS)
def test_a_night_that_is_held_at_sync_fills_when_it_is_let_go(kind, name):
    held = State(StageName.SYNC, Status.HELD, attempts=3)
    assert advance(kind, held, Event(name)) == State()


@pytest.mark.parametrize(("kind", "state"), EVERY_STATE)
def test_new_data_lead_to_filling_at_sync_from_wherever_they_are_looked_for(kind, state):
    name = event_of_new_data(state)
    if state.status in (Status.FILLING, Status.RUNNING, Status.HELD, Status.LEGACY):
        assert name is None
        return
    assert name is not None
    after = advance(kind, state, Event(name))
    assert (after.stage, after.status) == (StageName.SYNC, Status.FILLING)


def test_a_legacy_night_is_found_by_looking_and_left_by_a_person_alone():
    into = {(status, name) for (status, name), after in MOVES.items() if after is Status.LEGACY}
    assert into == {
        (Status.FILLING, EventName.RECOGNIZED),
        (Status.LEGACY, EventName.DISPROVED),
    }
    out = {
        name
        for (status, name), after in MOVES.items()
        if (status, after) != (status, status) and status is Status.LEGACY
    }
    assert out == {EventName.RESTORE_BEGUN, EventName.CONTINUED}


@pytest.mark.parametrize("status", [Status.READY, Status.WAITING])
def test_what_is_written_before_sync_has_seen_it_revokes_no_release(status):
    state = State(StageName.SYNC, status, attempts=3)
    assert event_of_new_data(state) is EventName.STIRRED
    assert advance(Kind.ARCHIVE, state, Event(EventName.STIRRED)).attempts == 3


def test_only_a_running_night_makes_progress_or_fails():
    results = {EventName.ADVANCED, EventName.FAILED, EventName.INTERRUPTED, EventName.ABANDONED}
    assert {status for status, name in MOVES if name in results} == {Status.RUNNING}


def test_a_night_can_be_held_wherever_work_may_begin_or_goes_on():
    unfinished = set(Status) - {Status.DONE, Status.HELD, Status.LEGACY}
    assert {status for status, name in MOVES if name is EventName.HELD} == unfinished


@pytest.mark.parametrize(
    ("name", "attempts"),
    [
        (EventName.FAILED, 3),
        (EventName.INTERRUPTED, 3),
        (EventName.HELD, 3),
        (EventName.ABANDONED, 2),
        (EventName.ADVANCED, 0),
        (EventName.RETRIED, 0),
    ],
)
def test_what_went_wrong_counts_as_an_attempt_and_what_was_given_back_does_not(name, attempts):
    running = State(StageName.FPACK, Status.RUNNING, attempts=3)
    assert advance(Kind.ARCHIVE, running, Event(name)).attempts == attempts


def test_a_restart_counts_so_that_a_poisonous_night_does_not_loop():
    state = State(StageName.FPACK, Status.READY)
    for attempt in (1, 2, 3):
        state = advance(Kind.ARCHIVE, state, Event(EventName.CLAIMED))
        assert state.attempts == attempt
        state = advance(Kind.ARCHIVE, state, Event(EventName.INTERRUPTED))


@pytest.mark.parametrize("kind", KINDS)
def test_a_release_starts_the_attempts_over_where_the_night_stands(kind):
    held = State(StageName.FPACK, Status.HELD, attempts=12)
    released = advance(kind, held, Event(EventName.RELEASED))
    assert released == State(StageName.FPACK, Status.READY)


@pytest.mark.parametrize("status", [Status.READY, Status.WAITING])
def test_a_night_that_waits_for_older_ones_can_be_released_whether_it_has_failed_or_not(status):
    stopped = State(StageName.FRAMEIDS, status, attempts=3, not_before=None)
    released = advance(Kind.ARCHIVE, stopped, Event(EventName.RELEASED))
    assert released == State(StageName.FRAMEIDS, Status.READY)
    assert opened_gate(stopped, "frame_ids_unavailable") is Gate.OLDER_NIGHTS


def test_a_failed_night_waits_until_its_time():
    running = State(StageName.SYNC, Status.RUNNING, attempts=1)
    waiting = advance(Kind.ARCHIVE, running, Event(EventName.FAILED, not_before=77.0))
    assert waiting == State(StageName.SYNC, Status.WAITING, 1, 77.0)
    assert advance(Kind.ARCHIVE, waiting, Event(EventName.CLAIMED)).not_before is None


@pytest.mark.parametrize("status", [Status.READY, Status.WAITING, Status.DONE])
def test_late_data_send_a_night_back_to_the_beginning(status):
    late = advance(Kind.ARCHIVE, State(StageName.TRANSFER, status, 4), Event(EventName.REOPENED))
    assert late == State(StageName.SYNC, Status.FILLING)


@pytest.mark.parametrize(("kind", "state"), [e for e in EVERY_STATE if e[1].status is Status.HELD])
def test_a_retry_goes_back_to_a_stage_that_was_reached_and_no_further(kind, state):
    stages = stages_of(kind)
    for wanted in StageName:
        event = Event(EventName.RETRIED, stage=wanted)
        if wanted in stages and stages.index(wanted) <= stages.index(state.stage):
            fills = state.stage is StageName.SYNC
            status = Status.FILLING if fills else Status.READY
            assert advance(kind, state, event) == State(wanted, status)
            continue
        with pytest.raises(IllegalTransition) as refusal:
            advance(kind, state, event)
        expected = "stage_not_reached" if wanted in stages else "no_such_stage"
        assert refusal.value.code == expected


def test_a_retry_without_a_stage_stays_where_it_is():
    done = State(StageName.MANIFEST, Status.DONE)
    again = advance(Kind.ARCHIVE, done, Event(EventName.RETRIED))
    assert again == State(StageName.MANIFEST, Status.READY)
