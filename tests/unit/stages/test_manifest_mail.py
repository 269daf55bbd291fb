"""The mail of manifests: once, unless a person says so."""

from dataclasses import replace

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.mail_server import make_mail
from tests.support.worlds.archive.manifest_world import execute, plan, safe_world
from tests.support.worlds.archive.transfer_world import NIGHT
from vampd.errors import DataError
from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    MailState,
    ManifestFile,
    Way,
    append_note,
    complete_note,
    digests_name,
    note_name,
)
from vampd.model.plan import Plan, SendMail, WriteText
from vampd.model.proofs import text_digest
from vampd.stages.own_faults import describe_text_faults


@pytest.fixture
def world():
    return safe_world()


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


def shown(world, outcome, *manifests):
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
    know_mail(world, shown(world, MailOutcome.SENT))
    assert plan(world, AUTOMATIC) == Plan()


def test_a_mail_that_certainly_failed_is_tried_again(world):
    execute(world)
    know_mail(world, shown(world, MailOutcome.FAILED))
    assert plan(world, AUTOMATIC) == Plan.of([SendMail(files(world))])


@pytest.mark.parametrize("outcome", [MailOutcome.PENDING, MailOutcome.UNCERTAIN])
def test_a_mail_that_may_have_been_sent_is_never_repeated_in_silence(world, outcome):
    execute(world)
    know_mail(world, shown(world, outcome))
    with pytest.raises(DataError) as caught:
        plan(world, AUTOMATIC)
    assert caught.value.code == "mail_uncertain"
    for way_out in ("--mark-sent", "--send --yes", "vampctl retry 20251106"):
        assert way_out in caught.value.message
    assert plan(world) == Plan()


def test_a_lost_database_never_leads_to_a_second_mail(world):
    execute(world)
    sent = shown(world, MailOutcome.SENT).mailings[0]
    world.reader.write(note_name(NIGHT.date), append_note(None, sent, NIGHT))
    with pytest.raises(DataError, match="may have been mailed"):
        plan(world, AUTOMATIC)


def test_what_the_note_lacks_of_the_record_is_written_again(world):
    execute(world)
    know_mail(world, shown(world, MailOutcome.SENT))
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


def test_an_announced_manifest_that_is_gone_is_noticed_and_written_again_word_for_word(world):
    execute(world)
    (first,) = files(world)
    text = world.reader.text(NIGHT, first.name)
    know_mail(world, Correspondence((), (Acknowledgement(first, "x", 1.0),)))
    world.add_product("VMPA00000003")
    world.run()
    execute(world)
    assert not [fault for fault in describe_text_faults(NIGHT, world.reader) if "manifest" in fault]
    for name in (first.name, digests_name(first.name)):
        world.reader.retire(name)
    (fault,) = [one for one in describe_text_faults(NIGHT, world.reader) if "manifest" in one]
    assert "no manifest lists VMPA00000001" in fault
    assert f"vampctl retry {NIGHT.date} --from manifest" in fault
    execute(world)
    assert world.reader.text(NIGHT, first.name) == text
    assert plan(world) == Plan()
    # Other bytes than were announced never take that name from it.
    world.reader.retire(first.name)
    execute(world, make_settings(manifest={"prefix": "/elsewhere"}))
    assert [one.name[-6:] for one in files(world)] == ["s1.csv", "s2.csv"]


def test_a_text_that_was_announced_of_other_bytes_gets_a_name_that_is_not_on_record(world):
    execute(world)
    (first,) = files(world)
    text = world.reader.text(NIGHT, first.name)
    know_mail(world, shown(world, MailOutcome.SENT))
    recorded = world.reader.recorded
    ended = [replace(each, at=0.0, ended_at=2.0, ended_by="alice") for each in recorded]

    def write_again():
        for name in (first.name, digests_name(first.name)):
            world.reader.retire(name)
        execute(world)
        (written,) = files(world)
        assert world.reader.text(NIGHT, written.name) == text
        world.reader.retire(written.name)
        world.reader.write(first.name, text)
        return written

    world.reader.recorded = [*ended, *recorded]
    assert write_again() == first
    other = replace(ended[0], receipt=replace(ended[0].receipt, sha256="0" * 64))
    world.reader.recorded = [other, *ended[1:], *recorded]
    remade = write_again()
    assert remade.name == "manifest_VMP_20251106_s1.csv"
    assert world.reader.correspondence(NIGHT).state_of(remade) is MailState.UNMAILED


def test_what_stars_has_taken_in_is_not_mailed(world):
    execute(world)
    (first,) = files(world)
    know_mail(world, Correspondence((), (Acknowledgement(first, "x", 1.0),)))
    assert plan(world, AUTOMATIC) == Plan()


def test_only_the_supplement_of_late_data_is_mailed(world):
    execute(world)
    know_mail(world, shown(world, MailOutcome.SENT))
    world.add_product("VMPA00000003")
    world.run()
    execute(world, AUTOMATIC)
    ((send,),) = plan(world, AUTOMATIC).waves
    assert [manifest.name for manifest in send.manifests] == ["manifest_VMP_20251106_s1.csv"]
