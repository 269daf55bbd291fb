"""Whatever dies while a mail leaves, it is on record and sent once at most."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.daemon.running import run_until_idle, settle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.state import record_of
from tests.support.examples import others_in_soak
from tests.support.tools.mail_server import (
    HOST,
    make_sendmail,
    running_mail_server,
)
from tests.support.tools.scripts import run_script, was_killed
from tests.support.worlds.archive.post import QUICK, Post, Tool, retry
from tests.support.worlds.records.databases import without_triggers
from vampd.model.delivery import (
    Correspondence,
    MailOutcome,
    MailState,
)
from vampd.model.nights import Gate, Status
from vampd.store.database.opening import Access, open_store
from vampd.store.schema import REVISION

# Where the process dies, what has then left the house, and whether a person must decide.
DEATHS = [
    ("mailing.intent.committed", 0, MailState.UNCERTAIN),
    ("mailing.mail.sent", 1, MailState.UNCERTAIN),
    ("mailing.outcome.committed", 1, MailState.MAILED),
    ("store.mailings.inserted", 0, MailState.UNMAILED),
    ("mailing.intent.noted", 0, MailState.UNCERTAIN),
]


@pytest.mark.parametrize(
    ("deadly", "sent", "state"), others_in_soak(DEATHS, few=3), ids=[d[0] for d in DEATHS]
)
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
    settle_here(post.site)
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
    assert (record.state.status, record.code) == (Status.WAITING, "mail_failed")
    assert record.needs_person
    assert record.safe_at == safe_at is not None
    assert {m.outcome for m in post.correspondence().mailings} == {MailOutcome.FAILED}
    # Due again each time that the loop turns, and still no reason never to end.
    assert len(post.correspondence().mailings) == post.calls == QUICK["attempts"]
    make_sendmail(post.site.base)
    retry(post)
    settle_here(post.site)
    assert post.states() == [MailState.MAILED]
    assert record_of(post.site, post.night).state.status is Status.DONE


def test_a_database_that_has_lost_the_mailings_mails_nothing_again(post: Post) -> None:
    post.use(automatic=True)
    retry(post)
    settle_here(post.site)
    assert post.calls == 1
    with without_triggers(post.site.database) as database:
        for table in ("mailed_manifests", "mailings"):
            database.execute(f"DELETE FROM {table}")
    assert post.correspondence() == Correspondence()
    retry(post)
    settle_here(post.site)
    assert post.calls == 1
    record = record_of(post.site, post.night)
    assert (record.state.status, record.code) == (Status.HELD, "mail_uncertain")
    assert record.safe_at is not None


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

    from vampd.store.database.connection import make_engine
    from vampd.store.database.opening import MIGRATIONS
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
    gates = frozenset({Gate.CARD_MISSING, Gate.SYNC_UNEXPECTED, Gate.OLDER_NIGHTS})
    assert (record.released, released.released) == (frozenset(), gates)
    assert record.manifests is None
    assert StoredReceipts(store).of(record.night, Place.HERE)["a"].md5 is None
    store.close()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,)
