"""A person is called by mail, once and in words that fit: the night is still tried."""

from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

from vampd.config import Mail
from vampd.engine.mailing.call_person import call_person
from vampd.engine.mailing.manifests import MailContext
from vampd.errors import TransientError
from vampd.model.nights import Kind, NightId, NightRecord, StageName, State, Status

RECORD = NightRecord(
    NightId("20251106", Kind.ARCHIVE),
    State(StageName.SYNC, Status.WAITING, attempts=12, not_before=1.0),
    code="not_readable",
    error="scexao may not read vcam2/a.fits (mode 600, owner root, group root)",
    refused=("vcam2/a.fits",),
    needs_person=True,
)


class Post:
    """A mailer that keeps what it is given, or refuses it."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.sent: list[tuple[tuple[str, ...], str, str]] = []

    def send(self, sender: str, recipients: Sequence[str], content: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        mail = message_from_bytes(content)
        self.sent.append((tuple(recipients), mail["Subject"], str(mail.get_payload())))


def call(post: Post, record: NightRecord = RECORD, **keys: Any) -> None:
    settings = Mail(**{"sender": "vampd@example.org", **keys})
    nothing: Any = None
    call_person(MailContext(settings, Path("/"), nothing, lambda _: post), record)


def test_the_mail_says_what_failed_that_it_is_still_tried_and_what_a_person_can_do() -> None:
    post = Post()
    call(post, warn_recipients=("it@example.org",))
    ((recipients, subject, body),) = post.sent
    assert recipients == ("it@example.org",)
    assert subject == "vampd: 20251106 needs a person (not_readable)"
    for part in ("failed 12 times at sync", "mode 600", "still tried", "vampctl release 20251106"):
        assert part in body.replace("\n", " "), body


def test_a_release_is_offered_only_where_files_could_not_be_read() -> None:
    post = Post()
    call(post, replace(RECORD, code="disk_full", refused=()), warn_recipients=("it@example.org",))
    ((_, _, body),) = post.sent
    assert "release" not in body


def test_without_recipients_nothing_is_sent_and_a_failing_mail_costs_nothing() -> None:
    post = Post()
    call(post)
    assert post.sent == []
    call(Post(TransientError("mail_unavailable", "no server")), warn_recipients=("it@example.org",))
