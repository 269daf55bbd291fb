from dataclasses import replace
from hashlib import md5, sha256

import pytest

from tests.support.builders.settings import make_settings
from tests.support.worlds.archive.manifest_world import execute, plan, safe_world
from tests.support.worlds.archive.transfer_world import NIGHT, TransferWorld
from vampd.errors import DataError
from vampd.model.delivery import manifest_name, parse_manifest
from vampd.model.plan import Hash, Plan, WriteText
from vampd.model.proofs import Digests, Place, parse_sums
from vampd.stages import manifest

FIRST = "manifest_VMP_20251106.csv"
DIGESTS = "manifest_VMP_20251106.sha256"


@pytest.fixture
def world():
    return safe_world()


def listed(world, name):
    return [str(line.frame_id) for line in parse_manifest(world.reader.text(NIGHT, name)).lines]


def test_a_manifest_lists_the_products_where_the_archive_host_has_them(world):
    text = (
        "VMPA00000001|/archive/20251106/vgen2/VMPA00000001.fits.fz|1\r\n"
        "VMPA00000002|/archive/20251106/vgen2/VMPA00000002.fits.fz|2\r\n"
    )
    digests = (
        f"{sha256(b'1').hexdigest()}  vgen2/VMPA00000001.fits.fz\n"
        f"{sha256(b'22').hexdigest()}  vgen2/VMPA00000002.fits.fz\n"
    )
    assert plan(world) == Plan.of(
        [WriteText(DIGESTS, digests)], [WriteText(FIRST, text, once=True)]
    )


def test_a_manifest_is_written_once(world):
    execute(world)
    assert plan(world) == Plan()


def test_late_products_are_listed_in_a_supplement_of_their_own(world):
    execute(world)
    first = world.reader.tree[FIRST]
    for number in (3, 4):
        world.add_product(f"VMPA0000000{number}")
        world.run()
        execute(world)
    assert world.reader.tree[FIRST] == first
    assert listed(world, "manifest_VMP_20251106_s1.csv") == ["VMPA00000003"]
    assert listed(world, "manifest_VMP_20251106_s2.csv") == ["VMPA00000004"]
    assert plan(world) == Plan()


def test_a_product_without_proof_is_never_listed_and_never_passed_over(world):
    world.damage("vgen2/VMPA00000001.fits.fz")
    world.verify()
    with pytest.raises(DataError) as caught:
        plan(world)
    assert caught.value.code == "manifest_unsafe"
    assert "VMPA00000001" in caught.value.message


def test_a_listed_product_that_moved_on_the_archive_host_changes_nothing(world):
    execute(world)
    world.there.clear()
    assert plan(world) == Plan()


FORMS = [{"form": "plain"}, {"form": "mkbulk"}, {"form": "mkbulk", "columns": ["sha256sum"]}]


def digests_of(world):
    paths = [f"vgen2/VMPA0000000{number}.fits.fz" for number in (1, 2)]
    return {path: sha256(world.reader.tree[path].content).hexdigest() for path in paths}


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("content", [b"more bytes", b"2x"])
def test_bytes_that_changed_under_a_listed_id_are_not_sent_until_the_manifest_is_gone(
    world, form: dict[str, object], content: bytes
):
    settings = make_settings(manifest=form)
    execute(world, settings)
    old, archived = world.reader.tree[FIRST], dict(world.there)
    # As after `vampctl restore` and other settings: the same cube, the same ID, other bytes.
    world.add_product("VMPA00000002", content)
    with pytest.raises(DataError) as caught:
        world.run()
    assert caught.value.code == "manifest_stale"
    assert f"{FIRST} lists VMPA00000002 with 2 bytes" in caught.value.message
    assert world.there == archived
    with pytest.raises(DataError, match=r"manifest_VMP_20251106\.csv lists VMPA00000002"):
        plan(world, settings)
    assert world.reader.tree[FIRST] == old
    del world.reader.tree[FIRST]
    world.run()
    execute(world, settings)
    assert listed(world, FIRST) == ["VMPA00000001", "VMPA00000002"]
    assert parse_sums(world.reader.text(NIGHT, DIGESTS) or "") in ({}, digests_of(world))
    assert world.there["vgen2/VMPA00000002.fits.fz"].content == content
    assert plan(world, settings) == Plan()


