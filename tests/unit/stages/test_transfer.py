import re
from dataclasses import replace

import pytest

from tests.support.worlds.archive.transfer_world import (
    NIGHT,
    SETTINGS,
    TransferWorld,
    arrived_world,
    sent,
)
from vampd.errors import DataError
from vampd.model.nights import FileStamp
from vampd.model.plan import Compare, Hash, Plan, Send, WriteText
from vampd.model.proofs import SUMS_NAME, Place, parse_sums
from vampd.stages import transfer
from vampd.stages.records import parts


@pytest.fixture
def world():
    return TransferWorld()


@pytest.fixture
def arrived():
    return arrived_world()


def actions(plan, kind):
    return [action for wave in plan.waves for action in wave if isinstance(action, kind)]


def test_nothing_to_send_is_done_and_not_safe(world):
    assert world.plan() == Plan()
    assert not world.is_safe()


def test_what_travels_is_products_sidecars_generations_and_all_that_was_set_aside(world):
    world.add_product("vcam1_10:11:12.123456")
    world.reader.write("vgen2/generation_0001.json", "{}")
    for path in ["vbad/reasons.tsv", "vbad/vcam1/x.fits", "vbad/vcam2/y.txt"]:
        world.reader.write(path, path)
    for path in [
        "vgen2/a.framelist",
        "vgen2/lonely.txt",
        "vgen2/name_changes.txt",
        "vgen2/plain.fits",
        "vgen2/.vampd-1-a.tmp",
        "vgen2/generation_1.json.bak",
        "vcam1/x.fits",
    ]:
        world.reader.write(path, path)
    world.reader.write("manifest_VMP_20251106.csv", "")
    world.run()
    assert set(world.there) == {
        "SHA256SUMS",
        "vgen2/vcam1_10:11:12.123456.fits.fz",
        "vgen2/vcam1_10:11:12.123456.txt",
        "vgen2/generation_0001.json",
        "vbad/reasons.tsv",
        "vbad/vcam1/x.fits",
        "vbad/vcam2/y.txt",
    }
    assert world.is_safe()


def test_what_is_mostly_holes_stays_here_and_is_named(world):
    for path in ["vbad/reasons.tsv", "vbad/vcam1/x.fits", "vbad/vcam1/x.txt"]:
        world.reader.write(path, path)
    world.reader.hollow.add("vbad/vcam1/x.fits")
    remarks = [(remark.code, remark.subject) for remark in world.plan().remarks]
    assert remarks == [("mostly_holes", "vbad/vcam1/x.fits")]
    world.run()
    assert set(world.there) == {"SHA256SUMS", "vbad/reasons.tsv", "vbad/vcam1/x.txt"}
    assert world.is_safe()


def test_a_framelist_that_is_not_packed_yet_does_not_keep_others_from_travelling(world):
    world.reader.write("vgen2/VMPA00000002.framelist", "not packed")
    world.reader.write("vgen2/VMPA00000002.txt", "sidecar in the making")
    product = world.add_product("VMPA00000001")
    world.run()
    assert product in world.there
    assert "vgen2/VMPA00000002.txt" not in world.there


def test_nothing_is_sent_before_all_of_it_was_read_here(world):
    world.add_product("VMPA00000001")
    paths = ("vgen2/VMPA00000001.fits.fz", "vgen2/VMPA00000001.txt")
    assert world.plan() == Plan.of([Hash(paths, Place.HERE)])


def test_a_set_aside_file_that_changed_since_it_was_read_here_is_read_again(arrived):
    arrived.reader.write("vbad/reasons.tsv", b"one reason")
    arrived.run()
    arrived.reader.write("vbad/reasons.tsv", b"two reasons")
    assert not arrived.is_safe()
    assert arrived.plan() == Plan.of([Hash(("vbad/reasons.tsv",), Place.HERE)])
    arrived.run()
    assert arrived.there["vbad/reasons.tsv"].content == b"two reasons"


@pytest.mark.parametrize(
    "path", ["vgen2/VMPA00000001.fits.fz", "vgen2/VMPA00000001.txt", "vgen2/generation_0001.json"]
)
def test_a_damaged_file_is_named_and_nothing_is_sent_over_the_good_copies(world, path):
    world.add_product("VMPA00000001")
    world.add_product("VMPA00000002")
    world.reader.write("vgen2/generation_0001.json", "{}")
    world.run()
    before = dict(world.there)
    del world.there["vgen2/VMPA00000002.fits.fz"]
    world.damage_here(path)
    # Its stamp is new, so it is read; what it reads as is no new truth.
    assert world.plan() == Plan.of([Hash((path,), Place.HERE)])
    with pytest.raises(DataError, match=re.escape(path)) as caught:
        world.run()
    assert caught.value.code == "product_damaged"
    assert caught.value.context["paths"] == (path,)
    assert world.there.items() < before.items()
    # Also with the reading on record: the same end, from whatever stage.
    with pytest.raises(DataError, match=re.escape(path)):
        world.plan()


