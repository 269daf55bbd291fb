"""What every NightStore must do, whether it lives in SQLite or in memory."""

from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

from tests.support.fakes.memory_store import MemoryNights
from vampd.errors import ClaimLost, IllegalTransition, StateError
from vampd.model.nights import (
    Event,
    EventName,
    Gate,
    Kind,
    NightId,
    NightUpdate,
    StageName,
    State,
    Status,
    advance,
)
from vampd.ports import NightStore
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

NIGHT = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NightStore]:
    if request.param == "memory":
        yield MemoryNights()
        return
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield Nights(opened)
    opened.close()


def happen(store: NightStore, *names: EventName, night: NightId = NIGHT, **words):
    records = [store.apply(night, Event(name), at=5.0, actor="test", **words) for name in names]
    return records[-1]


def running(store: NightStore, night: NightId = NIGHT):
    store.discover(night, at=1.0)
    return happen(store, EventName.SETTLED, EventName.CLAIMED, night=night)


def test_nights_are_listed_oldest_first_whenever_they_were_discovered(store):
    nights = [
        NightId("20251107", Kind.ARCHIVE),
        NightId("20250101", Kind.ENGINEERING),
        ENGINEERING,
        NIGHT,
    ]
    for night in nights:
        store.discover(night, at=1.0)
    assert [record.night for record in store.nights()] == sorted(nights)


def test_a_night_is_discovered_once(store):
    first = store.discover(NIGHT, at=1.0)
    assert first.state == State()
    assert (first.discovered_at, first.changed_at) == (1.0, 1.0)
    settled = happen(store, EventName.SETTLED)
    assert store.discover(NIGHT, at=9.0) == settled
    assert store.night(NIGHT) == settled
    assert store.nights() == (settled,)


def test_both_kinds_of_one_date_are_two_nights(store):
    store.discover(ENGINEERING, at=1.0)
    running(store, NIGHT)
    assert store.night(ENGINEERING).state == State()
    assert store.history(ENGINEERING) == ()


def test_an_unknown_night_has_no_state_and_cannot_be_moved(store):
    assert store.night(NIGHT) is None
    assert store.history(NIGHT) == ()
    with pytest.raises(StateError) as moving:
        happen(store, EventName.SETTLED)
    with pytest.raises(StateError) as keeping:
        store.update(NIGHT, NightUpdate(frames=1))
    assert moving.value.code == keeping.value.code == "night_unknown"
    assert store.nights() == ()


def test_an_illegal_move_leaves_no_trace(store):
    before = store.discover(NIGHT, at=1.0)
    with pytest.raises(IllegalTransition):
        happen(store, EventName.ADVANCED)
    assert store.night(NIGHT) == before
    assert store.history(NIGHT) == ()


def test_every_claim_has_a_number_of_its_own(store):
    assert running(store).claim == 1
    happen(store, EventName.ABANDONED)
    second = happen(store, EventName.CLAIMED)
    assert second.claim == 2
    assert second.state.attempts == 1


@pytest.mark.parametrize(
    "name", [EventName.ADVANCED, EventName.FAILED, EventName.HELD, EventName.ABANDONED]
)
def test_the_result_of_a_lost_claim_is_dropped(store, name):
    late = running(store).claim
    happen(store, EventName.RETRIED)
    waiting = store.night(NIGHT)
    with pytest.raises(ClaimLost) as not_running:
        happen(store, name, claim=late)
    assert store.night(NIGHT) == waiting
    again = happen(store, EventName.CLAIMED)
    lines = store.history(NIGHT)
    with pytest.raises(ClaimLost) as of_another:
        happen(store, name, claim=late)
    assert not_running.value.code == of_another.value.code == "claim_lost"
    assert store.night(NIGHT) == again
    assert store.history(NIGHT) == lines
    assert happen(store, name, claim=again.claim).state.status is not Status.RUNNING


def test_the_facts_of_a_lost_claim_are_dropped(store):
    late = running(store).claim
    store.update(NIGHT, NightUpdate(frames=1), claim=late)
    happen(store, EventName.RETRIED)
    with pytest.raises(ClaimLost) as lost:
        store.update(NIGHT, NightUpdate(safe_at=1.0), claim=late)
    assert lost.value.code == "claim_lost"
    assert store.night(NIGHT).safe_at is None
    assert store.night(NIGHT).frames == 1


