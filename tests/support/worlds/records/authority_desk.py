"""A ledger that asks Gen2, and a program that does so and may be killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fakes.fake_gen2 import WRITER, FakeGen2
from vampd.adapters.authorities import Gen2Authority, Gen2FramesAuthority
from vampd.disk.pace import SteadyPace
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import NumberRange
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
LATER = NightId("20251107", Kind.ARCHIVE)
NAMES = ["c", "a", "b"]
# Long enough for an interpreter to start on a busy machine, where an answer is to come.
PATIENCE_S = 30.0
HOSTS = ("gen2",)


@dataclass
class Desk:
    """A ledger on a disk."""

    folder: Path
    file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.file = self.folder / "ARCHIVED_DATA" / "frameids.ledger"
        self.file.parent.mkdir(parents=True)
        self.store = open_store(f"sqlite:///{self.folder}/vampd.db", Access.MIGRATE)
        self.ledger = FrameIdLedger(self.store, self.file)

    def ids(self, night: NightId = NIGHT) -> dict[str, int]:
        return {one.identity: one.frame_id.number for one in self.ledger.bound(night).values()}

    def unused(self) -> list[int]:
        return [one.frame_id.number for one in self.ledger.unused()]


def asking(gen2: FakeGen2, answers: Path, timeout_s: float = PATIENCE_S) -> Gen2Authority:
    return Gen2Authority(
        answers,
        gen2.answer,
        timeout_s,
        SteadyPace(),
        hosts=HOSTS,
        still_s=0.1,
        owner=WRITER,
    )


def kept(answers: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(answers.glob("answer_*.txt"))]


def direct(answers: Path, numbers: NumberRange = NumberRange.RAW) -> Gen2FramesAuthority:
    return Gen2FramesAuthority(answers, PATIENCE_S, SteadyPace(), numbers, HOSTS)


ASK = """
import sys
from pathlib import Path
from vampd.adapters.authorities import CommandAuthority, Gen2Authority
from vampd.disk.pace import SteadyPace
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store
from vampd.ledger.ledger import FrameIdLedger

folder, answer = Path(sys.argv[1]), sys.argv[2]
store = open_store(f"sqlite:///{folder}/vampd.db", Access.USE)
ledger = FrameIdLedger(store, folder / "ARCHIVED_DATA" / "frameids.ledger")
answers = folder / "ARCHIVED_DATA" / "frameids.answers" / "gen2"
authority = (
    Gen2Authority(
        answers, Path(answer), 30, SteadyPace(), hosts=("gen2",), still_s=0.1, owner=sys.argv[3]
    )
    if answer.endswith(".txt")
    else CommandAuthority(answers, (answer,), 30, SteadyPace())
)
ledger.reserve(NightId("20251106", Kind.ARCHIVE), ["c", "a", "b"], authority)
"""
