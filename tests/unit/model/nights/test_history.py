"""What an event makes of a night's record, beyond its state."""

import pytest

from vampd.errors import IllegalTransition
from vampd.model.nights import (
    RESTORE_UNFINISHED,
    RESTORED,
    Event,
    EventName,
    Gate,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    after_lost_proofs,
    moved,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
DONE = NightRecord(
    NIGHT,
    State(StageName.MANIFEST, Status.DONE),
    released=frozenset({Gate.SYNC_UNEXPECTED}),
    processed_at=1.0,
    transferred_at=2.0,
    safe_at=3.0,
)


def after(record: NightRecord, name: EventName, code: str | None = None) -> NightRecord:
    return moved(record, Event(name), at=9.0, code=code, message="why")


BEGUN = after(DONE, EventName.RESTORE_BEGUN, RESTORE_UNFINISHED)


def test_a_night_whose_restoring_has_begun_says_so_keeps_its_stage_and_is_not_safe() -> None:
    assert BEGUN.state == State(StageName.MANIFEST, Status.HELD)
    assert (BEGUN.code, BEGUN.error) == (RESTORE_UNFINISHED, "why")
    assert (BEGUN.processed_at, BEGUN.transferred_at, BEGUN.safe_at) == (1.0, 2.0, None)


@pytest.mark.parametrize("name", [EventName.RETRIED, EventName.RELEASED, EventName.HELD])
def test_a_half_restored_night_goes_nowhere_but_on_with_restoring(name: EventName) -> None:
    with pytest.raises(IllegalTransition, match="vampctl restore 20251106") as refused:
        after(BEGUN, name)
    assert refused.value.code == "restore_unfinished"
    assert after(BEGUN, EventName.RESTORE_BEGUN, RESTORE_UNFINISHED) == BEGUN


def test_a_restored_night_is_held_at_sync_without_proofs_and_with_its_gates_shut() -> None:
    restored = after(BEGUN, EventName.RESTORED, RESTORED)
    assert restored.state == State(StageName.SYNC, Status.HELD)
    assert restored.code == RESTORED
    assert (restored.processed_at, restored.transferred_at, restored.safe_at) == (None, None, None)
    # What restoring cannot remove of the old tools no longer counts.
    assert restored.released == {Gate.OLD_TOOLS}
    assert after(restored, EventName.RETRIED).state.status is Status.FILLING


def test_restoring_that_was_not_begun_does_not_end() -> None:
    held = after(NightRecord(NIGHT, State()), EventName.HELD, "held_by_person")
    with pytest.raises(IllegalTransition, match="was not begun"):
        after(held, EventName.RESTORED, RESTORED)


LATE = NightRecord(NIGHT, State(StageName.FRAMEIDS, Status.HELD), code="late_partners")


def test_a_release_past_late_partners_lasts_until_they_have_their_ids() -> None:
    released = after(LATE, EventName.RELEASED)
    assert released.released == {Gate.LATE_PARTNERS}
    failed = after(after(released, EventName.CLAIMED), EventName.FAILED)
    assert Gate.LATE_PARTNERS in after(failed, EventName.RETRIED).released
    running = after(after(failed, EventName.RETRIED), EventName.CLAIMED)
    assert not after(running, EventName.ADVANCED).released


def test_whatever_lets_sync_look_again_ends_a_release_past_late_partners() -> None:
    both = frozenset({Gate.LATE_PARTNERS, Gate.SYNC_UNEXPECTED})
    ready = NightRecord(NIGHT, State(StageName.FRAMEIDS, Status.READY), released=both)
    back = Event(EventName.RETRIED, StageName.SYNC)
    assert moved(ready, back, at=9.0, code=None, message=None).released == {Gate.SYNC_UNEXPECTED}
    assert after(ready, EventName.RETRIED).released == both
    assert not after(ready, EventName.REOPENED).released


def test_a_release_past_a_changed_set_aside_file_lasts_until_it_was_sent() -> None:
    held = NightRecord(NIGHT, State(StageName.TRANSFER, Status.HELD), code="set_aside_changed")
    released = after(held, EventName.RELEASED)
    assert released.released == {Gate.SET_ASIDE_CHANGED}
    failed = after(after(released, EventName.CLAIMED), EventName.FAILED)
    assert failed.released == {Gate.SET_ASIDE_CHANGED}
    running = after(after(failed, EventName.RETRIED), EventName.CLAIMED)
    assert not after(running, EventName.ADVANCED).released


def test_other_times_of_raw_take_neither_safe_nor_an_open_gate() -> None:
    retimed = after(DONE, EventName.RETIMED)
    assert retimed.state == State()
    assert (retimed.safe_at, retimed.released) == (3.0, frozenset({Gate.SYNC_UNEXPECTED}))
    running = after(after(retimed, EventName.SETTLED), EventName.CLAIMED)
    late = after(running, EventName.REOPENED)
    assert (late.state, late.safe_at, late.released) == (State(), None, frozenset())


def test_proofs_that_end_meanwhile_leave_such_a_night_on_its_way_to_transfer() -> None:
    retimed = after(DONE, EventName.RETIMED)
    event = after_lost_proofs(retimed)
    assert event == Event(EventName.DISPROVED)
    shown = moved(retimed, event, at=9.0, code=None, message=None)
    assert (shown.state, shown.safe_at) == (retimed.state, None)


def test_a_release_past_changed_raw_lasts_until_sync_has_ended_and_opens_no_later_gate() -> None:
    held = NightRecord(NIGHT, State(StageName.SYNC, Status.HELD), code="raw_changed")
    released = after(held, EventName.RELEASED)
    assert released.released == {Gate.RAW_CHANGED}
    running = after(after(released, EventName.SETTLED), EventName.CLAIMED)
    assert not after(running, EventName.ADVANCED).released
    packing = NightRecord(NIGHT, State(StageName.FPACK, Status.HELD), code="raw_changed")
    assert not after(packing, EventName.RELEASED).released
