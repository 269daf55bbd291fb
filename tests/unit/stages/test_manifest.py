from dataclasses import replace
from hashlib import md5, sha256

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.mail_server import make_mail
from tests.support.worlds.archive.transfer_world import NIGHT, SETTINGS, TransferWorld
from vampd.errors import DataError
from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    ManifestFile,
    Way,
    append_note,
    complete_note,
    note_name,
    parse_manifest,
)
from vampd.model.plan import Hash, Plan, SendMail, WriteText
from vampd.model.proofs import Digests, Place, parse_sums, text_digest
from vampd.stages import manifest
from vampd.stages.own_faults import describe_text_faults

FIRST = "manifest_VMP_20251106.csv"
DIGESTS = "manifest_VMP_20251106.sha256"


@pytest.fixture
def world():
    world = TransferWorld()
    world.add_product("VMPA00000002", b"22")
    world.add_product("VMPA00000001", b"1")
    world.add_product("vcam1_10:11:12.123456", b"no frame ID")
    world.run()
    return world


def plan(world, settings=SETTINGS):
    return manifest.plan(manifest.survey(NIGHT, world.reader), settings)


def execute(world, settings=SETTINGS):
    for wave in plan(world, settings).waves:
        for action in wave:
            world.execute(action)


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
    for path, receipt in world.reader.receipts(NIGHT, Place.HERE).items():
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


AUTOMATIC = make_settings(mail=make_mail(automatic=True).model_dump())


def files(world):
    return tuple(
        ManifestFile(NIGHT, path, text_digest(world.reader.text(NIGHT, path)))
        for path in sorted(world.reader.tree)
        if path.startswith("manifest") and path.endswith(".csv")
    )


def know_mail(world, correspondence: Correspondence) -> None:
    """What was mailed, on record and noted in the folder."""
    world.reader.known_mail = correspondence
    note = complete_note(None, correspondence.mailings, NIGHT)
    if note is not None:
        world.reader.write(note_name(NIGHT.date), note)


def told(world, outcome, *manifests):
    mailing = Mailing("<1@x>", manifests or files(world), ("a@b",), Way.SMTP, "x", 1.0, outcome)
    return Correspondence((mailing,))


def test_nothing_is_mailed_unless_it_is_configured(world):
    execute(world)
    assert plan(world) == Plan()


def test_a_manifest_is_mailed_when_it_is_written_and_only_once(world):
    _, (write,) = plan(world, AUTOMATIC).waves
    assert isinstance(write, WriteText)
    execute(world)
    assert plan(world, AUTOMATIC) == Plan.of([SendMail(files(world))])
    know_mail(world, told(world, MailOutcome.SENT))
    assert plan(world, AUTOMATIC) == Plan()


def test_a_mail_that_certainly_failed_is_tried_again(world):
    execute(world)
    know_mail(world, told(world, MailOutcome.FAILED))
    assert plan(world, AUTOMATIC) == Plan.of([SendMail(files(world))])


@pytest.mark.parametrize("outcome", [MailOutcome.PENDING, MailOutcome.UNCERTAIN])
def test_a_mail_that_may_have_been_sent_is_never_repeated_in_silence(world, outcome):
    execute(world)
    know_mail(world, told(world, outcome))
    with pytest.raises(DataError) as caught:
        plan(world, AUTOMATIC)
    assert caught.value.code == "mail_uncertain"
    for way_out in ("--mark-sent", "--send --yes", "vampctl retry 20251106"):
        assert way_out in caught.value.message
    assert plan(world) == Plan()


def test_a_lost_database_never_leads_to_a_second_mail(world):
    execute(world)
    sent = told(world, MailOutcome.SENT).mailings[0]
    world.reader.write(note_name(NIGHT.date), append_note(None, sent, NIGHT))
    with pytest.raises(DataError, match="may have been mailed"):
        plan(world, AUTOMATIC)


def test_what_the_note_lacks_of_the_record_is_written_again(world):
    execute(world)
    know_mail(world, told(world, MailOutcome.SENT))
    name = note_name(NIGHT.date)
    good = world.reader.text(NIGHT, name)
    for damaged in (None, good.splitlines()[0] + "\n", f"{good}\n".replace("manifest", "Manifest")):
        if damaged is None:
            world.reader.retire(name)
        else:
            world.reader.write(name, damaged)
        (note,) = [fault for fault in describe_text_faults(NIGHT, world.reader) if name in fault]
        assert f"`vampctl retry {NIGHT.date} --from manifest`" in note
        ((write,),) = plan(world).waves
        assert write.text.endswith(good.splitlines(keepends=True)[-1])
        world.reader.write(name, write.text)
        assert plan(world) == Plan()


def test_what_stars_has_taken_in_is_not_mailed(world):
    execute(world)
    (first,) = files(world)
    know_mail(world, Correspondence((), (Acknowledgement(first, "x", 1.0),)))
    assert plan(world, AUTOMATIC) == Plan()


def test_only_the_supplement_of_late_data_is_mailed(world):
    execute(world)
    know_mail(world, told(world, MailOutcome.SENT))
    world.add_product("VMPA00000003")
    world.run()
    execute(world, AUTOMATIC)
    ((send,),) = plan(world, AUTOMATIC).waves
    assert [manifest.name for manifest in send.manifests] == ["manifest_VMP_20251106_s1.csv"]


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