@pytest.mark.parametrize("path", ["vgen2/VMPA00000001.fits.fz", "vgen2/VMPA00000001.txt"])
def test_a_file_that_is_gone_is_named_and_stays_in_the_sums(arrived, path):
    sums = arrived.reader.tree[SUMS_NAME]
    del arrived.reader.tree[path]
    with pytest.raises(DataError, match=re.escape(path)) as caught:
        arrived.run()
    assert caught.value.code == "product_missing"
    assert arrived.reader.tree[SUMS_NAME] == sums
    assert path in transfer.safe_files(arrived.survey())


def test_the_sums_are_written_before_and_sent_after_what_they_list(world):
    world.add_product("VMPA00000001")
    *_, plan = world.run()
    assert isinstance(plan.waves[0][0], WriteText)
    assert [send.files[-1] for send in actions(plan, Send)] == ["vgen2/VMPA00000001.txt", SUMS_NAME]


def test_the_sums_list_everything_else_that_is_there(arrived):
    sums = parse_sums(arrived.there[SUMS_NAME].content.decode())
    assert set(sums) == set(arrived.there) - {SUMS_NAME}
    assert arrived.there[SUMS_NAME] == arrived.reader.tree[SUMS_NAME]


def test_a_finished_night_plans_nothing_and_is_safe(arrived):
    assert arrived.plan() == Plan()
    assert arrived.is_safe()


def test_late_products_travel_alone_and_the_sums_grow(arrived):
    late = arrived.add_product("VMPA00000003")
    assert not arrived.is_safe()
    before = parse_sums(arrived.reader.tree[SUMS_NAME].content.decode())
    plans = arrived.run()
    after = parse_sums(arrived.there[SUMS_NAME].content.decode())
    assert sent(plans) == {late, "vgen2/VMPA00000003.txt"}
    assert before.items() < after.items()
    assert arrived.is_safe()


def test_damage_that_a_listing_cannot_show_is_repaired_by_checksum_and_alone(arrived):
    arrived.damage("vgen2/VMPA00000002.fits.fz")
    arrived.verify()
    assert not arrived.is_safe()
    plans = arrived.run()
    damaged = ("vgen2/VMPA00000002.fits.fz",)
    # Read here first: what may be as bad is not sent.
    assert plans == [
        Plan.of([Hash(damaged, Place.HERE, before_sending=True)]),
        Plan.of([Send(damaged, Compare.CHECKSUM)]),
    ]
    assert arrived.there["vgen2/VMPA00000002.fits.fz"].content == b"second"
    assert arrived.is_safe()


def test_damage_of_the_sums_themselves_is_repaired(arrived):
    arrived.damage(SUMS_NAME)
    arrived.verify()
    arrived.run()
    assert arrived.there[SUMS_NAME] == arrived.reader.tree[SUMS_NAME]
    assert arrived.is_safe()


def test_a_file_that_is_gone_there_is_sent_again(arrived):
    del arrived.there["vgen2/VMPA00000001.txt"]
    assert not arrived.is_safe()
    assert sent(arrived.run()) == {"vgen2/VMPA00000001.txt"}
    assert arrived.is_safe()


def test_sums_that_were_edited_here_are_written_again(arrived):
    arrived.reader.write(SUMS_NAME, "edited")
    assert not arrived.is_safe()
    arrived.run()
    assert parse_sums(arrived.reader.tree[SUMS_NAME].content.decode())
    assert arrived.is_safe()


def test_a_copy_is_not_safe_before_it_was_read(world):
    world.add_product("VMPA00000001")
    world.run()
    assert len(world.there) == 3
    assert world.is_safe()
    world.reader.kept[Place.ARCHIVE].clear()
    assert not world.is_safe()
    (plan,) = world.run()
    assert {action.place for action in actions(plan, Hash)} == {Place.ARCHIVE}
    assert world.is_safe()


def test_a_receipt_of_another_copy_proves_nothing(arrived):
    path = "vgen2/VMPA00000001.fits.fz"
    file = arrived.there[path]
    arrived.there[path] = type(file)(file.content, file.mtime_ns + 1)
    assert not arrived.is_safe()
    plans = arrived.run()
    assert plans == [Plan.of([Hash((path,), Place.ARCHIVE)])]
    assert arrived.is_safe()


@pytest.mark.parametrize("change", [{"destination": "host:/new"}, {"mark": "2" * 32}])
def test_another_archive_is_read_file_by_file_before_anything_counts_or_is_sent(
    arrived, change: dict[str, str]
):
    # As P3: moved to another disk with times kept, one byte different.
    arrived.damage("vgen2/VMPA00000002.fits.fz")
    arrived.reader.identity = replace(arrived.reader.identity, **change)
    assert not arrived.is_safe()
    first, *_, last = arrived.run()
    assert {path for wave in first.waves for a in wave for path in a.files} == set(arrived.there)
    assert not actions(first, Send)
    assert sent([last]) == {"vgen2/VMPA00000002.fits.fz"}
    assert arrived.there["vgen2/VMPA00000002.fits.fz"].content == b"second"
    assert arrived.is_safe()


