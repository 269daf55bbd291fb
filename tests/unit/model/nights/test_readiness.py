"""Whether a night may begin: one rule, with every answer it can give."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import (
    Gate,
    IncompleteCube,
    Kind,
    NightId,
    NightRecord,
    Observation,
    ReadinessRules,
    Ready,
    StageName,
    State,
    Status,
    StreamsObservation,
    Wait,
    WaitCode,
    find_next_for_ids,
    judge_readiness,
    note_of,
)

NIGHT, OLDER = NightId("20251106", Kind.ARCHIVE), NightId("20251104", Kind.ARCHIVE)
NOON = datetime(2025, 11, 6, 12, tzinfo=UTC).timestamp()
EVENING = datetime(2025, 11, 6, 20, tzinfo=UTC).timestamp()
RULES = ReadinessRules(
    ignore_before=None,
    archive_not_before=time(20),
    quiet_after_s=10,
    stale_after_s=20,
    grants_frame_ids=True,
)
QUIET = StreamsObservation(cubes=2, unfinished=(), still_s=10, written=False, incomplete=())
INCOMPLETE = (IncompleteCube("vcam1/a.fits", "timing_missing"),)


def filling(streams: StreamsObservation | None, night: NightId = NIGHT) -> Observation:
    return Observation(NightRecord(night, State(), bytes=1), streams=streams)


def settled(
    stage: StageName = StageName.FRAMEIDS,
    status: Status = Status.READY,
    older: NightRecord | None = None,
    **known: object,
) -> Observation:
    state = State(stage, status, not_before=known.pop("not_before", None))  # type: ignore[arg-type]
    return Observation(NightRecord(NIGHT, state, **known), older)  # type: ignore[arg-type]


def judge(
    seen: Observation, rules: ReadinessRules = RULES, now: float = EVENING
) -> WaitCode | None:
    judged = judge_readiness(seen, rules, now)
    return None if isinstance(judged, Ready) else judged.code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"cubes": 0}, WaitCode.NO_CUBES),
        ({"cubes": 0, "strays": ("vcam1/a.txt",)}, WaitCode.UNKNOWN_FILES),
        ({"cubes": 0, "unfinished": ("vcam1/a.fits.1.2.tmp",)}, WaitCode.INCOMPLETE_CUBES),
        ({"still_s": 9.9}, WaitCode.STILL_WRITTEN),
        ({"written": True}, WaitCode.STILL_WRITTEN),
        ({"unfinished": ("vcam1/a.fits.1.2.tmp",)}, WaitCode.INCOMPLETE_CUBES),
        ({"incomplete": INCOMPLETE}, WaitCode.INCOMPLETE_CUBES),
        ({"incomplete": INCOMPLETE, "still_s": 19.9}, WaitCode.INCOMPLETE_CUBES),
        ({"incomplete": INCOMPLETE, "still_s": 20}, None),
        ({"traces": ("vsync",)}, WaitCode.OLD_TOOLS),
        ({"traces": ("vsync",), "cubes": 0, "still_s": 0}, WaitCode.OLD_TOOLS),
        # What was not looked for yet stands in no way: it is looked for next.
        ({"written": None, "incomplete": None}, None),
    ],
)
def test_a_filling_night_settles_when_it_is_quiet_and_whole(change, code) -> None:
    assert judge(filling(replace(QUIET, **change))) is code


def test_a_filling_night_whose_folder_was_not_looked_at_never_settles() -> None:
    assert judge(filling(None)) is WaitCode.STILL_WRITTEN


def test_restoring_passes_the_traces_that_it_cannot_remove_and_no_other() -> None:
    restored = frozenset({Gate.OLD_TOOLS})
    for released, lasting, inside in (
        (frozenset(), WaitCode.OLD_TOOLS, WaitCode.OLD_TOOLS),
        (frozenset(Gate) - restored, WaitCode.OLD_TOOLS, WaitCode.OLD_TOOLS),
        (restored, None, WaitCode.OLD_TOOLS),
    ):
        record = NightRecord(NIGHT, State(), bytes=1, released=released)
        logged = replace(QUIET, lasting_traces=("a row in their log",))
        assert judge(Observation(record, streams=logged)) is lasting
        assert judge(Observation(record, streams=replace(QUIET, traces=("vsync",)))) is inside


def test_what_a_night_settles_without_is_in_its_reason() -> None:
    whole = judge_readiness(filling(QUIET), RULES, EVENING)
    assert isinstance(whole, Ready)
    assert whole.reason("complete") == "complete"
    stale = replace(QUIET, still_s=20, incomplete=INCOMPLETE, unfinished=("vcam2/b.fits.1.2.tmp",))
    judged = judge_readiness(filling(stale), RULES, EVENING)
    assert isinstance(judged, Ready)
    assert judged.reason("complete") == (
        "unchanged for watch.stale_after_s, without 2 incomplete cubes: vcam2/b.fits.1.2.tmp,"
        " vcam1/a.fits (timing_missing)"
    )
    assert judged.reason("complete", "a person said so").startswith("a person said so, without 2 ")


def test_archive_nights_wait_for_their_hour_and_engineering_nights_do_not() -> None:
    assert judge(filling(QUIET), now=EVENING - 1) is WaitCode.BEFORE_HOUR
    assert judge(filling(QUIET), now=EVENING) is None
    assert judge(filling(QUIET, NightId("20251106", Kind.ENGINEERING)), now=NOON) is None


def test_a_person_passes_the_hour_and_the_long_pause_but_not_what_is_incomplete() -> None:
    asked = RULES.for_person(still_s=3)
    assert judge(filling(replace(QUIET, still_s=3)), asked, NOON) is None
    assert judge(filling(replace(QUIET, still_s=2.9)), asked, NOON) is WaitCode.STILL_WRITTEN
    unwhole = replace(QUIET, incomplete=INCOMPLETE)
    assert judge(filling(replace(unwhole, still_s=19)), asked) is WaitCode.INCOMPLETE_CUBES
    # From then on the daemon would go on as well.
    assert judge(filling(replace(unwhole, still_s=20)), asked) is None


def test_a_persons_word_that_a_night_is_complete_passes_what_is_incomplete_and_nothing_else() -> (
    None
):
    said = RULES.for_person(still_s=3).as_it_is()
    unwhole = replace(QUIET, incomplete=INCOMPLETE, unfinished=("vcam1/b.fits.1.2.tmp",))
    assert judge(filling(replace(unwhole, still_s=3)), said) is None
    assert judge(filling(replace(unwhole, still_s=2.9)), said) is WaitCode.STILL_WRITTEN
    assert judge(filling(replace(unwhole, written=True)), said) is WaitCode.STILL_WRITTEN
    assert judge(filling(replace(unwhole, traces=("vsync",))), said) is WaitCode.OLD_TOOLS


@given(
    st.floats(0, 100),
    st.floats(0, 50),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([NOON, EVENING]),
)
def test_whatever_the_daemon_would_begin_a_person_may_begin(still_s, pause_s, count, written, now):
    seen = filling(replace(QUIET, still_s=still_s, incomplete=INCOMPLETE * count, written=written))
    asked = RULES.for_person(still_s=pause_s)
    if judge(seen, RULES, now) is None:
        assert judge(seen, asked, now) is None
    if judge(seen, asked, now) is None:
        assert judge(seen, asked.as_it_is(), now) is None


def test_what_is_incomplete_is_named_in_full_and_in_short() -> None:
    cubes = tuple(IncompleteCube(f"vcam1/{n}.fits", "timing_missing") for n in range(5))
    one = judge_readiness(filling(replace(QUIET, incomplete=cubes[:1])), RULES, EVENING)
    assert isinstance(one, Wait)
    assert one.text == "waits for 1 incomplete cube: vcam1/0.fits (timing_missing)"
    many = judge_readiness(filling(replace(QUIET, incomplete=cubes)), RULES, EVENING)
    assert isinstance(many, Wait)
    assert many.text.startswith("waits for 5 incomplete cubes: vcam1/0.fits")
    assert many.text.endswith(" and 2 more")
    assert many.subjects == tuple(map(str, cubes))


def test_only_what_passes_by_itself_soon_says_so() -> None:
    passing = {
        WaitCode.STILL_WRITTEN,
        WaitCode.BEING_CHECKED,
        WaitCode.INCOMPLETE_CUBES,
        WaitCode.RETRY_LATER,
    }
    assert {code for code in WaitCode if Wait(code, "").passes} == passing


@pytest.mark.parametrize("status", list(Status))
def test_an_ignored_night_is_never_ready(status: Status) -> None:
    rules = replace(RULES, ignore_before="20251107")
    seen = Observation(NightRecord(NIGHT, State(StageName.SYNC, status)), streams=QUIET)
    assert judge(seen, rules) is WaitCode.IGNORED
    assert judge(seen, rules.for_person(still_s=0).as_it_is()) is WaitCode.IGNORED
    assert judge(seen, replace(rules, ignore_before=NIGHT.date)) is not WaitCode.IGNORED


def test_only_the_stage_frameids_waits_for_older_nights_and_for_an_authority() -> None:
    older = NightRecord(OLDER, State(StageName.SYNC, Status.HELD), code="sync_unexpected")
    for stage in StageName:
        at_ids = stage is StageName.FRAMEIDS
        assert judge(settled(stage, older=older)) is (WaitCode.OLDER_NIGHT if at_ids else None)
        # One that has found out that it lacks some waits; any other may have all of its own.
        none = replace(RULES, grants_frame_ids=False)
        assert judge(settled(stage, older=older), none) is None
        lacking = replace(settled(stage, older=older).record, code=WaitCode.NO_AUTHORITY.value)
        waits = judge(Observation(lacking, older), none)
        assert waits is (WaitCode.NO_AUTHORITY if at_ids else None)


def test_a_released_night_passes_older_ones_and_no_night_waits_for_itself() -> None:
    older = NightRecord(OLDER, State())
    assert judge(settled(older=older, released=frozenset({Gate.OLDER_NIGHTS}))) is None
    assert judge(settled(older=older, released=frozenset({Gate.CARD_MISSING}))) is not None
    assert judge(settled(older=NightRecord(NIGHT, State()))) is None
    assert judge(settled(older=NightRecord(NightId("20251107", Kind.ARCHIVE), State()))) is None


@pytest.mark.parametrize(
    ("not_before", "code"),
    [(EVENING + 0.1, WaitCode.RETRY_LATER), (EVENING, None), (None, None)],
)
def test_what_failed_waits_for_its_next_attempt(not_before, code) -> None:
    seen = settled(StageName.FPACK, Status.WAITING, not_before=not_before)
    assert judge(seen) is code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.RUNNING, WaitCode.RUNNING),
        (Status.HELD, WaitCode.HELD),
        (Status.DONE, WaitCode.DONE),
    ],
)
def test_what_runs_is_held_or_is_done_does_not_begin(status: Status, code: WaitCode) -> None:
    for stage in StageName:
        assert judge(settled(stage, status)) is code


def test_the_next_for_ids_is_the_oldest_archive_night_that_will_still_ask() -> None:
    def record(date: str, kind: Kind, stage: StageName, status: Status, **known) -> NightRecord:
        return NightRecord(NightId(date, kind), State(stage, status), **{"bytes": 1, **known})

    archive = Kind.ARCHIVE
    records = [
        record("20251101", Kind.ENGINEERING, StageName.SYNC, Status.HELD),
        record("20251102", archive, StageName.FPACK, Status.HELD),
        record("20251103", archive, StageName.SYNC, Status.HELD, code="old_tools"),
        record("20251104", archive, StageName.SYNC, Status.FILLING, bytes=0),
        record("20251105", archive, StageName.FRAMEIDS, Status.HELD),
        record("20251106", archive, StageName.SYNC, Status.READY),
    ]
    for order in (records, records[::-1]):
        found = find_next_for_ids(order, RULES)
        assert found is not None
        assert found.night.date == "20251105"
        later = find_next_for_ids(order, replace(RULES, ignore_before="20251106"))
        assert later is not None
        assert later.night.date == "20251106"
    assert find_next_for_ids(records[:4], RULES) is None


@pytest.mark.parametrize(
    ("stage", "status", "known"),
    [
        # No cube that an ID could be for.
        (StageName.SYNC, Status.FILLING, {"note_code": "no_cubes"}),
        (StageName.SYNC, Status.FILLING, {"note_code": "unknown_files"}),
        # No product of it: every cube is set aside, say.
        (StageName.FRAMEIDS, Status.HELD, {"products": 0, "code": "sync_unexpected"}),
        (StageName.HEADERS, Status.READY, {"products": 0}),
        (StageName.SYNC, Status.HELD, {"products": 0}),
        # What lies there is somebody else's.
        (StageName.SYNC, Status.HELD, {"code": "not_a_file"}),
        (StageName.HEADERS, Status.HELD, {"code": "link_found"}),
        (StageName.SYNC, Status.HELD, {"code": "already_exists"}),
    ],
)
def test_a_night_without_anything_to_name_keeps_no_other_from_its_ids(
    stage: StageName, status: Status, known: dict[str, Any]
) -> None:
    old = NightRecord(NightId("20250108", Kind.ARCHIVE), State(stage, status), bytes=1, **known)
    assert find_next_for_ids([old], RULES) is None
    # Each of these facts counts: without it, or with products, it goes first.
    for other in (
        replace(old, code=None, note_code=None, products=None),
        replace(old, code="bug", note_code="incomplete_cubes", products=1),
    ):
        assert find_next_for_ids([other], RULES) == other


def test_new_cubes_of_a_night_without_products_may_be_for_ids() -> None:
    state = State(StageName.SYNC, Status.READY)
    reopened = NightRecord(NIGHT, state, bytes=1, products=0)
    assert find_next_for_ids([reopened], RULES) == reopened


@pytest.mark.parametrize(
    ("status", "known", "why"),
    [
        (Status.HELD, {"code": "sync_unexpected"}, "which is held (sync_unexpected)"),
        (Status.WAITING, {"code": "not_readable"}, "which failed (not_readable)"),
        (Status.FILLING, {"note_code": "incomplete_cubes"}, "not complete (incomplete_cubes)"),
        (Status.READY, {"note_code": "night_unreadable"}, "cannot be read (night_unreadable)"),
        (Status.RUNNING, {}, "to get its IDs;"),
    ],
)
def test_a_night_that_waits_for_an_older_one_says_what_keeps_that_and_what_to_do(
    status: Status, known: dict[str, Any], why: str
) -> None:
    stage = StageName.SYNC
    older = NightRecord(NightId("20250108", Kind.ARCHIVE), State(stage, status), bytes=1, **known)
    waits = settled(StageName.FRAMEIDS, Status.READY)
    judged = judge_readiness(replace(waits, next_for_ids=older), RULES, EVENING)
    assert isinstance(judged, Wait)
    for part in ("20250108", why, f"`vampctl release {waits.record.night.date}`"):
        assert part in judged.text
    # What runs needs no one.
    assert ("`vampctl why 20250108`" in judged.text) is (status is not Status.RUNNING)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "VMPA1: no card U_FLC; `vampctl release 20250108` goes on without",
            "(card_missing: VMPA1: no card U_FLC)",
        ),
        (
            "258 of 258 are alone (limit 20%); check `vampctl summary 1`, then `vampctl release 1`",
            "(card_missing: 258 of 258 are alone (limit 20%))",
        ),
        ("no card U_FLC (`vampctl why 1`)", "(card_missing: no card U_FLC)"),
        ("put it back, or `vampctl release 1`", "(card_missing: put it back)"),
        ("`vampctl release 20250108` goes on", "(card_missing)"),
        ("run `vampctl release 20250108`", "(card_missing)"),
        ("two\nlines", "(card_missing: two lines)"),
        ("Traceback (most recent):\n  at x\nKeyError: 'y'", "(card_missing: KeyError: 'y')"),
        ("long " * 40, "long ...)"),
    ],
)
def test_a_night_that_waits_for_a_held_one_says_in_one_line_what_that_is_held_for(
    error: str, said: str
) -> None:
    state = State(StageName.HEADERS, Status.HELD)
    older = NightRecord(OLDER, state, code="card_missing", error=error)
    judged = judge_readiness(settled(older=older), RULES, EVENING)
    assert isinstance(judged, Wait)
    assert said in judged.text
    assert len(judged.text) < 400
    # Its own command is the only release: the older night's gate is not opened by mistake.
    assert judged.text.count("`vampctl release ") == 1


def test_a_note_is_the_code_and_the_words_and_no_note_clears_both() -> None:
    note = note_of(Wait(WaitCode.NO_CUBES, "no raw cubes yet"))
    assert (note.note_code, note.note) == ("no_cubes", "no raw cubes yet")
    assert note_of(None).known == {"note_code": "", "note": ""}


def failed(not_before: float, changed_at: float = NOON) -> Observation:
    return settled(StageName.TRANSFER, Status.WAITING, not_before=not_before, changed_at=changed_at)


@pytest.mark.parametrize(
    ("not_before", "changed_at", "waits"),
    [
        (NOON + 60, NOON - 1, True),
        (NOON + 3600, NOON, True),
        (NOON + 3601, NOON, False),
        (NOON + 2 * 86_400, NOON, False),
        (1e18, NOON, False),
        (NOON + 60, NOON + 1, True),
        (NOON + 60, NOON + 86_400, False),
    ],
)
def test_no_failure_is_waited_for_longer_than_the_longest_delay_whatever_was_written(
    not_before: float, changed_at: float, waits: bool
) -> None:
    rules = replace(RULES, max_delay_s=3600)
    judged = judge_readiness(failed(not_before, changed_at), rules, NOON)
    assert isinstance(judged, Wait) is waits
