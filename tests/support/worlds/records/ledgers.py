"""A ledger with its file and its database, to be killed and robbed."""

from pathlib import Path

import pytest

from vampd.adapters.authorities import LocalAuthority
from vampd.errors import FrameIdConflict
from vampd.ledger.ledger import FrameIdLedger
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)


LATER = NightId("20251107", Kind.ARCHIVE)


LOCAL = LocalAuthority(FrameId(90_000_001))


NAMES = ["c", "a", "b"]


class Desk:
    """A folder with a ledger in it, opened again as after a restart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "ARCHIVED_DATA" / "frameids.ledger"
        self.database = folder / "vampd.db"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.ledger = self.open()

    def open(self) -> FrameIdLedger:
        self.store = open_store(f"sqlite:///{self.database}", Access.MIGRATE)
        self.ledger = FrameIdLedger(self.store, self.file)
        return self.ledger

    def restart(self) -> FrameIdLedger:
        self.store.close()
        return self.open()

    def lose_database(self) -> FrameIdLedger:
        self.store.close()
        self.database.unlink()
        return self.open()

    def ids(self, night: NightId = NIGHT) -> dict[str, int]:
        bound = self.ledger.bound(night).values()
        return {each.identity: each.frame_id.number - 90_000_000 for each in bound}


def grant_and_die(desk: Desk, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    """The process ends when the grant is on record and nothing is bound."""

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        if name == "ledger.granted.committed":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("vampd.ledger.id_requests.failpoint", die)
        with pytest.raises(Killed):
            desk.ledger.reserve(NIGHT, names, LOCAL)
    desk.restart()


def refused(desk: Desk) -> FrameIdConflict:
    before = desk.file.read_bytes()
    rows = desk.ledger.bound(NIGHT), desk.ledger.unused()
    ledger = desk.restart()
    with pytest.raises(FrameIdConflict) as error:
        ledger.reserve(LATER, ["new"], LOCAL)
    with pytest.raises(FrameIdConflict):
        ledger.mark_applied(NIGHT, [FrameId(90_000_001)])
    assert desk.file.read_bytes() == before
    assert (ledger.bound(NIGHT), ledger.unused()) == rows
    return error.value
