"""`vampctl alarm` says whom vampd tells, what it has told, and whether a way works."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.config import Heartbeat, Notify
from vampd.errors import UsageError
from vampd.model.alarm import Told
from vampd.model.nights import Event, EventName, Kind, NightId

NIGHT = NightId("20251106", Kind.ARCHIVE)
TOLD = Told("tell", "held", "20251106-archive", "card_missing", 1_762_560_000.0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeWorld:
    """A world that tells by a program, a heartbeat and a morning."""
    made = fake_world(monkeypatch)
    use(made, tmp_path, "true")
    return made


def use(world: FakeWorld, folder: Path, command: str) -> None:
    mail = {
        "sender": "v@example.org",
        "morning_recipients": ("team@example.org",),
        "morning_zone": "Pacific/Honolulu",
        "sendmail": folder / "no-sendmail",
    }
    changed: dict[str, Any] = {
        "notify": (Notify(name="tell", command=(command,)),),
        "heartbeat": Heartbeat(command=("true",)),
        "mail": world.settings.mail.model_copy(update=mail),
    }
    world.settings = world.settings.model_copy(update=changed)


def test_it_lists_who_is_told_what(world: FakeWorld) -> None:
    shown = world.run("alarm").output
    assert "tell       held unsafe disk_low problem recovered: by true" in shown
    assert "heartbeat  start success fail every 300 s, by true" in shown
    assert "morning    team@example.org at 08:00 Pacific/Honolulu" in shown
    assert "told, and not over" not in shown


def test_it_lists_what_was_told_and_is_not_over(world: FakeWorld) -> None:
    over = Told("tell", "held", "20251105-archive", "bug", TOLD.at - 9.0, over_at=TOLD.at - 3.0)
    world.alarms.record([over, TOLD])
    shown = world.run("alarm").output
    assert "2025-11-08 00:00 20251106-archive held" in shown
    assert "card_missing" in shown
    assert "20251105" not in shown
    told = json.loads(world.run("alarm", "--json").output)["told"]
    assert [(one["about"], one["over_at"]) for one in told] == [
        ("20251105-archive", "2025-11-07T23:59:57Z"),
        ("20251106-archive", None),
    ]


def test_a_test_says_what_came_of_each_and_fails_if_one_did(
    world: FakeWorld, tmp_path: Path
) -> None:
    result = world.run("alarm", "--test")
    assert result.exit_code == 1
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert "sent" in lines["tell"]
    assert "success: vampd runs; this is a test" in lines["heartbeat"]
    assert "FAILED" in lines["morning"]
    assert "no-sendmail is not installed" in result.output.replace("\n", " ")
    use(world, tmp_path, "false")
    lines = {line.split()[0]: line for line in world.run("alarm", "--test").output.splitlines()}
    assert "FAILED" in lines["tell"]
    assert "it ended with 1" in lines["tell"]


def test_the_mail_of_a_morning_can_be_looked_at(world: FakeWorld) -> None:
    assert world.run("alarm", "--morning").output.startswith("no mail: there was no night")
    world.store.discover(NIGHT, 1.0)
    world.store.apply(NIGHT, Event(EventName.HELD), at=2.0, actor="vampd", code="bug")
    shown = world.run("alarm", "--morning").output
    assert shown.startswith("Subject: vampd: no night; 1 needs a person\n\nNight:   none since")
    assert world.alarms.told() == ()


def test_without_any_way_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world(monkeypatch)
    for words in (["alarm"], ["alarm", "--test"]):
        result = world.run(*words)
        assert (result.exit_code, "nobody is told" in result.output) == (0, True)


def test_one_question_at_a_time(world: FakeWorld) -> None:
    assert isinstance(world.fail("alarm", "--test", "--morning"), UsageError)
