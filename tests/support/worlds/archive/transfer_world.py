"""A night and its archive host in memory, and the execution of transfer's plans on them."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.support.builders.settings import make_settings
from tests.support.fakes.fake_archive import FakeArchive
from tests.support.fakes.fake_night_reader import FakeFile, FakeNightReader, stamp_of
from vampd.disk.pace import SteadyPace
from vampd.model.nights import Kind, NightId
from vampd.model.plan import (
    Action,
    Hash,
    Plan,
    ReadGrown,
    RecordReceipts,
    RenewReceipts,
    Send,
    WriteText,
)
from vampd.model.proofs import SUMS_NAME, PackingReceipt, Place, Receipt
from vampd.stages import transfer

NIGHT = NightId("20251106", Kind.ARCHIVE)
SETTINGS = make_settings()


@dataclass
class TransferWorld:
    """Executes transfer's actions as the daemon does, without its disks."""

    reader: FakeNightReader = field(default_factory=FakeNightReader)

    def __post_init__(self) -> None:
        self.clock = itertools.count(1)
        self.host = FakeArchive(read=lambda _, path: self.reader.tree[path])
        self.host.trees[NIGHT.date] = self.reader.archive

    @property
    def there(self) -> dict[str, FakeFile]:
        """The night's files on the archive host."""
        return self.reader.archive

    def add_product(self, name: str, content: bytes | None = None) -> str:
        """A product with its sidecar, proven by packing; the product's path.

        One of that name is ended before, as a restore does it.
        """
        path, sidecar = f"vgen2/{name}.fits.fz", f"vgen2/{name}.txt"
        self.reader.identities[path] = hashlib.sha256(name.encode()).hexdigest()
        self.reader.write(path, f"packed {name}" if content is None else content)
        self.reader.write(sidecar, f"rows of {name}")
        self._end_receipts(path, sidecar)
        self.reader.record(
            self._proven(path, self.reader.identities[path]), self._proven(sidecar, None)
        )
        return path

    def damage_here(self, path: str) -> None:
        """Other bytes here, of the same size, as a listing shows."""
        content = self.reader.tree[path].content
        self.reader.write(path, bytes([content[0] ^ 1]) + content[1:])

    def survey(self) -> transfer.TransferSurvey:
        return transfer.survey(NIGHT, self.reader)

    def plan(self) -> Plan:
        return transfer.plan(self.survey(), SETTINGS)

    def is_safe(self) -> bool:
        return transfer.is_safe(self.survey())

    def execute(self, action: Action) -> None:
        match action:
            case WriteText(path, text, once):
                assert not (once and path in self.reader.tree)
                self.reader.write(path, text)
            case Send(files, compare):
                self.end_proofs(*files)
                self.host.send(NIGHT, Path("/nowhere"), files, compare, SteadyPace())
                self.execute(Hash(files, Place.ARCHIVE))
            case RecordReceipts(receipts):
                self.reader.record(*receipts)
            case RenewReceipts(receipts):
                self._end_receipts(*(receipt.path for receipt in receipts))
                self.reader.record(*receipts)
            case ReadGrown(receipt):
                content = self.reader.tree[receipt.path].content
                if hashlib.sha256(content[: receipt.size]).hexdigest() == receipt.sha256:
                    self._end_receipts(receipt.path)
                    self.reader.record(self._proven(receipt.path, None))
                self.reader.keep(self._receipt_here(receipt.path))
            case Hash(files, Place.HERE):
                self.reader.keep(*map(self._receipt_here, files))
            case Hash(files, Place.ARCHIVE):
                read = self.host.digests(NIGHT, files, SteadyPace())
                identity = self.reader.identity
                self.reader.keep(
                    *(
                        replace(
                            one,
                            destination=identity.destination,
                            mark=identity.mark,
                            at=float(next(self.clock)),
                        )
                        for one in read
                    )
                )
            case _:
                raise AssertionError(f"transfer has no business with {action}")

    def run(self) -> list[Plan]:
        """Survey, plan, execute, until nothing is left to do; the plans, at most twelve.

        So many it takes where products are new, one raw file set aside has grown and another has
        come, and the archive has moved: each is read, recorded and listed in a plan of its own.
        """
        plans: list[Plan] = []
        while plan := self.plan():
            plans.append(plan)
            assert len(plans) <= 12, plans[-2:]
            for wave in plan.waves:
                for action in wave:
                    self.execute(action)
        return plans

    def verify(self) -> None:
        """Read again all that is there, as a verification does."""
        self.execute(Hash(tuple(self.there), Place.ARCHIVE))

    def end_proofs(self, *paths: str) -> None:
        """What was proven of these paths there counts no longer."""
        kept = self.reader.kept[Place.ARCHIVE]
        kept.update({path: replace(kept[path], has_ended=True) for path in paths if path in kept})

    def damage(self, path: str) -> None:
        """Other bytes there, of the same size and time."""
        file = self.there[path]
        flipped = bytes([file.content[0] ^ 1]) + file.content[1:]
        self.there[path] = FakeFile(flipped, file.mtime_ns)

    def _end_receipts(self, *paths: str) -> None:
        self.reader.recorded = [
            replace(each, ended_at=2.0, ended_by="alice")
            if each.ended_at is None and each.receipt.path in paths
            else each
            for each in self.reader.recorded
        ]

    def _proven(self, path: str, identity: str | None) -> PackingReceipt:
        content = self.reader.tree[path].content
        return PackingReceipt(path, len(content), hashlib.sha256(content).hexdigest(), identity)

    def _receipt_here(self, path: str) -> Receipt:
        file = self.reader.tree[path]
        sha256 = hashlib.sha256(file.content).hexdigest()
        return Receipt(Place.HERE, stamp_of(path, file), sha256, at=float(next(self.clock)))


def arrived_world() -> TransferWorld:
    """A world whose two products have arrived and were read there."""
    world = TransferWorld()
    world.add_product("VMPA00000001", b"first")
    world.add_product("VMPA00000002", b"second")
    world.run()
    return world


def sent(plans: list[Plan]) -> set[str]:
    """Every path that these plans send, SHA256SUMS aside."""
    return {
        path
        for plan in plans
        for wave in plan.waves
        for action in wave
        if isinstance(action, Send)
        for path in action.files
    } - {SUMS_NAME}
