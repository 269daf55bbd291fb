"""A night whose products the old tools made never comes to where it would get others."""

from collections import deque
from contextlib import suppress

import pytest

from vampd.errors import IllegalTransition
from vampd.model.nights import (
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    advance,
    event_of_new_data,
    moved,
    stages_of,
)

BEFORE_PACKING = {StageName.SYNC, StageName.HEADERS, StageName.FRAMEIDS}


def events(kind):
    for name in EventName:
        yield Event(name)
        if name in (EventName.RETRIED, EventName.RELEASED):
            yield from (Event(name, stage) for stage in stages_of(kind))


def reachable(kind):
    start = State(StageName.FPACK, Status.READY, is_continued=True)
    reached, to_visit = {start}, deque([start])
    while to_visit:
        state = to_visit.popleft()
        for event in events(kind):
            with suppress(IllegalTransition):
                after = advance(kind, state, event)
                after = State(after.stage, after.status, is_continued=after.is_continued)
                if after.is_continued and after not in reached:
                    reached.add(after)
                    to_visit.append(after)
    return reached


@pytest.mark.parametrize("kind", Kind)
def test_no_events_lead_it_before_packing_and_they_do_lead_it_to_the_end(kind):
    reached = reachable(kind)
    assert not BEFORE_PACKING & {state.stage for state in reached}
    assert Status.FILLING not in {state.status for state in reached}
    assert Status.DONE in {state.status for state in reached}


@pytest.mark.parametrize("kind", Kind)
def test_it_begins_at_packing_and_is_left_by_a_restore_alone(kind):
    legacy = State(StageName.SYNC, Status.LEGACY, attempts=2)
    state = advance(kind, legacy, Event(EventName.CONTINUED))
    assert state == State(StageName.FPACK, Status.READY, is_continued=True)
    held = advance(kind, state, Event(EventName.RESTORE_BEGUN))
    assert held.is_continued
    assert not advance(kind, held, Event(EventName.RESTORED)).is_continued


@pytest.mark.parametrize("stage", sorted(BEFORE_PACKING))
@pytest.mark.parametrize("name", [EventName.RETRIED, EventName.RELEASED])
def test_a_person_who_sends_it_further_back_is_told_why_not(name, stage):
    held = State(StageName.TRANSFER, Status.HELD, is_continued=True)
    with pytest.raises(IllegalTransition) as refused:
        advance(Kind.ARCHIVE, held, Event(name, stage))
    assert refused.value.code == "stage_of_old_tools"


@pytest.mark.parametrize("status", Status)
def test_raw_files_are_no_news_of_it(status):
    for stage in StageName:
        assert event_of_new_data(State(stage, status, is_continued=True)) is None


def test_the_word_clears_what_was_said_of_it_before():
    night = NightId("20240612", Kind.ARCHIVE)
    legacy = State(StageName.SYNC, Status.LEGACY)
    record = NightRecord(night, legacy, code="old_tools", note_code="legacy", note="theirs")
    after = moved(record, Event(EventName.CONTINUED), at=1.0, code=None, message="taken on")
    assert (after.code, after.error, after.note_code, after.note) == (None, None, None, None)
