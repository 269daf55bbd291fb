"""Any sequence of events, legal or not: the store and the pure machine stay side by side."""

import shutil
import tempfile
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from tests.support.examples import examples
from tests.support.fakes.memory_store import MemoryNights
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.records.databases import new_database
from vampd.errors import ClaimLost, IllegalTransition
from vampd.model.nights import (
    MOVES,
    Event,
    EventName,
    EventRecord,
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    State,
    Status,
    advance,
)
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights

NIGHTS = [NightId(date, kind) for date in ("20251106", "20251107") for kind in Kind]
nights = st.sampled_from(NIGHTS)
events = st.builds(
    Event,
    st.sampled_from(EventName),
    st.none() | st.sampled_from(StageName),
    st.none() | st.floats(0, 4e9),
)
words = st.none() | st.text(max_size=5)
HOLDING = {"card_missing", "sync_unexpected", "late_partners"}
RESTORING = {EventName.RESTORE_BEGUN, EventName.RESTORED}
codes = words | st.sampled_from([*sorted(HOLDING), "older_nights", "restore_unfinished"])


@dataclass
class Expected:
    """What a night must look like, kept by the test alone."""

    state: State = field(default_factory=State)
    claims: int = 0
    released: frozenset[str] = frozenset()
    shown: tuple[str | None, str | None] = (None, None)
    moves: int = 0


