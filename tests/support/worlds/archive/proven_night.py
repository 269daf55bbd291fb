"""A night in memory whose raw may go: all of it is proven at the archive."""

from __future__ import annotations

import hashlib

from tests.support.worlds.archive.transfer_world import TransferWorld
from vampd.engine.purge.survey import PurgeSurvey
from vampd.model.cubes import (
    CubeAccount,
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    RawPresence,
    SetAside,
    SyncCounts,
)
from vampd.model.delivery import Correspondence
from vampd.model.nights import Kind, NightId, NightRecord, StageName, State, Status
from vampd.model.proofs import PackingReceipt, PurgedFile

NIGHT = NightId("20251106", Kind.ENGINEERING)
USED, BAD = "vcam1/1.fits", "vcam1/2.fits"
TIMING, BAD_TIMING = "vcam1/1.txt", "vcam1/2.txt"
RECORDS = "vgen2/raw_records_vcam1.tar.gz"
COVERED = {f"{USED}.header": ("a" * 64, RECORDS), TIMING: ("b" * 64, RECORDS)}


def product(name: str, start: int, count: int) -> Product:
    part = FrameRange(USED, start, count)
    return Product(name, ProductOrder(0, 1, ""), False, (part,), (), 0, 0, 0, 0, 0)


FIRST, SECOND = product("first", 0, 6), product("second", 6, 4)


class ProvenNight:
    """A night of one used and one set-aside cube, all of it proven there."""

    def __init__(self) -> None:
        self.world = TransferWorld()
        reader = self.world.reader
        self.files = {
            path: reader.write(path, f"raw {path}") for path in (USED, TIMING, BAD, BAD_TIMING)
        }
        for path in (BAD, BAD_TIMING):
            reader.write(f"vbad/{path}", f"raw {path}")
        stamp = self.files.__getitem__
        self.generation = Generation(
            number=1,
            version="0",
            cubes=(
                CubeAccount(stamp(USED), stamp(TIMING), 10),
                CubeAccount(stamp(BAD), stamp(BAD_TIMING), 0),
            ),
            products=(FIRST, SECOND),
            set_aside=(SetAside(stamp(BAD), stamp(BAD_TIMING), 0, "not_fits", "no header"),),
            counts=SyncCounts(),
        )
        self.pack(FIRST)
        self.pack(SECOND)
        self.world.run()
        self.covered = dict(COVERED)
        self.purged: tuple[PurgedFile, ...] = ()
        self.may_link = True
        self.accepted: tuple[str, ...] = ()
        done = State(StageName.TRANSFER, Status.DONE)
        self.record = NightRecord(NIGHT, done, safe_at=1.0)

    def pack(self, made: Product) -> None:
        """Make a product and prove it."""
        path = f"vgen2/{made.name}.fits.fz"
        content = made.name.encode()
        self.world.reader.write(path, content)
        self.world.reader.identities[path] = made.identity
        sha256 = hashlib.sha256(content).hexdigest()
        self.world.reader.record(PackingReceipt(path, len(content), sha256, made.identity))

    def survey(self) -> PurgeSurvey:
        """What a purge sees of it."""
        return PurgeSurvey(
            record=self.record,
            generations=(self.generation,),
            presence=RawPresence(),
            accepted=self.accepted,
            files=self.files,
            irregular=(),
            obstacles=(),
            faults=(),
            transfer=self.world.survey(),
            identity=self.world.reader.identity,
            correspondence=Correspondence(),
            covered=self.covered,
            purged=self.purged,
            is_same_disk=False,
            may_link=self.may_link,
        )
