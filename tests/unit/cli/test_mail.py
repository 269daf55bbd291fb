"""vampctl manifest, mail, acknowledge: which manifests are meant, and who is asked."""

import json
from pathlib import Path
from typing import cast

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.mail_server import make_mail
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.mail.mail import Choice, choose_manifests
from vampd.cli.mail.manifest import find_manifests
from vampd.errors import DataError, UsageError
from vampd.model.delivery import Mailing, MailOutcome, MailState, ManifestFile, Way, parse_manifest
from vampd.model.nights import Discovery, Kind, NightId
from vampd.wiring.connections import Connections

FIRST, SECOND = (NightId(date, Kind.ARCHIVE) for date in ("20251106", "20251107"))
NAMES = ("manifest_VMP_20251106.csv", "manifest_VMP_20251106_s1.csv", "manifest_VMP_20251107.csv")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    """Two archive nights; the first has a supplement. And a night that is none of them."""
    made = fake_world(monkeypatch)
    made.settings = make_settings(mail=make_mail().model_dump())
    for night in (FIRST, SECOND, NightId("20251108", Kind.ENGINEERING)):
        made.store.discover(night, 1.0)
    for number, name in enumerate(NAMES, start=1):
        frame_id, date = f"VMPA0000000{number}", name[13:21]
        path = f"/archive/{date}/vgen2/{frame_id}.fits.fz"
        made.reader.write(name, f"{frame_id}|{path}|{number}000\r\n")
    monkeypatch.chdir(tmp_path)
    return made


def files(world: FakeWorld, *nights: str) -> list[ManifestFile]:
    return [text.file for text in choice(world, *nights).texts]


def choice(world: FakeWorld, *nights: str) -> Choice:
    # It has all of them that is asked for.
    return choose_manifests(find_manifests(cast("Connections", world), nights))


def mail(world: FakeWorld, number: int, outcome: MailOutcome, *manifests: ManifestFile) -> None:
    mailing = Mailing(f"<{number}@x>", manifests, ("a@x",), Way.SMTP, "me", 1.0)
    world.mail_log.intend(mailing, frozenset(f"<{n}@x>" for n in range(number)))
    world.mail_log.conclude(mailing.message_id, outcome, at=2.0)


def test_totals_are_those_of_all_manifests_and_nothing_is_written(
    world: FakeWorld, tmp_path: Path
) -> None:
    result = world.run("manifest", "20251107", "2025-11-06")
    assert result.exit_code == 0
    assert "total: 3 files, 6.00 kB (6,000 bytes) in 3 manifests of 2 nights" in result.output
    assert [line.split()[-1] for line in result.output.splitlines()[1:4]] == list(NAMES)
    shown = json.loads(world.run("manifest", "20251106", "20251107", "--json").output)
    assert (shown["files"], shown["bytes"], shown["written"]) == (3, 6000, None)
    assert {one["mail"] for one in shown["manifests"]} == {"not mailed"}
    assert list(tmp_path.iterdir()) == []


def test_combined_they_are_one_file_that_never_takes_the_place_of_another(
    world: FakeWorld, tmp_path: Path
) -> None:
    combined = tmp_path / "combined.csv"
    words = ("manifest", "20251107", "20251106", "--combine", str(combined))
    assert world.run(*words).exit_code == 0
    content = combined.read_bytes()
    assert [x.frame_id.number for x in parse_manifest(content.decode()).lines] == [1, 2, 3]
    assert world.fail(*words).code == "file_exists"
    assert combined.read_bytes() == content
    assert world.fail(*words[:-1], str(tmp_path / "no" / "where.csv")).code == "cannot_write"
    assert list(tmp_path.iterdir()) == [combined]


def test_a_frame_in_two_manifests_is_refused_by_everybody(world: FakeWorld) -> None:
    path = "/archive/20251107/vgen2/VMPA00000001.fits.fz"
    world.reader.write(NAMES[2], f"VMPA00000001|{path}|5\r\n")
    for command in ("manifest", "mail"):
        error = world.fail(command, "20251106", "20251107")
        assert (type(error), error.code) == (DataError, "manifest_duplicate")
        assert "VMPA00000001" in error.message


@pytest.mark.parametrize("command", ["manifest", "mail", "acknowledge"])
@pytest.mark.parametrize(
    ("night", "kind", "shown"),
    [
        ("20251108", UsageError, "engineering night only"),
        ("20251109", UsageError, "no night 20251109"),
        ("20251110", DataError, "it is filling at sync; `vampctl run 20251110` makes it"),
    ],
)
def test_a_night_without_a_manifest_is_told_why(
    world: FakeWorld, command: str, night: str, kind: type, shown: str
) -> None:
    world.store.discover(NightId("20251110", Kind.ARCHIVE), 1.0)
    error = world.fail(command, night)
    assert isinstance(error, kind)
    assert shown in error.message


