"""A release lets the files go that the night could not read, and opens no gate beside."""

from dataclasses import replace

import pytest

from vampd.model.nights import (
    Event,
    EventName,
    EventRecord,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    last_releaser,
    moved,
    noted,
)

NIGHT = NightId("20251106", Kind.ARCHIVE)
WAITING = NightRecord(
    NIGHT,
    State(StageName.SYNC, Status.WAITING, attempts=13, not_before=1.0),
    code="not_readable",
    error="nobody may not read vcam1/b.fits",
    refused=("vcam1/b.fits",),
    let_go=("vcam1/a.fits",),
    needs_person=True,
)


def after(record: NightRecord, *events: EventName) -> NightRecord:
    for name in events:
        record = moved(record, Event(name), at=2.0, code=None, message=None)
    return record


def test_a_release_lets_go_what_was_shown_and_nothing_else() -> None:
    released = after(WAITING, EventName.RELEASED)
    assert released.state == State(StageName.SYNC, Status.READY)
    assert released.let_go == ("vcam1/a.fits", "vcam1/b.fits")
    assert (released.refused, released.released, released.needs_person) == ((), frozenset(), False)
    event = Event(EventName.RELEASED)
    line = noted(WAITING, released, event, at=2.0, actor="kim", code=None, message=None)
    assert (line.code, line.message) == ("not_readable", "goes on without vcam1/b.fits")


@pytest.mark.parametrize(
    ("events", "let_go"),
    [
        ((EventName.CLAIMED,), WAITING.let_go),
        ((EventName.CLAIMED, EventName.FAILED), WAITING.let_go),
        ((EventName.CLAIMED, EventName.ADVANCED), ()),
        ((EventName.RETRIED,), ()),
    ],
)
def test_what_was_let_go_stays_so_until_sync_has_set_it_aside_or_a_person_wants_it_again(
    events: tuple[EventName, ...], let_go: tuple[str, ...]
) -> None:
    assert after(WAITING, *events).let_go == let_go


def test_a_night_of_the_old_tools_lets_go_at_fpack_which_is_its_first_stage() -> None:
    lost = ("vgen2/VMPA00000001.fits.fz",)
    held = State(StageName.MANIFEST, Status.HELD, is_continued=True)
    released = after(replace(WAITING, state=held, refused=lost, let_go=()), EventName.RELEASED)
    assert (released.state.stage, released.let_go) == (StageName.FPACK, lost)
    assert after(released, EventName.CLAIMED, EventName.ADVANCED).let_go == ()


def test_without_refused_files_a_release_opens_its_gate_as_ever() -> None:
    released = after(replace(WAITING, refused=()), EventName.RELEASED)
    assert [gate.value for gate in released.released] == ["older_nights"]
    assert released.let_go == WAITING.let_go


def test_who_released_it_last_for_the_same_reason_is_known() -> None:
    def line(actor: str, code: str, name: EventName = EventName.RELEASED) -> EventRecord:
        return noted(WAITING, WAITING, Event(name), at=1.0, actor=actor, code=code, message=None)

    history = [
        line("kim", "product_lost"),
        line("lee", "product_lost"),
        line("max", "product_lost", EventName.HELD),
        line("max", "old_tools"),
    ]
    assert last_releaser(history, "product_lost") == "lee"
    assert last_releaser(history[2:], "product_lost") is None
