"""A file that is not as on record, and is as receipts.tsv says, is not damaged."""

import hashlib
from dataclasses import replace

import pytest

from tests.support.worlds.archive.transfer_world import NIGHT, TransferWorld
from vampd.errors import DataError
from vampd.model.nights import FileStamp
from vampd.model.proofs import RECEIPTS_PATH, Place, Receipt, format_receipts, live_receipts
from vampd.stages.records.folder_receipts import refuse_older_record

PATH = "vgen2/VMPA00000001.txt"


@pytest.fixture
def world():
    """The file has other bytes than on record, which the listing tells of and which were read."""
    world = TransferWorld()
    world.add_product("VMPA00000001")
    world.reader.write(PATH, "later rows")
    content = world.reader.tree[PATH].content
    sha256 = hashlib.sha256(content).hexdigest()
    receipts = live_receipts(world.reader.packing_receipts(NIGHT))
    receipts[PATH] = replace(receipts[PATH], size=len(content), sha256=sha256)
    world.reader.write(RECEIPTS_PATH, format_receipts(receipts.values()))
    stamp = FileStamp(PATH, len(content), world.reader.tree[PATH].mtime_ns)
    world.reader.keep(Receipt(Place.HERE, stamp, sha256, 1.0))
    return world


def test_the_record_is_older_where_the_listing_tells_of_what_lies_there(world):
    with pytest.raises(DataError, match=PATH) as caught:
        refuse_older_record(NIGHT, world.reader)
    assert caught.value.code == "receipts_disagree"


def test_what_neither_tells_of_is_damaged(world):
    world.damage_here(PATH)
    refuse_older_record(NIGHT, world.reader)


def test_a_damaged_listing_tells_nothing(world):
    world.reader.write(RECEIPTS_PATH, "no table")
    refuse_older_record(NIGHT, world.reader)


def test_what_is_on_record_in_the_folder_alone_is_for_the_stages_to_judge(world):
    world.reader.recorded.clear()
    refuse_older_record(NIGHT, world.reader)