def test_a_manifest_is_never_without_its_digests_wherever_vampd_dies(world):
    first, second = plan(world).waves
    for action in first:
        world.execute(action)
    # It died here, and one more product came before it was started again.
    world.add_product("VMPA00000003")
    world.run()
    execute(world)
    assert list(parse_sums(world.reader.text(NIGHT, DIGESTS))) == [
        f"vgen2/VMPA0000000{number}.fits.fz" for number in (1, 2, 3)
    ]
    assert listed(world, FIRST)[-1] == "VMPA00000003"
    assert second[0].path == FIRST


@pytest.mark.parametrize("known", ["the archive", "SHA256SUMS", "nothing"])
def test_a_manifest_of_an_earlier_version_is_compared_by_what_is_known_before_anything_is_sent(
    world, known: str
):
    execute(world)
    del world.reader.tree[DIGESTS]
    if known != "the archive":
        world.reader.kept[Place.ARCHIVE].clear()
    if known == "nothing":
        del world.reader.tree["SHA256SUMS"]
    world.add_product("VMPA00000002", b"2x")
    if known == "nothing":
        # Only its size could be compared; that nothing was known is recorded for good.
        world.run()
        assert world.reader.text(NIGHT, DIGESTS) == ""
        assert plan(world) == Plan()
        return
    with pytest.raises(DataError, match=sha256(b"22").hexdigest()):
        world.run()
    assert world.there["vgen2/VMPA00000002.fits.fz"].content == b"22"


def test_a_receipt_of_another_size_does_not_say_what_was_announced(world):
    execute(world)
    del world.reader.tree[DIGESTS]
    path = "vgen2/VMPA00000002.fits.fz"
    receipt = world.reader.receipts(NIGHT, Place.ARCHIVE)[path]
    other = replace(receipt, file=replace(receipt.file, size=3), sha256="e" * 64)
    world.reader.keep(other)
    world.run()
    assert parse_sums(world.reader.text(NIGHT, DIGESTS)) == digests_of(world)


def test_damaged_digests_hold_the_night_with_their_name(world):
    execute(world)
    world.reader.write(DIGESTS, "nonsense")
    with pytest.raises(DataError, match=DIGESTS) as caught:
        plan(world)
    assert caught.value.code == "manifest_damaged"


def test_a_listed_product_that_is_no_longer_here_holds_the_night(world):
    execute(world)
    del world.reader.tree["vgen2/VMPA00000002.fits.fz"]
    with pytest.raises(DataError, match="VMPA00000002") as caught:
        plan(world)
    assert caught.value.code == "product_missing"


def test_a_night_without_frame_ids_has_no_manifest():
    world = TransferWorld()
    world.add_product("vcam1_10:11:12.123456")
    world.run()
    assert plan(world) == Plan()


def test_a_damaged_manifest_holds_the_night(world):
    world.reader.write(FIRST, "VMPA00000001|/somewhere\r\n")
    with pytest.raises(DataError, match=f"{FIRST}: line 1 .* not 'FRAMEID"):
        plan(world)


def test_a_manifest_of_another_night_is_none_of_this_one(world):
    world.reader.write("manifest_VMP_20251105.csv", "VMPA00000001|/somewhere|1\r\n")
    execute(world)
    assert listed(world, FIRST) == ["VMPA00000001", "VMPA00000002"]


def test_stars_is_given_the_paths_of_the_host_that_it_reads_from(world):
    settings = make_settings(manifest={"prefix": "/data/VAMPIRES nights"})
    _, (write,) = plan(world, settings).waves
    assert write.text.startswith(
        "VMPA00000001|/data/VAMPIRES nights/20251106/vgen2/VMPA00000001.fits.fz|1\r\n"
    )


def test_the_newer_form_has_the_digest_that_was_proven_over_there(world):
    settings = make_settings(
        manifest={"form": "mkbulk", "columns": ["sha256sum"], "line_ends": "lf"}
    )
    ((write,),) = plan(world, settings).waves
    assert write.text.splitlines(keepends=True) == [
        "#FRAMEID|path|size_bytes|sha256sum\n",
        f"VMPA00000001|/archive/20251106/vgen2/VMPA00000001.fits.fz|1|{sha256(b'1').hexdigest()}\n",
        f"VMPA00000002|/archive/20251106/vgen2/VMPA00000002.fits.fz|2|{sha256(b'22').hexdigest()}\n",
    ]