class NightsSideBySide(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vampd-test-", dir=folder_in_memory()))
        (self.folder / "vampd.db").write_bytes(new_database())
        self.open_store = open_store(self.url, Access.USE)
        self.store = Nights(self.open_store)
        self.memory = MemoryNights()
        self.expected: dict[NightId, Expected] = {}
        self.at = 0.0

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/vampd.db"

    @rule(night=nights)
    def discover(self, night: NightId) -> None:
        self.at += 1
        assert self.store.discover(night, self.at) == self.memory.discover(night, self.at)
        self.expected.setdefault(night, Expected())

    @precondition(lambda self: self.expected)
    @rule(choice=st.data(), code=codes, message=words)
    def follow_the_table(self, choice: st.DataObject, code: str | None, message: str | None):
        # Random events alone seldom get far; these lead through all stages.
        night = choice.draw(st.sampled_from(sorted(self.expected)))
        legal = [n for s, n in MOVES if s is self.expected[night].state.status]
        event = Event(choice.draw(st.sampled_from(legal)))
        self.happen(night, event, None, code, message)

    @precondition(lambda self: self.expected)
    @rule(
        choice=st.data(),
        event=events,
        claim_age=st.none() | st.integers(0, 2),
        code=codes,
        message=words,
    )
    def throw_anything_at_it(self, choice, event, claim_age, code, message) -> None:
        night = choice.draw(st.sampled_from(sorted(self.expected)))
        claim = None if claim_age is None else self.expected[night].claims - claim_age
        self.happen(night, event, claim, code, message)

    @precondition(lambda self: self.expected)
    @rule(choice=st.data(), frames=st.integers(0, 10**15), note=words)
    def update_record(self, choice, frames, note) -> None:
        night = choice.draw(st.sampled_from(sorted(self.expected)))
        for store in (self.store, self.memory):
            store.update(night, NightUpdate(frames=frames, note=note))

    @rule()
    def start_again(self) -> None:
        self.open_store.close()
        self.open_store = open_store(self.url, Access.MIGRATE)
        self.store = Nights(self.open_store)

    def happen(self, night, event, claim, code, message) -> None:
        self.at += 1
        expected = self.expected[night]
        outcome = self.reference(night, event, claim)
        before = self.store.night(night), self.store.history(night)
        results: list[NightRecord | type[Exception]] = []
        for store in (self.store, self.memory):
            try:
                record = store.apply(
                    night,
                    event,
                    at=self.at,
                    actor="test",
                    claim=claim,
                    code=code,
                    message=message,
                )
                results.append(record)
            except (IllegalTransition, ClaimLost) as error:
                results.append(type(error))
        assert results[0] == results[1]
        if not isinstance(outcome, State):
            assert results[0] is outcome
            assert (self.store.night(night), self.store.history(night)) == before
            return
        assert results[0] == self.store.night(night)
        self.count(expected, event, outcome, code, message)

    def reference(self, night, event, claim) -> State | type[Exception]:
        expected = self.expected[night]
        runs = expected.state.status is Status.RUNNING
        if claim is not None and not (runs and claim == expected.claims):
            return ClaimLost
        unfinished = expected.shown[0] == "restore_unfinished"
        if unfinished and event.name not in RESTORING:
            return IllegalTransition
        if event.name is EventName.RESTORED and not unfinished:
            return IllegalTransition
        try:
            return advance(night.kind, expected.state, event)
        except IllegalTransition:
            return IllegalTransition

    def gates_of(self, before: State, code: str | None) -> frozenset[str]:
        if before.status is not Status.HELD:
            return frozenset({"older_nights"})
        return frozenset({code or ""} & HOLDING)

    def count(self, expected, event, state, code, message) -> None:
        before, expected.state = expected.state, state
        expected.moves += 1
        match event.name:
            case EventName.CLAIMED:
                expected.claims += 1
            case EventName.FAILED | EventName.HELD | EventName.INTERRUPTED:
                expected.shown = code, message
            case EventName.ADVANCED | EventName.RETRIED:
                expected.shown = None, None
            case EventName.RELEASED:
                expected.released |= self.gates_of(before, expected.shown[0])
                expected.shown = None, None
            case EventName.REOPENED:
                expected.shown = None, None
                expected.released &= {"old_tools"}
            case EventName.RESTORE_BEGUN:
                expected.shown = code, message
            case EventName.RESTORED:
                expected.shown = code, message
                expected.released = frozenset({"old_tools"})
        took_ids = event.name is EventName.ADVANCED and before.stage is StageName.FRAMEIDS
        if took_ids or state.stage is StageName.SYNC:
            expected.released -= {"late_partners"}

    @invariant()
    def records_are_as_expected(self) -> None:
        for night, expected in self.expected.items():
            record = self.store.night(night)
            assert record is not None
            assert record.state == expected.state
            assert record.claim == expected.claims
            assert record.released == expected.released
            assert (record.code, record.error) == expected.shown

    @invariant()
    def the_history_replays_to_the_state(self) -> None:
        for night, expected in self.expected.items():
            lines = self.store.history(night)
            assert lines == self.memory.history(night)
            assert len(lines) == expected.moves
            assert self.replay(night, lines) == expected.state
            claims = [line for line in lines if line.event is EventName.CLAIMED]
            assert len(claims) == expected.claims

    @invariant()
    def no_night_was_claimed_that_had_not_settled_since_it_filled(self) -> None:
        for night in self.expected:
            state, settled = State(), False
            for line in self.store.history(night):
                assert settled or line.event is not EventName.CLAIMED
                state = advance(night.kind, state, line.cause)
                settled = settled or line.event is EventName.SETTLED
                settled = settled and state.status is not Status.FILLING

    @staticmethod
    def replay(night: NightId, lines: tuple[EventRecord, ...]) -> State:
        def step(state: State, line: EventRecord) -> State:
            assert line.stage is state.stage
            return advance(night.kind, state, line.cause)

        return reduce(step, lines, State())

    @invariant()
    def attempts_are_never_negative_and_waiting_alone_has_a_time(self) -> None:
        for night in self.expected:
            record = self.store.night(night)
            assert record is not None
            assert record.state.attempts >= 0
            assert record.state.not_before is None or record.state.status is Status.WAITING

    @invariant()
    def both_stores_list_the_same_nights(self) -> None:
        assert self.store.nights() == self.memory.nights()

    def teardown(self) -> None:
        self.open_store.close()
        shutil.rmtree(self.folder)


TestNightsSideBySide = NightsSideBySide.TestCase
TestNightsSideBySide.settings = settings(max_examples=examples(3), stateful_step_count=30)
