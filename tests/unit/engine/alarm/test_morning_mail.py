"""The mail of a morning leaves once, whatever restarts or fails."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes.memory_mail import MemoryMailLog
from tests.unit.engine.alarm.world import World
from vampd.config import Mail
from vampd.engine.alarm.morning import MorningMail
from vampd.errors import DataError, TransientError

RECIPIENTS = ("team@example.org",)
HAWAII = {"morning_zone": "Pacific/Honolulu", "morning_at": "08:00"}
SENDER = "vampd@example.org"


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


class Post:
    """A mail server that keeps what it is given, or refuses it."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.refusal: Exception | None = None
        self.sent: list[str] = []
        self.settings = Mail.model_validate(
            {"sender": SENDER, "morning_recipients": RECIPIENTS, **HAWAII}
        )
        self.restart()

    def restart(self) -> None:
        """Another process, with the same record."""
        world = self.world
        self.morning = MorningMail(
            world.nights,
            MemoryMailLog(),
            world.alarms,
            lambda _: self,
            "scexao5",
            lambda: world.now,
            lambda: world.monotonic,
        )

    def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        assert (sender, tuple(recipients)) == (SENDER, RECIPIENTS)
        self.sent.append(message_from_bytes(mail)["Subject"])

    def look(self, when: str) -> int:
        """How many mails leave at a time in UT; ten minutes have gone on the other clock."""
        self.world.now = at(when)
        self.world.monotonic += 600
        before = len(self.sent)
        self.morning.look(self.settings, self.world.teller.troubles)
        return len(self.sent) - before


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


def test_it_leaves_at_its_local_hour_once_a_day(post: Post) -> None:
    seen = [post.look(f"2025-11-08 {hour:02}:30") for hour in range(11, 24)]
    assert seen == [0] * 7 + [1] + [0] * 5
    post.restart()
    assert post.look("2025-11-09 09:00") == 0
    assert post.look("2025-11-09 18:00") == 0  # no night since
    post.world.now = at("2025-11-09 19:00")
    post.world.hold()
    assert post.look("2025-11-10 18:00") == 1


def test_a_restart_or_a_clock_that_is_set_back_sends_it_once(post: Post) -> None:
    assert post.look("2025-11-08 18:00") == 1
    for when in ("2025-11-08 18:01", "2025-11-08 17:10", "2025-11-08 18:00", "2025-11-09 05:00"):
        post.restart()
        assert post.look(when) == 0


def test_a_mail_that_was_certainly_not_sent_is_tried_again_until_the_day_ends(post: Post) -> None:
    post.refusal = TransientError("mail_failed", "busy")
    assert post.look("2025-11-08 18:00") == 0
    post.refusal = None
    post.world.monotonic -= 300
    assert post.look("2025-11-08 18:05") == 0  # not at once
    assert post.look("2025-11-08 18:20") == 1


def test_a_mail_that_may_have_been_sent_is_not_sent_again(post: Post) -> None:
    post.refusal = DataError("mail_uncertain", "no answer")
    assert post.look("2025-11-08 18:00") == 0
    post.refusal = None
    assert post.look("2025-11-08 19:00") == 0


def test_a_record_that_cannot_be_written_sends_nothing_twice(post: Post) -> None:
    post.world.alarms.refusal = TransientError("disk_full", "no space left")
    assert post.look("2025-11-08 18:00") == 1
    assert post.look("2025-11-08 18:10") == 0
    post.world.alarms.refusal = None
    assert post.look("2025-11-08 18:20") == 0
    post.restart()
    assert post.look("2025-11-08 18:30") == 0


def test_nobody_is_mailed_whom_the_settings_do_not_name(post: Post) -> None:
    post.settings = Mail.model_validate({"sender": SENDER, **HAWAII})
    assert post.look("2025-11-08 18:00") == 0
    assert post.world.alarms.told() == ()


def test_the_record_says_whether_there_was_a_mail(post: Post) -> None:
    post.look("2025-11-08 18:00")
    post.look("2025-11-20 18:00")
    told: Any = [(one.way, one.state, one.subject) for one in post.world.alarms.told()]
    assert told == [("morning", "sent", "2025-11-08"), ("morning", "none", "2025-11-20")]
