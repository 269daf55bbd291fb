"""Set-aside raw files at the archive: never overwritten by something else, however it came here."""

from dataclasses import replace

import pytest

from tests.support.worlds.archive.transfer_world import NIGHT, TransferWorld, sent
from vampd.errors import DataError
from vampd.model.nights import Gate
from vampd.model.plan import Hash, ReadGrown, RecordReceipts, RenewReceipts
from vampd.model.proofs import Place, aside_receipts, live_receipts
from vampd.stages.aside_files import (
    AsideFiles,
    describe_aside_faults,
    files_aside,
    plan_aside,
    refuse_changed,
)

CUBE = "vbad/vcam1/x.fits"
GOOD = b"frames as they were taken"


@pytest.fixture
def world():
    world = TransferWorld()
    world.reader.write(CUBE, GOOD)
    world.reader.write("vbad/reasons.tsv", "why")
    world.run()
    assert world.is_safe()
    return world


def refused(world: TransferWorld) -> str:
    """Run until the gate stands before the next step; what it says."""
    with pytest.raises(DataError) as caught:
        run_to_gate(world)
    assert caught.value.code == "set_aside_changed"
    assert caught.value.context["paths"] == (CUBE,)
    return caught.value.message


def run_to_gate(world: TransferWorld) -> None:
    refuse_changed(world.survey().aside, frozenset())
    while plan := world.plan():
        for wave in plan.waves:
            for action in wave:
                world.execute(action)
        refuse_changed(world.survey().aside, frozenset())


def test_what_is_sent_has_a_receipt_before_and_the_folder_lists_it(world):
    assert CUBE in aside_receipts(live_receipts(world.reader.recorded))
    assert CUBE in (world.reader.text(NIGHT, "vgen2/receipts.tsv") or "")
    assert "reasons.tsv" not in (world.reader.text(NIGHT, "vgen2/receipts.tsv") or "")


@pytest.mark.parametrize("content", [b"frames as they were tAken", b"frames", b"", GOOD[1:] * 2])
def test_other_bytes_are_never_sent_over_the_good_copy(world, content):
    world.reader.write(CUBE, content)
    assert "is whole" in refused(world)
    assert world.there[CUBE].content == GOOD
    # Also where nothing there is believed any more.
    world.end_proofs(*world.there)
    assert "is whole" in refused(world)
    assert world.there[CUBE].content == GOOD


def test_what_has_only_grown_is_sent(world):
    world.reader.write(CUBE, GOOD + b" and more of them")
    assert sent(world.run()) == {CUBE}
    assert world.is_safe()
    assert world.there[CUBE].content == GOOD + b" and more of them"
    world.reader.write(CUBE, GOOD)
    assert "is whole" in refused(world)


def test_what_comes_back_as_it_was_needs_no_one(world):
    world.reader.write(CUBE, b"damaged")
    refused(world)
    world.reader.write(CUBE, GOOD)
    world.run()
    assert world.is_safe()


def test_what_a_person_says_is_right_is_sent_and_is_the_truth_from_then_on(world):
    world.reader.write(CUBE, b"mended by hand")
    refused(world)
    refuse_changed(world.survey().aside, {Gate.SET_ASIDE_CHANGED})
    assert [remark.code for remark in world.plan().remarks] == ["set_aside_changed"]
    world.run()
    assert world.is_safe()
    assert world.there[CUBE].content == b"mended by hand"
    world.reader.write(CUBE, GOOD)
    assert "is whole" in refused(world)


def test_what_is_rotten_on_both_sides_is_said_before_anything_is_sent(world):
    file = world.reader.tree[CUBE]
    world.reader.tree[CUBE] = type(file)(b"F" + GOOD[1:], file.mtime_ns)
    world.damage(CUBE)
    world.verify()
    there = dict(world.there)
    assert "is not whole either" in refused(world)
    assert world.there == there


def test_a_file_that_an_earlier_version_sent_is_known_by_what_it_listed_and_proved(world):
    for receipts in (world.reader.recorded, world.reader.kept[Place.HERE]):
        receipts.clear()
    del world.reader.tree["vgen2/receipts.tsv"]
    world.reader.write(CUBE, b"damaged since")
    assert "is whole" in refused(world)
    # Without a proof as well, the copy is read before it is doubted.
    world.reader.recorded.clear()
    world.reader.kept[Place.ARCHIVE].clear()
    world.reader.tree.pop("vgen2/receipts.tsv", None)
    assert "is whole" in refused(world)
    assert world.there[CUBE].content == GOOD


@pytest.mark.parametrize("content", [b"damaged since", GOOD + b" and more"])
def test_where_every_record_was_lost_the_copy_there_tells_what_a_file_was(world, content):
    for receipts in (world.reader.recorded, *world.reader.kept.values()):
        receipts.clear()
    for name in ("vgen2/receipts.tsv", "SHA256SUMS"):
        del world.reader.tree[name]
    world.reader.write(CUBE, content)
    assert "is whole" in refused(world)
    assert world.there[CUBE].content == GOOD
    refuse_changed(world.survey().aside, {Gate.SET_ASIDE_CHANGED})
    world.run()
    assert world.there[CUBE].content == content