def test_the_last_error_stays_in_sight_until_something_went_well(store):
    running(store)
    failed = happen(store, EventName.FAILED, code="disk_full", message="no space")
    assert (failed.code, failed.error) == ("disk_full", "no space")
    assert happen(store, EventName.CLAIMED).error == "no space"
    assert happen(store, EventName.ABANDONED).error == "no space"
    assert happen(store, EventName.CLAIMED, EventName.ADVANCED).error is None
    assert store.night(NIGHT).code is None


def test_a_new_reason_replaces_the_old_one_whole(store):
    running(store)
    happen(store, EventName.FAILED, code="disk_full", message="no space")
    held = happen(store, EventName.HELD, message="by a person")
    assert (held.code, held.error) == (None, "by a person")


@pytest.mark.parametrize("name", [EventName.RETRIED, EventName.RELEASED])
def test_a_persons_word_clears_the_error(store, name):
    running(store)
    happen(store, EventName.HELD, code="stuck", message="the same plan twice")
    freed = happen(store, name)
    assert (freed.code, freed.error) == (None, None)


def test_an_interruption_shows_its_reason(store):
    running(store)
    record = happen(store, EventName.INTERRUPTED, code="interrupted", message="daemon died")
    assert (record.code, record.error, record.state.attempts) == ("interrupted", "daemon died", 1)


def test_a_release_is_remembered_until_late_data_come(store):
    running(store)
    happen(store, EventName.ADVANCED, EventName.CLAIMED)
    cards = {Gate.CARD_MISSING}
    assert not happen(store, EventName.HELD, code="card_missing").released
    assert not happen(store, EventName.RETRIED).released
    happen(store, EventName.HELD, code="card_missing")
    assert happen(store, EventName.RELEASED).released == cards
    assert happen(store, EventName.CLAIMED, EventName.ADVANCED).released == cards
    assert happen(store, EventName.HELD, EventName.RETRIED).released == cards
    assert not happen(store, EventName.REOPENED).released


def test_a_restored_night_passes_the_lasting_traces_of_the_old_tools_from_then_on(store):
    running(store)
    happen(store, EventName.ADVANCED, EventName.HELD, EventName.RETRIED)
    assert not happen(store, EventName.HELD, code="old_tools").released
    happen(store, EventName.RESTORE_BEGUN, code="restore_unfinished")
    restored = happen(store, EventName.RESTORED, code="restored")
    assert restored.released == {Gate.OLD_TOOLS}
    # It says something of the folder's past, so what comes later does not revoke it.
    happen(store, EventName.RETRIED, EventName.SETTLED)
    assert happen(store, EventName.REOPENED).released == {Gate.OLD_TOOLS}


def test_every_move_clears_what_the_night_waited_for(store):
    store.discover(NIGHT, at=1.0)
    for name in (EventName.SETTLED, EventName.CLAIMED, EventName.FAILED, EventName.HELD):
        store.update(NIGHT, NightUpdate(note_code="still_written", note="waits"))
        after = happen(store, name)
        assert (after.note_code, after.note) == (None, None)
        assert store.night(NIGHT) == after


def test_a_release_opens_the_gate_that_the_night_stood_at_and_no_other(store):
    running(store)
    happen(store, EventName.ADVANCED)
    opened: set[Gate] = set()
    codes = ("stuck", None, "held_by_person", "older_nights", "sync_unexpected", "card_missing")
    for code in codes:
        happen(store, EventName.HELD, code=code)
        opened |= {Gate(code)} if code in ("sync_unexpected", "card_missing") else set()
        assert happen(store, EventName.RELEASED).released == opened
    assert happen(store, EventName.RELEASED).released == opened | {Gate.OLDER_NIGHTS}
    shown = [line.code for line in store.history(NIGHT) if line.event is EventName.RELEASED]
    assert shown == [None, None, None, None, "sync_unexpected", "card_missing", "older_nights"]


