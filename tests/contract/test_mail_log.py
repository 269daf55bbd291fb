"""Mail logs: what was mailed stays on record, and nothing is mailed behind somebody's back."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.fakes.memory_mail import MemoryMailLog
from tests.support.worlds.records.databases import new_database
from vampd.errors import StateError
from vampd.model.delivery import (
    Acknowledgement,
    Correspondence,
    Mailing,
    MailOutcome,
    ManifestFile,
    Way,
)
from vampd.model.frame_ids import FrameId
from vampd.model.nights import Kind, NightId
from vampd.ports import MailLog
from vampd.store.database.opening import Access, open_store
from vampd.store.people.mailings import StoredMailLog

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251107", Kind.ARCHIVE)
FIRST = ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64)
LATE = ManifestFile(NIGHT, "manifest_VMP_20251106_s1.csv", "b" * 64)
ELSEWHERE = ManifestFile(OTHER, "manifest_VMP_20251107.csv", "c" * 64)
NOTHING: frozenset[str] = frozenset()


@pytest.fixture(params=["memory", "stored"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MailLog]:
    if request.param == "memory":
        yield MemoryMailLog()
        return
    path = tmp_path / "vampd.db"
    path.write_bytes(new_database())
    store = open_store(f"sqlite:///{path}", Access.USE)
    yield StoredMailLog(store)
    store.close()


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[StoredMailLog, Path]]:
    path = tmp_path / "vampd.db"
    path.write_bytes(new_database())
    store = open_store(f"sqlite:///{path}", Access.USE)
    yield StoredMailLog(store), path
    store.close()


def mailing(number: int, *manifests: ManifestFile) -> Mailing:
    return Mailing(
        f"<{number}@x>", manifests, ("a@x.org", "b@x.org"), Way.SMTP, "me", float(number)
    )


def test_an_empty_log_reports_nothing(log: MailLog) -> None:
    assert log.correspondence() == Correspondence()
    assert log.correspondence(NIGHT) == Correspondence()


def test_a_mailing_is_on_record_before_its_end_is_known(log: MailLog) -> None:
    log.intend(mailing(1, FIRST, ELSEWHERE), NOTHING)
    shown = mailing(1, FIRST, ELSEWHERE)
    assert log.correspondence().mailings == (shown,)
    # Whole, for each of its nights.
    assert log.correspondence(NIGHT).mailings == (shown,)
    assert log.correspondence(OTHER).mailings == (shown,)


@pytest.mark.parametrize("outcome", [o for o in MailOutcome if o is not MailOutcome.PENDING])
def test_a_mailing_ends_once(log: MailLog, outcome: MailOutcome) -> None:
    log.intend(mailing(1, FIRST), NOTHING)
    log.conclude("<1@x>", outcome, at=5.0, detail="so it went")
    ended = replace(mailing(1, FIRST), outcome=outcome, concluded_at=5.0, detail="so it went")
    assert log.correspondence().mailings == (ended,)
    with pytest.raises(StateError) as caught:
        log.conclude("<1@x>", MailOutcome.SENT, at=6.0)
    assert caught.value.code == "mailing_concluded"
    assert log.correspondence().mailings == (ended,)


def test_what_was_never_intended_does_not_end(log: MailLog) -> None:
    with pytest.raises(StateError):
        log.conclude("<1@x>", MailOutcome.SENT, at=6.0)


@pytest.mark.parametrize(
    "outcome", [MailOutcome.PENDING, MailOutcome.SENT, MailOutcome.UNCERTAIN], ids=str
)
def test_nothing_is_mailed_again_by_somebody_who_does_not_know(
    log: MailLog, outcome: MailOutcome
) -> None:
    log.intend(mailing(1, FIRST, ELSEWHERE), NOTHING)
    if outcome is not MailOutcome.PENDING:
        log.conclude("<1@x>", outcome, at=2.0)
    before = log.correspondence()
    with pytest.raises(StateError) as caught:
        log.intend(mailing(2, LATE, ELSEWHERE), frozenset({"<9@x>"}))
    assert caught.value.code == "mailed_meanwhile"
    assert log.correspondence() == before
    # Other manifests, and those who know, are free.
    log.intend(mailing(2, LATE), NOTHING)
    log.intend(mailing(3, FIRST), frozenset({"<1@x>"}))
    assert [m.message_id for m in log.correspondence().mailings] == ["<1@x>", "<2@x>", "<3@x>"]


def test_the_same_bytes_under_another_name_are_the_same_manifest(log: MailLog) -> None:
    log.intend(mailing(1, FIRST), NOTHING)
    with pytest.raises(StateError):
        log.intend(mailing(2, replace(FIRST, name="manifest_VMP_20251106_s7.csv")), NOTHING)
    log.intend(mailing(2, replace(FIRST, night=OTHER)), NOTHING)


def test_a_mail_that_certainly_failed_stands_in_nobodys_way(log: MailLog) -> None:
    log.intend(mailing(1, FIRST), NOTHING)
    log.conclude("<1@x>", MailOutcome.FAILED, at=2.0)
    log.intend(mailing(2, FIRST), NOTHING)
    assert len(log.correspondence().mailings) == 2


def test_an_acknowledgement_stays_as_it_was_first_recorded(log: MailLog) -> None:
    log.acknowledge([FIRST], at=1.0, actor="me")
    log.acknowledge([FIRST, LATE, ELSEWHERE], at=2.0, actor="you")
    log.acknowledge([], at=3.0, actor="nobody")
    assert log.correspondence(NIGHT).acknowledged == (
        Acknowledgement(FIRST, "me", 1.0),
        Acknowledgement(LATE, "you", 2.0),
    )
    assert len(log.correspondence().acknowledged) == 3


def test_a_mail_by_hand_may_name_no_recipient(log: MailLog) -> None:
    log.intend(replace(mailing(1, FIRST), recipients=(), way=Way.BY_HAND), NOTHING)
    (shown,) = log.correspondence().mailings
    assert (shown.recipients, shown.way) == ((), Way.BY_HAND)


def test_of_many_who_mail_at_once_one_does(log: MailLog) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(8)

    def mail(number: int) -> None:
        together.wait()
        try:
            log.intend(mailing(number, FIRST), NOTHING)
        except StateError:
            outcomes.append("refused")
        else:
            outcomes.append("mailed")

    threads = [threading.Thread(target=mail, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["mailed", *["refused"] * 7]
    assert len(log.correspondence().mailings) == 1


def test_a_person_acknowledges_that_ids_have_no_product_once_and_for_all(log: MailLog) -> None:
    one, two = FrameId(90000001), FrameId(90000002)
    assert log.acknowledged_lost() == frozenset()
    log.acknowledge_lost([], at=1.0, actor="me")
    log.acknowledge_lost([one], at=1.0, actor="me")
    log.acknowledge_lost([one, two], at=2.0, actor="somebody else")
    assert log.acknowledged_lost() == {one, two}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM mailings",
        "DELETE FROM mailed_manifests",
        "DELETE FROM acknowledged_manifests",
        "DELETE FROM acknowledged_lost_ids",
        "UPDATE acknowledged_lost_ids SET actor = 'x'",
        "UPDATE mailed_manifests SET sha256 = 'x'",
        "UPDATE acknowledged_manifests SET at = 0",
        "UPDATE mailings SET outcome = 'failed'",
        "UPDATE mailings SET outcome = 'pending'",
        "UPDATE mailings SET detail = 'x'",
        "UPDATE mailings SET message_id = 'x' WHERE message_id = '<2@x>'",
        "UPDATE mailings SET at = 0, outcome = 'sent' WHERE message_id = '<2@x>'",
    ],
)
def test_what_was_mailed_cannot_be_rewritten(
    stored: tuple[StoredMailLog, Path], statement: str
) -> None:
    log, path = stored
    log.intend(mailing(1, FIRST), NOTHING)
    log.conclude("<1@x>", MailOutcome.SENT, at=2.0)
    log.intend(mailing(2, LATE), NOTHING)
    log.acknowledge([FIRST], at=3.0, actor="me")
    log.acknowledge_lost([FrameId(1)], at=3.0, actor="me")
    before = log.correspondence()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError), connection:
            connection.execute(statement)
    assert log.correspondence() == before