def test_a_damaged_manifest_is_named(world: FakeWorld) -> None:
    world.reader.write(NAMES[1], "VMPA00000002\r\n")
    assert NAMES[1] in world.fail("manifest", "20251106").message


def test_a_night_that_is_not_done_may_have_a_supplement_to_come(world: FakeWorld) -> None:
    assert "a supplement may follow" in world.run("manifest", "20251106").output


def test_to_what_the_old_tools_announced_no_supplement_is_to_come(world: FakeWorld) -> None:
    old = NightId("20240101", Kind.ARCHIVE)
    world.store.discover_all([Discovery(old, "vsync", "legacy", "of the old tools")], 1.0, "vampd")
    world.reader.write(
        "manifest_VMP_20240101.csv",
        "VMPA00000009|/archive/20240101/vgen2/VMPA00000009.fits.fz|9000\r\n",
    )
    assert "supplement" not in world.run("manifest", "20240101").output


def test_what_was_mailed_already_is_left_out_where_there_is_news(world: FakeWorld) -> None:
    first, late, other = files(world, "20251106", "20251107")
    mail(world, 1, MailOutcome.SENT, first)
    assert files(world, "20251106", "20251107") == [late, other]
    assert choice(world, "20251106").again == ()


@pytest.mark.parametrize("outcome", [MailOutcome.SENT, MailOutcome.UNCERTAIN])
def test_where_there_is_no_news_all_of_it_is_meant_again(
    world: FakeWorld, outcome: MailOutcome
) -> None:
    first, late, other = files(world, "20251106", "20251107")
    mail(world, 1, outcome, first, late)
    again = choice(world, "20251106", "20251107")
    assert [text.file for text in again.texts] == [first, late, other]
    state = MailState.MAILED if outcome is MailOutcome.SENT else MailState.UNCERTAIN
    assert [(t.file, s) for t, s in again.again] == [(first, state), (late, state)]
    assert again.known_mailings == {"<1@x>"}


def test_a_mail_that_failed_is_no_news_to_be_asked_about(world: FakeWorld) -> None:
    first, late = files(world, "20251106")
    mail(world, 1, MailOutcome.FAILED, first, late)
    assert choice(world, "20251106").again == ()


def test_a_draft_lies_in_the_current_folder_under_its_dates(
    world: FakeWorld, tmp_path: Path
) -> None:
    result = world.run("mail", "20251106", "20251107")
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["mail_VMP_20251106_20251107.eml"]
    assert f"draft: {tmp_path}/mail_VMP_20251106_20251107.eml\n" in result.output
    assert "Subject: VMP manifest 2025-11-06, 2025-11-07" in result.output
    assert world.run("mail", "20251106", "20251107").exit_code == 0, "a draft may be made again"
    assert world.mail_log.correspondence().mailings == ()


def test_a_draft_shows_what_is_still_unknown_and_guesses_nothing(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.settings = make_settings()
    output = world.run("mail", "20251106").output
    assert "(unknown: set mail.data_host_ip)" in output
    assert "still to fill in or configure: mail.sender, mail.recipients" in output
    assert (tmp_path / "mail_VMP_20251106.eml").exists()


@pytest.mark.parametrize(
    "words",
    [("--send", "--mark-sent"), ("-o", "x.csv"), ("-o", "x.eml", "--send"), ("-o", "no/x.eml")],
)
def test_what_makes_no_sense_writes_nothing(
    world: FakeWorld, tmp_path: Path, words: tuple[str, ...]
) -> None:
    error = world.fail("mail", "20251106", *words)
    assert isinstance(error, UsageError)
    assert list(tmp_path.iterdir()) == []
    assert world.mail_log.correspondence().mailings == ()


def test_an_acknowledgement_of_what_was_mailed_needs_no_question(world: FakeWorld) -> None:
    first, late = files(world, "20251106")
    assert "not mailed" in world.fail("acknowledge", "20251106").message
    mail(world, 1, MailOutcome.SENT, first)
    assert NAMES[1] in world.fail("acknowledge", "20251106").message
    assert world.mail_log.correspondence().acknowledged == ()
    mail(world, 2, MailOutcome.SENT, late)
    assert world.run("acknowledge", "20251106").exit_code == 0
    shown = world.mail_log.correspondence().acknowledged
    assert [one.manifest for one in shown] == [first, late]
    assert world.run("acknowledge", "20251107", "--yes").exit_code == 0
