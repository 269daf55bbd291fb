"""How an attempt ends: what it found counts only as long as the night is still its own."""

import errno
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from weakref import ReferenceType, ref

import pytest

from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.fakes.memory_store import MemoryNights
from vampd.config.mail import Mail
from vampd.disk.pace import SteadyPace
from vampd.engine import attempt as attempts
from vampd.engine.attempt import Attempt, AttemptOutcome, run_attempt
from vampd.engine.execute import AttemptTools
from vampd.engine.nights.night_listing import list_night
from vampd.engine.root_guard import RootGuard
from vampd.errors import ConfigError, StateError, TransientError, WorkerLost
from vampd.model.cubes import Generation
from vampd.model.nights import (
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    Status,
    stages_of,
)
from vampd.model.plan import LinkSetAside, Plan, Wave
from vampd.ports import Pace

NIGHT = NightId("20251106", Kind.ENGINEERING)


class HereAndNow:
    """Workers of which none is another process."""

    def place(self, _: Pace) -> AbstractContextManager[None]:
        return nullcontext()

    def run(
        self, _: Pace, __: Mapping[str, str], function: Callable[..., object], *args: object
    ) -> object:
        return function(*args)


@dataclass
class Desk:
    """One night without raw cubes, whose stages find nothing to do."""

    root: Path
    store: MemoryNights
    reader: FakeNightReader

    @property
    def folder(self) -> Path:
        return self.root / NIGHT.folder

    def tell(self, name: EventName) -> NightRecord:
        return self.store.apply(NIGHT, Event(name), at=1.0, actor="a person")

    def claim(self, stage: StageName) -> NightRecord:
        """The night, claimed at this stage."""
        self.store.discover(NIGHT, 0.0)
        self.tell(EventName.SETTLED)
        for _ in range(stages_of(NIGHT.kind).index(stage)):
            self.tell(EventName.CLAIMED)
            self.tell(EventName.ADVANCED)
        return self.tell(EventName.CLAIMED)

    def take_away(self) -> NightRecord:
        """What a person does who wants the stage again; somebody claims it at once."""
        self.tell(EventName.RETRIED)
        return self.tell(EventName.CLAIMED)

    def run(self, record: NightRecord) -> AttemptOutcome:
        mail = SimpleNamespace(settings=Mail())
        tools = SimpleNamespace(
            crew=SimpleNamespace(packers=lambda folder: ()),
            actor="vampd",
            folder=self.folder,
            pace=SteadyPace(),
            meters={},
            mail=mail,
            workers=HereAndNow(),
        )
        return run_attempt(
            Attempt(
                record=record,
                settings=make_settings(self.root),
                store=self.store,
                reader=self.reader,
                tools=cast(AttemptTools, tools),
                root=cast(RootGuard, SimpleNamespace(require=lambda: None)),
                lock_path=self.root / "night.lock",
                is_stopping=lambda: False,
            )
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path, MemoryNights(), FakeNightReader())
    (made.folder / "vcam1").mkdir(parents=True)
    return made


def at(point: str, act: Callable[[], object]) -> Callable[[str], None]:
    """A failpoint that does something once."""
    waiting = [act]

    def failpoint(name: str) -> None:
        if name == point and waiting:
            waiting.pop()()

    return failpoint


def test_a_stage_with_nothing_left_to_do_advances_with_what_it_found(desk: Desk) -> None:
    assert desk.run(desk.claim(StageName.FPACK)) is AttemptOutcome.FINISHED
    record = desk.store.night(NIGHT)
    assert record is not None
    assert (record.state.stage, record.state.status) == (StageName.TRANSFER, Status.READY)
    assert record.processed_at is not None


class Seen:
    """What a stage sees."""


@dataclass
class StageOf:
    """A stage that plans so many links, one after the other; what it saw and planned before."""

    plans: list[str]
    seen: list[ReferenceType[object]] = field(default_factory=list)
    NAME: StageName = StageName.HEADERS

    def survey(self, night: NightId, reader: object) -> Seen:
        assert all(one() is None for one in self.seen)
        survey = Seen()
        self.seen.append(ref(survey))
        return survey

    def plan(self, survey: Seen, settings: object) -> Plan:
        if not self.plans:
            return Plan()
        plan = Plan.of([LinkSetAside(f"vbad/vcam1/{self.plans.pop(0)}", "vcam1/a.fits")])
        self.seen.append(ref(plan))
        return plan

    def execute(self, tools: object, wave: Wave, progress: object) -> None:
        assert not [one for one in self.seen if isinstance(one(), Seen)]