def test_a_proof_without_a_mark_counts_for_its_destination_until_it_is_ended(arrived):
    kept = arrived.reader.kept[Place.ARCHIVE]
    kept.update({path: replace(receipt, mark=None) for path, receipt in kept.items()})
    assert arrived.is_safe()
    arrived.end_proofs(*kept)
    assert not arrived.is_safe()
    arrived.run()
    assert {receipt.mark for receipt in kept.values()} == {arrived.reader.identity.mark}


def test_what_may_be_half_sent_is_read_before_it_is_sent_again(arrived):
    path = "vgen2/VMPA00000001.fits.fz"
    arrived.end_proofs(path)
    assert arrived.plan() == Plan.of([Hash((path,), Place.ARCHIVE)])
    arrived.damage(path)
    assert sent(arrived.run()) == {path}
    assert arrived.is_safe()


def test_what_has_another_size_there_is_sent_again_unread(arrived):
    path = "vgen2/VMPA00000001.fits.fz"
    file = arrived.there[path]
    arrived.end_proofs(path)
    arrived.there[path] = replace(file, content=file.content * 1000)
    plans = arrived.run()
    assert sent(plans) == {path}
    before = [plan for plan in plans if not actions(plan, Send)]
    assert not [each for plan in before for each in actions(plan, Hash) if each.place != Place.HERE]
    assert arrived.is_safe()


def test_what_is_sent_and_read_there_with_other_bytes_is_named(arrived):
    transfer.refuse_spoiled(arrived.survey())
    path = "vgen2/VMPA00000001.fits.fz"
    arrived.damage(path)
    arrived.verify()
    with pytest.raises(DataError, match=re.escape(path)) as caught:
        transfer.refuse_spoiled(arrived.survey())
    assert caught.value.code == "archive_bytes_differ"


def test_what_is_rotten_on_both_sides_is_found_before_it_is_sent(arrived):
    # The copy here is the damaged one, which its listing does not show either.
    path = "vgen2/VMPA00000001.fits.fz"
    file = arrived.reader.tree[path]
    arrived.reader.tree[path] = type(file)(b"FIRST", file.mtime_ns)
    arrived.damage(path)
    arrived.verify()
    there = dict(arrived.there)
    assert arrived.plan() == Plan.of([Hash((path,), Place.HERE, before_sending=True)])
    with pytest.raises(DataError, match=re.escape(path)) as caught:
        arrived.run()
    assert caught.value.code == "product_damaged"
    assert arrived.there == there


def test_batches_and_parts_are_limited_in_files_and_bytes(monkeypatch, world):
    monkeypatch.setattr(parts, "BATCH_FILES", 3)
    monkeypatch.setattr(parts, "BATCH_BYTES", 10)
    for number in range(4):
        world.reader.write(f"vbad/{number}", b"12345")
    world.reader.write("vbad/4", b"larger than a batch")
    for number in range(5, 9):
        world.reader.write(f"vbad/{number}", b"1")
    read, _, _, plan = world.run()
    batches = [("vbad/0", "vbad/1"), ("vbad/2", "vbad/3"), ("vbad/4",)]
    batches += [("vbad/5", "vbad/6", "vbad/7"), ("vbad/8",)]
    assert [action.files for action in actions(read, Hash)] == batches
    write, sends, last = plan.waves
    assert [type(action) for action in write] == [WriteText]
    # In one wave: while one is read there, others travel.
    assert {type(action) for action in sends} == {Send}
    assert [send.files for send in sends][:3] == batches[:3]
    assert max(len(send.files) for send in sends) == 3
    assert [send.bytes for send in sends][:3] == [10, 10, len(b"larger than a batch")]
    assert [send.files for send in last] == [(SUMS_NAME,)]


def test_an_unsafe_file_is_never_among_the_safe_ones(arrived):
    arrived.damage("vgen2/VMPA00000002.fits.fz")
    arrived.verify()
    assert transfer.safe_files(arrived.survey()) == set(arrived.there) - {
        "vgen2/VMPA00000002.fits.fz"
    }


def test_a_survey_hashes_nothing(arrived):
    survey = transfer.survey(NIGHT, arrived.reader)
    assert survey.here["vgen2/VMPA00000001.fits.fz"] == FileStamp(
        "vgen2/VMPA00000001.fits.fz", 5, arrived.there["vgen2/VMPA00000001.fits.fz"].mtime_ns
    )
    assert transfer.plan(survey, SETTINGS) == Plan()


def test_whoever_follows_a_transfer_is_told_the_bytes_of_what_is_read_there(arrived):
    path = "vgen2/VMPA00000001.fits.fz"
    size = len(arrived.there[path].content)
    arrived.end_proofs(path)
    ((reading,),) = arrived.plan().waves
    assert (reading.place, reading.bytes) == (Place.ARCHIVE, size)
    del arrived.there[path]
    *_, last = arrived.run()
    (proof,) = actions(last, Send)
    assert sent([last]) == {path}
    assert (proof.files, proof.bytes) == ((path,), size)