MD5 = {"form": "mkbulk", "columns": ["md5sum"]}


def test_only_a_configured_md5_costs_one_more_reading_of_what_is_new(world):
    settings = make_settings(manifest=MD5)
    assert plan(world, settings) == Plan.of(
        [
            Hash(
                ("vgen2/VMPA00000001.fits.fz", "vgen2/VMPA00000002.fits.fz"),
                Place.HERE,
                Digests.SHA256_AND_MD5,
            )
        ]
    )
    receipts = world.reader.receipts(NIGHT, Place.HERE)
    ((reading,),) = plan(world, settings).waves
    assert reading.bytes == sum(receipts[path].file.size for path in reading.files)
    for path, receipt in receipts.items():
        digest = md5(world.reader.tree[path].content, usedforsecurity=False).hexdigest()
        world.reader.keep(replace(receipt, md5=digest))
    _, (write,) = plan(world, settings).waves
    assert write.text.splitlines()[2] == (
        "VMPA00000002|/archive/20251106/vgen2/VMPA00000002.fits.fz|2|"
        + md5(b"22", usedforsecurity=False).hexdigest()
    )
    execute(world, settings)
    assert plan(world, settings) == Plan()


def test_a_product_that_reads_otherwise_than_it_was_proven_is_not_listed(world):
    path = "vgen2/VMPA00000001.fits.fz"
    receipt = world.reader.receipts(NIGHT, Place.HERE)[path]
    world.reader.keep(replace(receipt, sha256="f" * 64, md5="e" * 32))
    with pytest.raises(DataError) as caught:
        plan(world, make_settings(manifest=MD5))
    assert caught.value.code == "product_damaged"


@pytest.mark.parametrize(
    "table", [MD5, {"form": "mkbulk"}, {"line_ends": "lf"}, {"prefix": "/elsewhere"}], ids=str
)
def test_a_changed_configuration_never_changes_an_existing_manifest(world, table):
    execute(world)
    first = world.reader.tree[FIRST]
    settings = make_settings(manifest=table)
    assert plan(world, settings) == Plan()
    path = world.add_product("VMPA00000003")
    world.run()
    receipt = world.reader.receipts(NIGHT, Place.HERE)[path]
    world.reader.keep(replace(receipt, md5="e" * 32))
    execute(world, settings)
    assert world.reader.tree[FIRST] == first
    assert listed(world, "manifest_VMP_20251106_s1.csv") == ["VMPA00000003"]
    assert plan(world, settings) == Plan()


def test_manifests_come_in_the_order_of_their_numbers(world):
    execute(world)
    for number in (2, 10):
        frame_id = f"VMPA000000{10 + number}"
        path = f"/archive/20251106/vgen2/{frame_id}.fits.fz"
        world.reader.write(f"manifest_VMP_20251106_s{number}.csv", f"{frame_id}|{path}|1\r\n")
    survey = manifest.survey(NIGHT, world.reader)
    assert [m.file.name for m in survey.manifests] == [
        FIRST,
        "manifest_VMP_20251106_s2.csv",
        "manifest_VMP_20251106_s10.csv",
    ]
    world.add_product("VMPA00000003")
    world.run()
    execute(world)
    assert listed(world, "manifest_VMP_20251106_s11.csv") == ["VMPA00000003"]


@pytest.mark.parametrize("number", [0, 1])
def test_what_is_no_file_in_the_place_of_a_manifest_is_refused(world, monkeypatch, number):
    execute(world)
    place, text = manifest_name(NIGHT.date, number), world.reader.text
    world.reader.tree.pop(place, None)

    def refuse_links(night, path):
        if path == place:
            raise DataError("link_found", path)
        return text(night, path)

    monkeypatch.setattr(world.reader, "text", refuse_links)
    with pytest.raises(DataError, match=place):
        manifest.survey(NIGHT, world.reader)