@pytest.mark.parametrize(
    ("plans", "status"),
    [("", "ready"), ("abc", "ready"), ("aa", "held"), ("abab", "held"), ("abca", "ready")],
)
def test_a_plan_that_comes_again_at_once_or_after_one_other_holds_the_night(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, plans: str, status: str
) -> None:
    """Meanwhile one survey or one plan is held at a time: a long night's are hundreds of MB."""
    stage = StageOf(list(plans))
    monkeypatch.setattr(attempts, "stage_of", lambda _: stage)
    monkeypatch.setattr(attempts, "require_free_space", lambda *_: None)
    monkeypatch.setattr(attempts, "execute_within_free_space", stage.execute)
    desk.run(desk.claim(StageName.HEADERS))
    record = desk.store.night(NIGHT)
    assert record is not None
    assert (record.state.status, record.code) == (status, "stuck" if status == "held" else None)


def test_what_an_attempt_found_is_dropped_when_another_one_runs_the_night_by_then(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = desk.claim(StageName.FPACK)
    packed_products = desk.reader.packed_products

    def look(night: NightId) -> object:
        desk.take_away()
        return packed_products(night)

    monkeypatch.setattr(desk.reader, "packed_products", look)
    assert desk.run(record) is AttemptOutcome.SUPERSEDED
    after = desk.store.night(NIGHT)
    assert after is not None
    assert (after.state.status, after.claim) == (Status.RUNNING, record.claim + 1)
    assert after.processed_at is None


def test_the_end_of_an_attempt_does_not_end_the_next_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = desk.claim(StageName.FPACK)
    monkeypatch.setattr(attempts, "failpoint", at("attempt.event.decided", desk.take_away))
    assert desk.run(record) is AttemptOutcome.SUPERSEDED
    after = desk.store.night(NIGHT)
    assert after is not None
    assert (after.state.status, after.claim) == (Status.RUNNING, record.claim + 1)
    assert after.state.stage is StageName.FPACK


@pytest.mark.parametrize(
    "error",
    [
        WorkerLost("worker_died", "a worker process died"),
        StateError("locked", "another process has the lock"),
        TransientError("database_busy", "the database stayed locked"),
        ConfigError("program_missing", "ssh is not installed"),
        OSError(errno.EIO, "Input/output error"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_that_passes_ends_held_however_often_it_comes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: NightId) -> None:
        raise error

    monkeypatch.setattr(desk.reader, "packed_products", fail)
    record = desk.claim(StageName.FPACK)
    for attempt in range(1, 15):
        assert record.state.attempts == attempt
        assert desk.run(record) is AttemptOutcome.FAILED
        after = desk.store.night(NIGHT)
        assert after is not None
        assert after.state.status is Status.WAITING
        assert after.needs_person is (attempt >= 12)
        record = desk.tell(EventName.CLAIMED)


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ESTALE, "io_error"), (errno.EIO, "io_error"), (errno.ENOSPC, "disk_full")],
)
def test_a_refusal_that_names_no_file_names_the_night_and_its_cause(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def fail(_: NightId) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(desk.reader, "packed_products", fail)
    desk.run(desk.claim(StageName.FPACK))
    after = desk.store.night(NIGHT)
    assert after is not None
    assert (after.code, after.state.status) == (code, Status.WAITING)
    assert after.error is not None
    assert after.error.startswith("cannot ")
    assert f" {desk.folder}: {os.strerror(number)}" in after.error


def test_nothing_to_send_is_not_safe(desk: Desk) -> None:
    assert desk.run(desk.claim(StageName.TRANSFER)) is AttemptOutcome.FAILED
    record = desk.store.night(NIGHT)
    assert record is not None
    assert (record.state.status, record.code) == (Status.HELD, "not_safe")
    assert record.safe_at is None


def test_what_is_written_while_sync_looks_is_late(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = desk.claim(StageName.SYNC)
    before = list_night(desk.folder).look.signature

    def look(night: NightId) -> tuple[Generation, ...]:
        (desk.folder / "vcam1" / "late.fits").touch()
        return ()

    monkeypatch.setattr(desk.reader, "generations", look)
    assert desk.run(record) is AttemptOutcome.FINISHED
    after = desk.store.night(NIGHT)
    assert after is not None
    assert after.signature == before != list_night(desk.folder).look.signature
