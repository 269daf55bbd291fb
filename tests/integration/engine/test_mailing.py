"""A mail is sent, on record and never twice, whatever dies; the nights go on by themselves."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.fakes.memory_mail import MemoryMailLog
from tests.support.worlds.daemon import (
    Site,
    configure,
    connected,
    make_site,
    record_of,
    run_until_idle,
    settle,
    vampctl,
)
from tests.support.worlds.mail_server import (
    HOST,
    SENDER,
    STARS,
    make_mail,
    make_sendmail,
    running_mail_server,
    write_credentials,
)
from tests.support.worlds.scripts import run_script, was_killed
from vampd.disk.lock import Lock
from vampd.engine.mail import MailContext, record_manual_mailing, send_manifest_mail
from vampd.errors import TransientError
from vampd.model.delivery import (
    DEFAULT_TEMPLATE,
    Correspondence,
    Mailing,
    MailOutcome,
    MailState,
    write_mail_text,
)
from vampd.model.nights import Gate, NightId, Status
from vampd.stages.manifest import read_manifests
from vampd.store.engine import Access, open_store
from vampd.store.schema import REVISION

Tool = Callable[[str], str]
ADDRESSES = {"sender": SENDER, "recipients": list(STARS), "data_host_ip": "192.0.2.6"}


@dataclass(frozen=True)
class Post:
    """A site with one finished archive night and a sendmail that keeps what it gets."""

    site: Site
    night: NightId

    @property
    def calls(self) -> int:
        path = self.site.base / "sendmail.calls"
        return len(path.read_text().split()) if path.exists() else 0

    @property
    def mail(self) -> EmailMessage:
        content = (self.site.base / "sendmail.mail").read_bytes()
        read = message_from_bytes(content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        return read

    @property
    def folder(self) -> Path:
        return self.site.folder(self.night)

    def letters(self) -> Correspondence:
        with connected(self.site) as connections:
            return connections.mail_log.correspondence(self.night)

    def states(self) -> list[MailState]:
        with connected(self.site) as connections:
            letters = connections.mail_log.correspondence(self.night)
            texts = read_manifests(self.night, connections.reader)
        return [letters.state_of(text.file) for text in texts]

    def only_mailing(self) -> Mailing:
        (mailing,) = self.letters().mailings
        return mailing

    def use(self, **keys: object) -> None:
        program = self.site.base / "sendmail"
        table = {**ADDRESSES, "sendmail": str(program), "timeout_s": 3, **keys}
        configure(self.site, mail=table, watch={"stale_after_s": 0.3}, retry=QUICK)

    def status(self) -> dict[str, object]:
        done = vampctl(self.site, "status", self.night.date, "--json")
        (told,) = json.loads(done.stdout)
        assert isinstance(told, dict)
        return told


QUICK = {"first_delay_s": 0.2, "max_delay_s": 0.2, "attempts": 3}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VAMPD_CONFIG", raising=False)
        site = make_site(tmp_path_factory.mktemp("post"), watch={"stale_after_s": 0.3})
        night, _ = make_smallest(site.root)
        settle(site)
        yield Post(site, night)


@pytest.fixture
def post(finished: Post, tmp_path: Path) -> Post:
    """A copy of the finished night that a test may change."""
    site = Site(tmp_path / "own")
    shutil.copytree(finished.site.base, site.base, symlinks=True)
    own = Post(site, finished.night)
    make_sendmail(site.base)
    own.use()
    return own


def retry(post: Post) -> None:
    done = vampctl(post.site, "retry", post.night.date, "--from", "manifest")
    assert done.returncode == 0, done.stderr


def test_a_draft_is_shown_and_written_and_nothing_else(post: Post, tmp_path: Path) -> None:
    draft = tmp_path / "stars.eml"
    done = vampctl(post.site, "mail", post.night.date, "-o", str(draft))
    assert done.returncode == 0, done.stderr
    for told in (SENDER, *STARS, "192.0.2.6", f"manifest_VMP_{post.night.date}.csv"):
        assert told in done.stdout
    read = message_from_bytes(draft.read_bytes(), policy=policy.default)
    assert read["X-Unsent"] == "1"
    assert isinstance(read, EmailMessage)
    (part,) = read.iter_attachments()
    manifest = post.folder / f"manifest_VMP_{post.night.date}.csv"
    assert part.get_payload(decode=True) == manifest.read_bytes()
    assert (post.calls, post.letters()) == (0, Correspondence())
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
    told = post.status()
    assert (told["mail"], told["note"]) == ("mailed", "safe, mailed")
    assert told["mailed_at"]

    again = vampctl(post.site, "mail", post.night.date, "--send")
    assert again.returncode == 2
    assert "mailed before" in again.stderr
    assert "--yes" in again.stderr
    assert post.calls == 1

    assert vampctl(post.site, "mail", post.night.date, "--send", "--yes").returncode == 0
    assert post.calls == 2
    assert len(post.letters().mailings) == 2


def test_an_acknowledgement_settles_it(post: Post) -> None:
    refused = vampctl(post.site, "acknowledge", post.night.date)
    assert (refused.returncode, "not mailed" in refused.stderr) == (2, True)
    assert post.states() == [MailState.UNMAILED]
    vampctl(post.site, "mail", post.night.date, "--send")
    done = vampctl(post.site, "acknowledge", post.night.date)
    assert done.returncode == 0, done.stderr
    assert post.status()["note"] == "safe, acknowledged"
    assert post.status()["acknowledged_at"]
    # Late data, as the manifest stage would list them.
    late = post.folder / f"manifest_VMP_{post.night.date}_s1.csv"
    late.write_bytes(b"VMPA90000777|/somewhere/else|5\r\n")
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
    assert (post.calls, post.letters()) == (0, Correspondence())


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
    assert (again.returncode, len(post.letters().mailings)) == (2, 2)


def test_nobody_mails_while_somebody_else_works_on_the_night(post: Post) -> None:
    locks = post.site.database.parent / "locks"
    with Lock(locks / f"{post.night.date}-{post.night.kind}.lock"):
        done = vampctl(post.site, "mail", post.night.date, "--send")
        assert (done.returncode, "is held by" in done.stderr) == (1, True)
        assert vampctl(post.site, "mail", post.night.date, "-o", "/dev/null").returncode == 2
    assert (post.calls, post.letters()) == (0, Correspondence())


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


@pytest.mark.parametrize(("answer", "calls"), [("n", 1), ("y", 2)])
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


# Where the process dies, what has then left the house, and whether a person must decide.
DEATHS = [
    ("store.mailings.inserted", 0, MailState.UNMAILED),
    ("mailing.intent.committed", 0, MailState.UNCERTAIN),
    ("mailing.intent.noted", 0, MailState.UNCERTAIN),
    ("mailing.mail.sent", 1, MailState.UNCERTAIN),
    ("mailing.outcome.committed", 1, MailState.MAILED),
]


@pytest.mark.parametrize(("deadly", "sent", "state"), DEATHS, ids=[d[0] for d in DEATHS])
def test_killed_anywhere_vampd_never_mails_twice_and_never_forgets(
    post: Post, deadly: str, sent: int, state: MailState
) -> None:
    post.use(automatic=True)
    retry(post)
    crashed = run_until_idle(post.site, VAMPD_FAILPOINT=deadly)
    assert crashed.status == -signal.SIGKILL, crashed.log
    assert (post.calls, post.states()) == (sent, [state])
    ended = run_until_idle(post.site)
    assert ended.status == 0, ended.log
    record = record_of(post.site, post.night)
    assert record.safe_at is not None
    if state is not MailState.UNCERTAIN:
        assert record.state.status is Status.DONE
        assert (post.calls, post.states()) == (1, [MailState.MAILED])
        return
    assert (record.state.status, record.code) == (Status.HELD, "mail_uncertain")
    assert (post.calls, post.states()) == (sent, [state])
    words = ("--mark-sent",) if sent else ("--send", "--yes")
    assert vampctl(post.site, "mail", post.night.date, *words).returncode == 0
    retry(post)
    settle(post.site)
    assert record_of(post.site, post.night).state.status is Status.DONE
    assert (post.calls, post.states()) == (1, [MailState.MAILED])


def test_a_command_that_is_killed_between_leaves_a_visible_doubt(post: Post) -> None:
    script = (
        "import sys\nfrom vampd.cli.main import main\n"
        "sys.argv = ['vampctl', '--config', sys.argv[1], 'mail', sys.argv[2], '--send']\nmain()\n"
    )
    killed = run_script(script, post.site.config, post.night.date, failpoint="mailing.mail.sent")
    assert was_killed(killed)
    assert post.calls == 1
    assert post.status()["mail"] == "may have been mailed"
    assert vampctl(post.site, "mail", post.night.date, "--send").returncode == 2
    assert post.calls == 1


def test_a_mail_server_that_is_away_costs_the_stage_and_never_what_is_safe(post: Post) -> None:
    post.use(automatic=True)
    make_sendmail(post.site.base, status=67)
    safe_at = record_of(post.site, post.night).safe_at
    retry(post)
    settle(post.site)
    record = record_of(post.site, post.night)
    assert (record.state.status, record.code) == (Status.HELD, "mail_failed")
    assert record.safe_at == safe_at is not None
    assert {m.outcome for m in post.letters().mailings} == {MailOutcome.FAILED}
    assert len(post.letters().mailings) == post.calls == QUICK["attempts"]
    make_sendmail(post.site.base)
    retry(post)
    settle(post.site)
    assert post.states() == [MailState.MAILED]
    assert record_of(post.site, post.night).state.status is Status.DONE


def test_a_database_that_has_lost_the_mailings_mails_nothing_again(post: Post) -> None:
    post.use(automatic=True)
    retry(post)
    settle(post.site)
    assert post.calls == 1
    with closing(sqlite3.connect(post.site.database)) as database, database:
        for table in ("mailed_manifests", "mailings"):
            database.execute(f"DROP TRIGGER {table}_are_not_deleted")
            database.execute(f"DELETE FROM {table}")
    assert post.letters() == Correspondence()
    retry(post)
    settle(post.site)
    assert post.calls == 1
    record = record_of(post.site, post.night)
    assert (record.state.status, record.code) == (Status.HELD, "mail_uncertain")
    assert record.safe_at is not None


def test_nothing_is_mailed_by_itself_unless_configured(finished: Post) -> None:
    assert finished.letters() == Correspondence()
    assert record_of(finished.site, finished.night).state.status is Status.DONE
    assert record_of(finished.site, finished.night).manifests == 1


def test_by_smtp_over_tls_with_a_login_it_arrives_at_stars(post: Post, tool: Tool) -> None:
    base = post.site.base
    with running_mail_server(base, tool, login=True) as server:
        credentials = write_credentials(base)
        post.use(
            automatic=True,
            way="smtp",
            host=HOST,
            port=server.port,
            ca_file=str(server.certificate),
            credentials=str(credentials),
        )
        retry(post)
        settle(post.site)
    (received,) = server.received
    assert (received.sender, received.recipients) == (SENDER, STARS)
    assert received.over_tls
    (part,) = received.mail.iter_attachments()
    manifest = post.folder / f"manifest_VMP_{post.night.date}.csv"
    assert part.get_payload(decode=True) == manifest.read_bytes()
    assert received.mail["Message-ID"] == post.only_mailing().message_id
    assert "a word of 3 parts" not in post.site.log.read_text()


def test_killed_while_the_server_waits_for_the_final_dot_nothing_was_sent(
    post: Post, tool: Tool
) -> None:
    base = post.site.base
    with running_mail_server(base, tool) as server:
        keys = {"host": HOST, "port": server.port, "ca_file": str(server.certificate)}
        post.use(automatic=True, way="smtp", **keys)
        retry(post)
        crashed = run_until_idle(post.site, VAMPD_FAILPOINT="mail.body.sent")
        assert crashed.status == -signal.SIGKILL
        assert server.received == []
        # Nobody here can know that; so it counts as a doubt.
        assert post.states() == [MailState.UNCERTAIN]


def test_a_database_of_the_first_schema_is_carried_over(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    from vampd.store.connection import make_engine
    from vampd.store.engine import MIGRATIONS
    from vampd.store.schema import APPLICATION_ID

    path = tmp_path / "vampd.db"
    engine = make_engine(path, "DELETE", "rwc")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "INSERT INTO nights (date, kind, stage, status, attempts, claim, released, frames,"
            " bytes, done_actions, all_actions, discovered_at, changed_at) VALUES"
            " ('20251106', 'archive', 'manifest', 'done', 0, 1, 0, 1, 1, 0, 0, 1.0, 1.0),"
            " ('20251107', 'archive', 'headers', 'ready', 0, 1, 1, 1, 1, 0, 0, 1.0, 1.0)"
        )
        database.execute("INSERT INTO receipts VALUES (1, 'here', 'a', 1, 1, 'x', 1.0)")
    store = open_store(f"sqlite:///{path}", Access.MIGRATE)
    from vampd.model.proofs import Place
    from vampd.store.nights import Nights
    from vampd.store.receipts import StoredReceipts

    record, released = Nights(store).nights()
    # It was released when that let a night pass every gate.
    assert (record.released, released.released) == (frozenset(), frozenset(Gate))
    assert record.manifests is None
    assert StoredReceipts(store).of(record.night, Place.HERE)["a"].md5 is None
    store.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,)


def test_md5_of_a_real_night_is_what_md5sum_says(post: Post, tool: Tool, tmp_path: Path) -> None:
    import hashlib

    for path in post.folder.glob("manifest*"):
        path.unlink()
    table = {"form": "mkbulk", "columns": ["sha256sum", "md5sum"], "prefix": "/stars/nights"}
    configure(post.site, manifest=table, watch={"stale_after_s": 0.3})
    retry(post)
    settle(post.site)
    text = (post.folder / f"manifest_VMP_{post.night.date}.csv").read_bytes().decode()
    header, *lines = text.split("\r\n")
    assert header == "#FRAMEID|path|size_bytes|sha256sum|md5sum"
    assert lines.pop() == ""
    assert lines
    for line in lines:
        frame_id, told_path, size, sha256, md5 = line.split("|")
        prefix, _, name = told_path.rpartition(f"/stars/nights/{post.night.date}/")
        content = (post.folder / name).read_bytes()
        assert (prefix, name) == ("", f"vgen2/{frame_id}.fits.fz")
        assert int(size) == len(content)
        assert sha256 == hashlib.sha256(content).hexdigest()
        assert md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_several_nights_become_one_manifest(post: Post, tmp_path: Path) -> None:
    combined = tmp_path / "combined.csv"
    words = ("manifest", post.night.date, post.night.date, "--combine", str(combined))
    done = vampctl(post.site, *words)
    assert done.returncode == 0, done.stderr
    manifest = post.folder / f"manifest_VMP_{post.night.date}.csv"
    assert combined.read_bytes() == manifest.read_bytes()
    assert "of 1 night" in done.stdout
    again = vampctl(post.site, *words)
    assert (again.returncode, "exists" in again.stderr) == (2, True)
    late = post.folder / f"manifest_VMP_{post.night.date}_s1.csv"
    late.write_bytes(manifest.read_bytes())
    other = tmp_path / "other.csv"
    done = vampctl(post.site, "manifest", post.night.date, "--combine", str(other))
    assert (done.returncode, "occurs twice" in done.stderr) == (1, True)
    assert not other.exists()
    assert sorted(os.listdir(tmp_path)) == ["combined.csv", "own"]


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