def test_what_is_damaged_is_named_without_reading_and_what_may_have_grown_is_not(world):
    assert not list(describe_aside_faults(NIGHT, world.reader))
    world.reader.write(CUBE, GOOD[:5])
    assert [CUBE in fault for fault in describe_aside_faults(NIGHT, world.reader)] == [True]
    world.reader.write(CUBE, GOOD * 2)
    assert not list(describe_aside_faults(NIGHT, world.reader))
    # Of the same size: once it was read.
    world.reader.write(CUBE, b"F" + GOOD[1:])
    assert not list(describe_aside_faults(NIGHT, world.reader))
    world.execute(Hash((CUBE,), Place.HERE))
    assert [CUBE in fault for fault in describe_aside_faults(NIGHT, world.reader)] == [True]


def test_what_is_set_aside_is_of_either_camera_or_of_none_and_never_a_list(world):
    aside = {CUBE, "vbad/vcam2/y.fits", "vbad/z.fits"}
    for path in aside:
        world.reader.write(path, GOOD)
    assert set(files_aside(NIGHT, world.reader)) == aside


def test_a_reading_is_of_a_file_as_it_was_and_of_no_other_time(world):
    (read,) = (one for one in world.reader.kept[Place.HERE].values() if one.path == CUBE)
    assert AsideFiles({CUBE: read.file}, readings={CUBE: read}).reading(CUBE) == read
    later = replace(read.file, mtime_ns=read.file.mtime_ns + 1)
    assert AsideFiles({CUBE: later}, readings={CUBE: read}).reading(CUBE) is None


def test_a_copy_of_which_nothing_was_ever_said_is_not_read_before(world):
    (read,) = (one for one in world.reader.kept[Place.HERE].values() if one.path == CUBE)
    aside = AsideFiles({CUBE: read.file}, readings={CUBE: read}, there={CUBE: None})
    ((action,),) = plan_aside(aside).waves
    assert isinstance(action, RecordReceipts)
    doubted = replace(aside, listed={CUBE: "0" * 64})
    ((reading,),) = plan_aside(doubted).waves
    assert reading == Hash((CUBE,), Place.ARCHIVE)
    assert reading.bytes == read.file.size


def test_a_file_without_a_receipt_has_that_of_what_was_listed_of_it(world):
    (read,) = (one for one in world.reader.kept[Place.HERE].values() if one.path == CUBE)
    later = replace(read.file, mtime_ns=read.file.mtime_ns + 1)
    aside = AsideFiles({CUBE: later}, readings={CUBE: read}, listed={CUBE: read.sha256})
    ((action,),) = plan_aside(aside).waves
    assert isinstance(action, RecordReceipts)
    assert [(one.path, one.sha256) for one in action.receipts] == [(CUBE, read.sha256)]
    assert not plan_aside(replace(aside, listed={})).waves


def test_only_what_is_longer_than_its_receipt_is_read_for_having_grown(world):
    receipt = aside_receipts(live_receipts(world.reader.recorded))[CUBE]
    (read,) = (one for one in world.reader.kept[Place.HERE].values() if one.path == CUBE)
    later = replace(read.file, mtime_ns=read.file.mtime_ns + 1)
    assert not plan_aside(AsideFiles({CUBE: later}, {CUBE: receipt})).waves
    longer = replace(later, size=later.size + 1)
    assert plan_aside(AsideFiles({CUBE: longer}, {CUBE: receipt})).waves == ((ReadGrown(receipt),),)
    # Once it was read, what it is now is known.
    other = replace(read, file=longer, sha256="0" * 64)
    aside = AsideFiles({CUBE: longer}, {CUBE: receipt}, readings={CUBE: other})
    ((action,),) = plan_aside(aside).waves
    assert isinstance(action, RenewReceipts)


def test_of_many_that_have_changed_the_first_is_described_and_the_others_counted(world):
    receipt = aside_receipts(live_receipts(world.reader.recorded))[CUBE]
    (read,) = (one for one in world.reader.kept[Place.HERE].values() if one.path == CUBE)
    paths = [f"vbad/vcam1/{number}.fits" for number in range(7)]
    files = {path: replace(read.file, path=path) for path in paths}
    aside = AsideFiles(
        files,
        {path: replace(receipt, path=path) for path in paths},
        {path: replace(read, file=file, sha256="0" * 64) for path, file in files.items()},
    )
    with pytest.raises(DataError, match=r"vcam1/0\.fits was set aside .*; and 6 more\."):
        refuse_changed(aside, frozenset())
    assert [remark.subject for remark in plan_aside(aside).remarks] == paths[:5]
