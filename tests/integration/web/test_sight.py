"""What is shown is what is in the database now, in whatever state that is."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.support.daemon.site import Site
from tests.support.web.served import Served, text_of
from tests.support.worlds.records.past import PAST_VERSIONS, extract_database
from tests.support.worlds.records.varied_nights import (
    MAILED,
    RUNNING,
    UNSAFE,
    opened,
)
from vampd.cli.look.night_notes import NO_MAIL
from vampd.model.delivery import Mailing, MailOutcome, ManifestFile, Way
from vampd.model.nights import Event, EventName, Kind, NightId, NightUpdate
from vampd.store.database.connection import Store
from vampd.store.fast_page import FastPage
from vampd.store.nights import Nights
from vampd.store.people.mailings import StoredMailLog
from vampd.web.sight import NightsReader
from vampd.web.standings import judge


def test_what_changes_in_the_database_is_shown_at_the_next_look(own: Served) -> None:
    before = own.get("/")
    assert own.get("/", if_none_match=before.headers["etag"]).status == 304
    with opened(own.site.database) as store:
        Nights(store).update(MAILED, NightUpdate(note="said meanwhile"))
        again = own.get("/", if_none_match=before.headers["etag"])
        assert again.status == 200
        assert "said meanwhile" in again.text
    assert own.get("/", if_none_match=again.headers["etag"]).status == 304


# Values that turn each column that is asked for.
TURNED = {
    "stage": "'fpack'",
    "status": "'held'",
    "note_code": "'not_readable'",
    "safe_at": "NULL",
    "needs_person": "1",
    "manifests": "3",
    "manifest_sums": "'changed'",
}


def test_however_a_row_changes_its_night_stands_as_if_judged_anew(own: Served) -> None:
    reader = NightsReader(own.settings)

    def stands() -> tuple:
        return reader.read(lambda sight: sight.standings)

    def judged() -> tuple:
        with opened(own.site.database) as store:
            records = Nights(store).nights()
        new = NightsReader(own.settings)
        mail = new.read(lambda sight: dict(sight.correspondence))
        return tuple(judge(one, mail.get(one.night, NO_MAIL)) for one in records)

    with closing(sqlite3.connect(own.site.database)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(nights)")]
    assert set(TURNED) <= set(columns)
    assert stands() == judged()
    for column in columns:
        if column in ("id", "date", "kind"):
            continue
        value = TURNED.get(column, column)
        for night in (MAILED, UNSAFE, NightId("20251104", Kind.ENGINEERING)):
            with closing(sqlite3.connect(own.site.database)) as connection, connection:
                connection.execute(
                    f"UPDATE nights SET {column} = {value} WHERE date = ? AND kind = ?",
                    (night.date, night.kind.value),
                )
        assert stands() == judged(), column


def _write_in_every_way(store: Store) -> Iterator[str]:
    """Everything by which vampd changes how a night stands, one after the other."""
    nights, mail = Nights(store), StoredMailLog(store)
    nights.update(RUNNING, NightUpdate(frames=7, bytes=11, processed_at=3.0))
    yield "update"
    nights.apply(RUNNING, Event(EventName.HELD), at=4.0, actor="x", code="made_up")
    yield "apply"
    manifest = ManifestFile(UNSAFE, f"manifest_VMP_{UNSAFE.date}.csv", "c" * 64)
    nights.update(UNSAFE, NightUpdate(manifests=1, manifest_sums=f"{'c' * 64}  {manifest.name}\n"))
    yield "a manifest"
    mail.intend(Mailing("<1@x>", (manifest,), ("a@x",), Way.SMTP, "x", 5.0), frozenset())
    yield "intend"
    mail.conclude("<1@x>", MailOutcome.SENT, at=6.0)
    yield "conclude"
    mail.acknowledge([manifest], at=7.0, actor="x")
    yield "acknowledge"


def test_what_vampd_writes_of_nights_is_seen_without_a_look_at_all_of_them(
    own: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = NightsReader(own.settings)
    seen = before = reader.read(lambda sight: sight.standings)
    monkeypatch.setattr(FastPage, "blocks", Mock(side_effect=AssertionError("all were looked at")))
    monkeypatch.setattr(FastPage, "mail_mark", Mock(side_effect=AssertionError))
    with opened(own.site.database) as store:
        for what in _write_in_every_way(store):
            seen, mail = reader.read(lambda sight: (sight.standings, dict(sight.correspondence)))
            assert mail == StoredMailLog(store).correspondence().by_night(), what
            records = Nights(store).nights()
            assert seen == tuple(judge(one, mail.get(one.night, NO_MAIL)) for one in records), what
    assert seen != before


def test_what_another_hand_wrote_while_vampd_did_is_seen_within_a_minute(own: Served) -> None:
    now = 0.0
    reader = NightsReader(own.settings, lambda: now)

    def is_held() -> bool:
        return reader.read(lambda s: any(one.night == MAILED for one in s.nights.held))

    assert not is_held()
    with closing(sqlite3.connect(own.site.database)) as connection, connection:
        connection.execute("UPDATE nights SET status = 'held' WHERE date = ?", (MAILED.date,))
    with opened(own.site.database) as store:
        Nights(store).update(RUNNING, NightUpdate(done_frames=1))
        is_held()
        now = 60.0
        Nights(store).update(RUNNING, NightUpdate(done_frames=2))
        assert is_held()


def test_a_mail_a_new_night_and_a_lost_one_are_seen(own: Served) -> None:
    reader = NightsReader(own.settings)
    unmailed = reader.read(lambda s: next(one.night for one in s.standings if one.is_unmailed))
    with closing(sqlite3.connect(own.site.database)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM nights WHERE date = '20251105'")
    with opened(own.site.database) as store:
        Nights(store).discover(NightId("20251201", Kind.ARCHIVE), 1.0)
        mail = StoredMailLog(store)
        mail.acknowledge(
            [ManifestFile(unmailed, f"manifest_VMP_{unmailed.date}.csv", "b" * 64)],
            at=2.0,
            actor="x",
        )
    seen = reader.read(lambda sight: {one.night: one for one in sight.standings})
    assert NightId("20251105", Kind.ARCHIVE) not in seen
    assert not seen[unmailed].is_unmailed
    assert NightId("20251201", Kind.ARCHIVE) in seen


def remove(site: Site) -> None:
    site.database.unlink()


def damage(site: Site) -> None:
    content = site.database.read_bytes()
    site.database.write_bytes(content[:4096] + b"\x5a" * (len(content) - 4096))


@pytest.mark.parametrize("harm", [remove, damage])
def test_a_database_that_cannot_be_read_is_said_and_comes_again(
    own: Served, harm: Callable[[Site], None]
) -> None:
    content = own.site.database.read_bytes()
    assert own.get("/").status == 200
    harm(own.site)
    for address in ("/", "/api/v1/nights"):
        answer = own.get(address)
        assert answer.status == 503
        assert answer.headers["retry-after"] == "10"
        assert "Traceback" not in answer.text
        assert "database" in answer.text
    own.site.database.write_bytes(content)
    assert own.get("/").status == 200


def test_a_row_that_is_none_is_said_and_hides_no_night(own: Served) -> None:
    with closing(sqlite3.connect(own.site.database)) as connection, connection:
        connection.execute("UPDATE nights SET frames = 'x' WHERE date = ?", (MAILED.date,))
    page = own.get("/")
    assert page.status == 200
    said = own.vampctl("status").splitlines()
    expected = [line for line in said if line.startswith("row ")]
    assert len(expected) == 2
    for line in expected:
        assert line in text_of(page.text)
    assert own.json("/api/v1/nights?limit=0") == own.status()


def test_a_database_that_waits_for_its_migration_is_read(own: Served, tmp_path: Path) -> None:
    own.site.database.unlink()
    extract_database(PAST_VERSIONS[-1], own.site.database, tmp_path)
    assert own.json("/api/v1/nights?limit=0") == own.status()
    assert own.get("/").status == 200


def test_totals_and_rows_follow_what_is_being_packed(own: Served) -> None:
    reader = NightsReader(own.settings)

    def totals() -> object:
        with opened(own.site.database) as store:
            records = [one for one in Nights(store).nights() if one.processed_at is not None]
        assert len(records) > 1
        return {
            kind: tuple(
                sum(getattr(one, what) for one in records if one.night.kind is kind)
                for what in ("frames", "bytes")
            )
            for kind in Kind
        }

    assert reader.read(lambda sight: sight.nights.totals) == totals()
    with opened(own.site.database) as store:
        Nights(store).update(RUNNING, NightUpdate(frames=7, bytes=11, processed_at=3.0))
        assert reader.read(lambda sight: sight.nights.totals) == totals()
        Nights(store).update(RUNNING, NightUpdate(frames=8, bytes=13))
    assert reader.read(lambda sight: sight.nights.totals) == totals()