def test_facts_that_are_not_given_stay(store):
    store.discover(NIGHT, at=1.0)
    store.update(NIGHT, NightUpdate(frames=10, bytes=20, signature="s", note="n"))
    store.update(NIGHT, NightUpdate(done_actions=1, all_actions=4, frames=0))
    store.update(NIGHT, NightUpdate())
    record = store.night(NIGHT)
    assert (record.frames, record.bytes, record.signature, record.note) == (0, 20, "s", "n")
    assert (record.done_actions, record.all_actions) == (1, 4)
    assert store.history(NIGHT) == ()


def pass_all_stages(store) -> None:
    running(store)
    store.update(NIGHT, NightUpdate(processed_at=1.0, transferred_at=2.0, safe_at=3.0))
    while happen(store, EventName.ADVANCED).state.status is not Status.DONE:
        happen(store, EventName.CLAIMED)


@pytest.mark.parametrize(
    ("stage", "kept"),
    [
        (StageName.MANIFEST, (1.0, 2.0, 3.0)),
        (StageName.TRANSFER, (1.0, None, None)),
        (StageName.FPACK, (None, None, None)),
        (StageName.SYNC, (None, None, None)),
    ],
)
def test_a_night_that_goes_back_is_not_safe_until_it_was_proved_again(store, stage, kept):
    pass_all_stages(store)
    store.apply(NIGHT, Event(EventName.RETRIED, stage=stage), at=9.0, actor="test")
    record = store.night(NIGHT)
    assert (record.processed_at, record.transferred_at, record.safe_at) == kept


def test_late_data_make_a_safe_night_unsafe(store):
    pass_all_stages(store)
    assert store.night(NIGHT).safe_at == 3.0
    reopened = happen(store, EventName.REOPENED)
    assert reopened.state == State()
    assert reopened.safe_at is None


def test_history_shows_who_did_what_when_and_in_which_attempt(store):
    store.discover(NIGHT, at=1.0)
    store.apply(NIGHT, Event(EventName.SETTLED), at=2.0, actor="vampd")
    store.apply(NIGHT, Event(EventName.CLAIMED), at=3.0, actor="vampd")
    failed = Event(EventName.FAILED, not_before=40.5)
    store.apply(NIGHT, failed, at=4.0, actor="vampd", claim=1, code="disk_full", message="a\udcff")
    retried = Event(EventName.RETRIED, stage=StageName.SYNC)
    store.apply(NIGHT, retried, at=5.0, actor="vampctl:somebody")
    settled, claimed, failure, retry = store.history(NIGHT)
    assert (settled.at, settled.attempt, settled.actor) == (2.0, 0, "vampd")
    assert (claimed.event, claimed.stage, claimed.attempt) == ("claimed", "sync", 1)
    assert (failure.code, failure.message, failure.attempt) == ("disk_full", "a\udcff", 1)
    assert failure.cause == failed
    assert (retry.cause, retry.actor) == (retried, "vampctl:somebody")
    causes = (line.cause for line in store.history(NIGHT))
    replayed = reduce(lambda state, event: advance(NIGHT.kind, state, event), causes, State())
    assert replayed == store.night(NIGHT).state


def test_the_change_counter_moves_with_every_change_and_with_nothing_else(store):
    counters = [store.change_counter()]
    store.discover(NIGHT, at=1.0)
    counters.append(store.change_counter())
    happen(store, EventName.SETTLED)
    counters.append(store.change_counter())
    store.update(NIGHT, NightUpdate(frames=3))
    counters.append(store.change_counter())
    assert len(set(counters)) == 4
    store.nights()
    store.history(NIGHT)
    store.discover(NIGHT, at=2.0)
    with pytest.raises(IllegalTransition):
        happen(store, EventName.ADVANCED)
    assert store.change_counter() == counters[-1]


@pytest.mark.parametrize("due", [1e12, float("nan"), float("inf")])
def test_nothing_is_written_that_could_not_be_read_again(store, due: float):
    store.discover(NIGHT, at=1.0)
    before = happen(store, EventName.SETTLED, EventName.CLAIMED)
    failed = Event(EventName.FAILED, not_before=due)
    with pytest.raises(ValueError, match="no not_before that can be read again"):
        store.apply(NIGHT, failed, at=5.0, actor="test")
    assert store.night(NIGHT) == before
    assert len(store.history(NIGHT)) == 2
