"""Dying, power cuts, lost databases and bad grants in any order keep the ledger's laws."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.builders.ledger_lines import bindings, check_laws, fields_of, granted_ids
from tests.support.examples import examples
from tests.support.tools.memory import folder_in_memory
from tests.support.worlds.records.databases import new_database
from vampd.errors import FrameIdConflict
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import FrameId, NumberRange
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHTS = [NightId(f"2025110{day}", Kind.ARCHIVE) for day in (6, 7)]
STEPS = [
    "ledger.file.written",
    "ledger.file.repaired",
    "ledger.agree.file_durable",
    "ledger.agree.committed",
    "ledger.folders.compared",
    "ledger.strays.appended",
    "ledger.strays.committed",
    "ledger.requested.appended",
    "ledger.requested.committed",
    "ledger.granted.received",
    "ledger.granted.appended",
    "ledger.granted.committed",
    "ledger.bound.appended",
    "ledger.bound.committed",
    "ledger.applied.appended",
    "ledger.applied.committed",
]
# Few names, so that the same products are wanted again and again, in changing company and order.
wishes = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)
nights = st.sampled_from(NIGHTS)


losses = st.sampled_from([0, 20, 90, 400])


class Killed(BaseException):
    """The process is gone."""


class Observatory:
    """Never gives a number twice, and forgets nothing when vampd does.

    Its answers are kept where a vampd that died finds them again, as those of Gen2 are.
    """

    numbers = NumberRange.RAW

    def __init__(self, file: Path) -> None:
        self.file = file
        self.last = 0
        self.skips = 0
        self.fault = "none"
        self.answers: list[str] = []

    def strays(self) -> Sequence[str]:
        return self.answers

    def grant(self, count: int, highest_used: FrameId | None) -> Sequence[str]:
        answer = list(map(str, self.choose(count, highest_used)))
        self.answers += answer
        return answer

    def choose(self, count: int, highest_used: FrameId | None) -> Sequence[FrameId]:
        on_record = max(map(FrameId.parse, granted_ids(self.file)), default=None)
        assert highest_used == on_record
        first = self.last + 1 + self.skips
        self.last = first + count - 1
        answer = [FrameId(number) for number in range(first, first + count)]
        match self.fault:
            case "short":
                return answer[:-1]
            case "doubled":
                return [*answer[:-1], answer[0], answer[0]]
            case "falling":
                self.last += 1
                return [FrameId(self.last), *answer]
            case "used":
                return [on_record or FrameId(0), *answer]
            case _:
                return answer


class LedgerUnderFire(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vampd-test-", dir=folder_in_memory()))
        self.file = self.folder / "frameids.ledger"
        self.database = self.folder / "vampd.db"
        self.observatory = Observatory(self.file)
        self.durable_bytes = 0
        self.fsync = os.fsync
        self.watch = patch("os.fsync", self.note_fsync)
        self.watch.start()
        self.bindings: dict[tuple[str, str], str] = {}
        self.start(new_database())

    def start(self, database: bytes | None = None) -> None:
        if database is not None:
            self.database.write_bytes(database)
        self.store = open_store(f"sqlite:///{self.database}", Access.USE)
        self.ledger = FrameIdLedger(self.store, self.file)

    @rule(night=nights, wanted=wishes, skips=st.integers(0, 3))
    def reserve(self, night: NightId, wanted: list[str], skips: int) -> None:
        self.observatory.skips = skips
        before = bindings(self.file)
        asked_before = len(self.observatory.answers)
        missing = [name for name in wanted if (str(night), name) not in before]
        self.ledger.reserve(night, wanted, self.observatory)
        bound = self.ledger.bound(night)
        assert set(wanted) <= set(bound)
        ids = [bound[name].frame_id for name in missing]
        assert ids == sorted(ids)
        # Whatever was given and not used is listed, also if vampd died before it wrote it down.
        if len(self.observatory.answers) > asked_before:
            assert set(self.observatory.answers) == set(granted_ids(self.file))
        self.everybody_agrees()

    @rule(
        night=nights,
        wanted=wishes,
        step=st.sampled_from(STEPS),
        times=st.integers(1, 3),
        lost=losses,
    )
    def die_while_reserving(
        self, night: NightId, wanted: list[str], step: str, times: int, lost: int
    ) -> None:
        self.die(lambda: self.ledger.reserve(night, wanted, self.observatory), step, times, lost)

    @rule(night=nights, step=st.sampled_from(STEPS), lost=losses)
    def die_while_applying(self, night: NightId, step: str, lost: int) -> None:
        ids = [each.frame_id for each in self.ledger.bound(night).values()]
        self.die(lambda: self.ledger.mark_applied(night, ids), step, 1, lost)

    @rule(night=nights)
    def apply(self, night: NightId) -> None:
        ids = [each.frame_id for each in self.ledger.bound(night).values()]
        self.ledger.mark_applied(night, ids)
        bound = self.ledger.bound(night).values()
        assert all(each.applied for each in bound if each.frame_id in ids)

    @rule(
        night=nights,
        wanted=wishes,
        fault=st.sampled_from(["short", "doubled", "falling", "used"]),
    )
    def be_given_something_else(self, night: NightId, wanted: list[str], fault: str) -> None:
        before = bindings(self.file)
        self.observatory.fault = fault
        try:
            self.ledger.reserve(night, wanted, self.observatory)
        except FrameIdConflict as error:
            assert error.code == "grant_refused"  # noqa: PT017 - it may also not be asked at all
            assert bindings(self.file) == before
        else:
            assert set(wanted) <= set(self.ledger.bound(night))
        finally:
            self.observatory.fault = "none"

    @rule()
    def lose_the_database(self) -> None:
        self.store.close()
        self.start(new_database())

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.start()

    def die(self, work, step: str, times: int, lost: int) -> None:
        """Die at the n-th passing of a step; what was never fsynced may be lost, up to ``lost``."""
        remaining = times

        def pass_by(name: str) -> None:
            nonlocal remaining
            remaining -= name == step
            if remaining == 0:
                raise Killed

        with (
            patch("vampd.ledger.ledger.failpoint", pass_by),
            patch("vampd.ledger.id_requests.failpoint", pass_by),
            patch("vampd.ledger.file.failpoint", pass_by),
        ):
            try:
                work()
            except Killed:
                self.cut_power(lost)
            finally:
                self.store.close()
        self.start()

    def cut_power(self, lost: int) -> None:
        if self.file.exists():
            kept = max(self.durable_bytes, self.size() - lost)
            with self.file.open("r+b") as file:
                file.truncate(min(kept, self.size()))

    def note_fsync(self, file_fd: int) -> None:
        self.fsync(file_fd)
        stat = os.fstat(file_fd)
        if self.file.exists() and stat.st_ino == self.file.stat().st_ino:
            self.durable_bytes = stat.st_size

    def size(self) -> int:
        return self.file.stat().st_size if self.file.exists() else 0

    def everybody_agrees(self) -> None:
        """File and database tell the same, and every ID is bound or listed."""
        granted = [FrameId.parse(text) for text in granted_ids(self.file)]
        bound = bindings(self.file)
        in_database = {
            (str(night), each.identity): str(each.frame_id)
            for night in NIGHTS
            for each in self.ledger.bound(night).values()
        }
        assert in_database == bound
        used = set(map(FrameId.parse, bound.values()))
        assert [each.frame_id for each in self.ledger.unused()] == sorted(set(granted) - used)
        assert self.ledger.highest(NumberRange.RAW) == max(granted, default=None)

    @invariant()
    def the_laws_hold(self) -> None:
        check_laws(self.file)

    @invariant()
    def what_is_bound_stays_bound(self) -> None:
        now = bindings(self.file)
        assert self.bindings.items() <= now.items()
        self.bindings = now

    @invariant()
    def what_the_database_tells_is_in_the_file(self) -> None:
        for night in NIGHTS:
            for identity, each in self.ledger.bound(night).items():
                assert self.bindings[str(night), identity] == str(each.frame_id)
                applied = ["applied", str(each.frame_id), str(night)]
                assert not each.applied or applied in fields_of(self.file)

    def teardown(self) -> None:
        self.ledger.reconcile()
        self.everybody_agrees()
        self.store.close()
        self.watch.stop()
        shutil.rmtree(self.folder)


TestLedgerUnderFire = LedgerUnderFire.TestCase
TestLedgerUnderFire.settings = settings(max_examples=examples(6), stateful_step_count=25)
