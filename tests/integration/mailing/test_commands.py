"""A mail is drafted, sent and recorded at a person's word, and never twice without another."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.state import connected
from tests.support.examples import others_in_soak
from tests.support.fakes.memory_mail import MemoryMailLog
from tests.support.tools.mail_server import (
    SENDER,
    STARS,
    make_mail,
    make_sendmail,
)
from tests.support.worlds.archive.post import Post
from vampd.disk.lock import Lock
from vampd.engine.mailing.manifests import MailContext, record_manual_mailing, send_manifest_mail
from vampd.errors import TransientError
from vampd.model.delivery import (
    DEFAULT_TEMPLATE,
    Correspondence,
    MailOutcome,
    MailState,
    write_mail_text,
)
from vampd.stages.records.manifest_files import read_manifests


def test_a_draft_is_shown_and_written_and_nothing_else(post: Post, tmp_path: Path) -> None:
    draft = tmp_path / "stars.eml"
    done = vampctl(post.site, "mail", post.night.date, "-o", str(draft))
    assert done.returncode == 0, done.stderr
    for shown in (SENDER, *STARS, "192.0.2.6", f"manifest_VMP_{post.night.date}.csv"):
        assert shown in done.stdout
    read = message_from_bytes(draft.read_bytes(), policy=policy.default)
    assert read["X-Unsent"] == "1"
    assert isinstance(read, EmailMessage)
    (part,) = read.iter_attachments()
    manifest = post.folder / f"manifest_VMP_{post.night.date}.csv"
    assert part.get_payload(decode=True) == manifest.read_bytes()
    assert (post.calls, post.correspondence()) == (0, Correspondence())
    assert post.status()["mail"] == "not mailed"


def test_sending_is_on_record_and_a_second_time_needs_a_word(post: Post) -> None:
    done = vampctl(post.site, "mail", post.night.date, "--send")
    assert done.returncode == 0, done.stderr
    assert post.calls == 1
    mailing = post.only_mailing()
    assert mailing.outcome is MailOutcome.SENT
    assert mailing.recipients == STARS
    assert post.mail["Message-ID"] == mailing.message_id
    assert post.mail["Message-ID"].endswith("@example.org>")
    assert post.mail["X-Unsent"] is None
    assert (post.folder / f"mailed_VMP_{post.night.date}.tsv").read_text().count("\n") == 2
    shown = post.status()
    assert (shown["mail"], shown["note"]) == ("mailed", "safe, mailed")
    assert shown["mailed_at"]

    again = vampctl(post.site, "mail", post.night.date, "--send")
    assert again.returncode == 2
    assert "mailed before" in again.stderr
    assert "--yes" in again.stderr
    assert post.calls == 1

    assert vampctl(post.site, "mail", post.night.date, "--send", "--yes").returncode == 0
    assert post.calls == 2
    assert len(post.correspondence().mailings) == 2


def test_an_acknowledgement_settles_it(post: Post) -> None:
    refused = vampctl(post.site, "acknowledge", post.night.date)
    assert (refused.returncode, "not mailed" in refused.stderr) == (2, True)
    assert post.states() == [MailState.UNMAILED]
    vampctl(post.site, "mail", post.night.date, "--send")
    done = vampctl(post.site, "acknowledge", post.night.date)
    assert done.returncode == 0, done.stderr
    assert post.status()["note"] == "safe, acknowledged"
    assert post.status()["acknowledged_at"]
    assert "safe, acknowledged" in vampctl(post.site, "why", post.night.date).stdout
    add_late_cubes(post.site.root)
    settle_here(post.site)
    late = post.folder / f"manifest_VMP_{post.night.date}_s1.csv"
    assert post.states() == [MailState.ACKNOWLEDGED, MailState.UNMAILED]
    assert vampctl(post.site, "mail", post.night.date, "--send").returncode == 0
    (part,) = post.mail.iter_attachments()
    assert part.get_payload(decode=True) == late.read_bytes()


def test_without_an_address_of_the_data_host_nothing_is_sent(post: Post) -> None:
    post.use(data_host_ip="192.0.2.6", sender=SENDER)
    text = post.site.config.read_text().replace('data_host_ip = "192.0.2.6"\n', "")
    post.site.config.write_text(text)
    done = vampctl(post.site, "mail", post.night.date, "--send")
    assert (done.returncode, "mail.data_host_ip" in done.stderr) == (78, True)
    assert (post.calls, post.correspondence()) == (0, Correspondence())


def test_a_refusal_is_on_record_and_may_be_tried_again(post: Post) -> None:
    make_sendmail(post.site.base, status=67)
    done = vampctl(post.site, "mail", post.night.date, "--send")
    assert (done.returncode, "queue is full" in done.stderr) == (1, True)
    assert post.only_mailing().outcome is MailOutcome.FAILED
    assert "queue is full" in (post.only_mailing().detail or "")
    make_sendmail(post.site.base)
    assert vampctl(post.site, "mail", post.night.date, "--send").returncode == 0
    assert post.states() == [MailState.MAILED]


def test_a_doubt_is_settled_by_a_persons_word(post: Post) -> None:
    make_sendmail(post.site.base, status=75)
    done = vampctl(post.site, "mail", post.night.date, "--send")
    assert (done.returncode, "may have been sent" in done.stderr) == (1, True)
    assert post.status()["note"] == "safe, may have been mailed"
    make_sendmail(post.site.base)
    refused = vampctl(post.site, "mail", post.night.date, "--send")
    assert (refused.returncode, post.calls) == (2, 1)
    done = vampctl(post.site, "mail", post.night.date, "--mark-sent")
    assert done.returncode == 0, done.stderr
    assert (post.states(), post.calls) == ([MailState.MAILED], 1)
    again = vampctl(post.site, "mail", post.night.date, "--mark-sent")
    assert (again.returncode, len(post.correspondence().mailings)) == (2, 2)


def test_nobody_mails_while_somebody_else_works_on_the_night(post: Post) -> None:
    locks = post.site.database.parent / "locks"
    with Lock(locks / f"{post.night.date}-{post.night.kind}.lock"):
        done = vampctl(post.site, "mail", post.night.date, "--send")
        assert (done.returncode, "is held by" in done.stderr) == (1, True)
        assert vampctl(post.site, "mail", post.night.date, "-o", "/dev/null").returncode == 2
    assert (post.calls, post.correspondence()) == (0, Correspondence())


def test_a_mail_that_cannot_be_noted_in_the_nights_folder_is_not_sent(
    post: Post, tmp_path: Path
) -> None:
    sent: list[bytes] = []

    class Recorder:
        def send(self, sender: str, recipients: Sequence[str], mail: bytes) -> None:
            sent.append(mail)

    with connected(post.site) as connections:
        texts = read_manifests(post.night, connections.reader)
    log, manifests = MemoryMailLog(), [text.file for text in texts]
    mail_context = MailContext(make_mail(), tmp_path / "gone", log, lambda _: Recorder())
    mail_text = write_mail_text(DEFAULT_TEMPLATE, texts, "192.0.2.6")
    with pytest.raises(TransientError) as caught:
        send_manifest_mail(mail_context, mail_text, manifests, despite=frozenset(), actor="me")
    assert caught.value.code == "mail_not_noted"
    assert sent == []
    (mailing,) = log.correspondence().mailings
    assert mailing.outcome is MailOutcome.FAILED
    send_manifest_mail(
        replace(mail_context, root=post.site.root),
        mail_text,
        manifests,
        despite=frozenset(),
        actor="",
    )
    assert len(sent) == 1


@pytest.mark.parametrize(("answer", "calls"), others_in_soak([("n", 1), ("y", 2)]))
def test_a_person_at_a_terminal_is_asked_before_a_second_time(
    post: Post, answer: str, calls: int
) -> None:
    words = ("mail", post.night.date, "--send")
    assert vampctl(post.site, *words).returncode == 0
    outer, inner = pty.openpty()
    os.write(outer, f"{answer}\n".encode())
    program = str(Path(sys.executable).parent / "vampctl")
    command = [program, "--config", str(post.site.config), *words]
    done = subprocess.run(
        command, stdin=inner, capture_output=True, text=True, timeout=60, check=False
    )
    os.close(outer)
    os.close(inner)
    assert "Send it again?" in done.stdout
    assert (done.returncode == 0, post.calls) == (answer == "y", calls)


def test_a_mail_by_hand_that_cannot_be_noted_in_the_folder_is_not_recorded(
    post: Post, tmp_path: Path
) -> None:
    with connected(post.site) as connections:
        files = [text.file for text in read_manifests(post.night, connections.reader)]
        mail_context = replace(connections.mail_context, root=tmp_path / "gone")
        with pytest.raises(TransientError, match="nothing was mailed or recorded"):
            record_manual_mailing(mail_context, files, despite=frozenset(), actor="a person")
        assert post.states() == [MailState.UNMAILED]
        record_manual_mailing(
            connections.mail_context, files, despite=frozenset(), actor="a person"
        )
    assert post.states() == [MailState.MAILED]
