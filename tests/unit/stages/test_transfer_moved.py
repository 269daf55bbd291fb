"""What is no longer at the destination: moved by the archive host itself, or gone."""

import hashlib
from dataclasses import replace

import pytest

from tests.support.fakes.fake_night_reader import FakeFile
from tests.support.worlds.archive.transfer_world import TransferWorld, arrived_world, sent
from vampd.errors import DataError
from vampd.model.nights import FileStamp, Gate
from vampd.model.plan import Hash, Plan
from vampd.model.proofs import Place, Receipt
from vampd.stages import transfer


@pytest.fixture
def arrived():
    return arrived_world()


@pytest.fixture(params=["all", "some, and the database is lost"])
def moved(arrived, request):
    arrived.reader.moved_to = "archive-host:/sdata/20251106"
    arrived.reader.moved.update(arrived.there)
    if request.param == "all":
        arrived.there.clear()
    else:
        del arrived.there["vgen2/VMPA00000002.fits.fz"]
        arrived.reader.kept[Place.ARCHIVE].clear()
    return arrived


def read_there(world):
    (wave,) = world.plan().waves
    for action in wave:
        assert isinstance(action, Hash)
        assert action.place is Place.ARCHIVE
        for path in action.files:
            file = world.reader.moved[path]
            digest = hashlib.sha256(file.content).hexdigest()
            place = world.reader.moved_to
            stamp = FileStamp(path, len(file.content), file.mtime_ns)
            world.reader.keep(Receipt(Place.ARCHIVE, stamp, digest, 1.0, None, place))


def test_a_moved_night_is_safe_there_once_all_of_it_was_read_there(moved):
    assert not moved.is_safe()
    assert not moved.survey().is_gone
    read_there(moved)
    assert moved.plan() == Plan()
    assert moved.is_safe()


def test_what_was_read_there_proves_nothing_elsewhere(moved):
    read_there(moved)
    moved.reader.moved_to = "archive-host:/sdata/elsewhere"
    assert not moved.is_safe()


@pytest.mark.parametrize("change", ["late", "damaged", "missing"])
def test_nothing_is_sent_there_and_nothing_to_the_destination(moved, change: str):
    left = dict(moved.there)
    path = "vgen2/VMPA00000002.fits.fz"
    if change == "damaged":
        moved.reader.moved[path] = replace(moved.reader.moved[path], content=b"SECOND")
    elif change == "missing":
        del moved.reader.moved[path]
    read_there(moved)
    if change == "late":
        path = moved.add_product("VMPA00000003")
    with pytest.raises(DataError) as caught:
        moved.run()
    assert not moved.is_safe()
    assert caught.value.code == "night_moved"
    assert moved.reader.moved_to in caught.value.message
    assert "vampctl transfer 20251106 --print" in caught.value.message
    assert path in transfer.unproven_files(moved.survey())
    assert moved.there == left


@pytest.mark.parametrize("left", ["SHA256SUMS", "vgen2/generation_0001.json"])
def test_a_night_of_which_only_a_listing_is_left_is_gone(arrived, left: str):
    kept = arrived.there.get(left, FakeFile(b""))
    arrived.there.clear()
    arrived.there[left] = kept
    assert arrived.survey().is_gone


def test_proofs_of_what_is_gone_or_changed_there_are_lost(arrived):
    assert transfer.lost_proofs(arrived.survey()) == ()
    first, second, *_ = sorted(arrived.there)
    del arrived.there[first]
    arrived.there[second] = replace(arrived.there[second], mtime_ns=1)
    assert set(transfer.lost_proofs(arrived.survey())) == {first, second}


def test_what_was_archived_and_is_gone_is_sent_again_at_a_persons_word_alone(arrived):
    arrived.there.clear()
    survey = arrived.survey()
    assert survey.is_gone
    assert not arrived.is_safe()
    assert [remark.code for remark in arrived.plan().remarks] == ["night_gone"]
    with pytest.raises(DataError) as caught:
        transfer.refuse_gone(survey, frozenset({Gate.OLDER_NIGHTS}))
    assert caught.value.code == Gate.NIGHT_GONE
    transfer.refuse_gone(survey, frozenset({Gate.NIGHT_GONE}))
    arrived.end_proofs(*arrived.reader.tree)
    assert arrived.survey().is_gone, "also what is only claimed to have been there"
    arrived.run()
    transfer.refuse_gone(arrived.survey(), frozenset())


def test_a_night_that_was_never_archived_is_not_gone():
    world = TransferWorld()
    world.add_product("VMPA00000001")
    transfer.refuse_gone(world.survey(), frozenset())
    assert sent(world.run())
