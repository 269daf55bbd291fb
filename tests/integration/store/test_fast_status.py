"""The quick look at the database tells what the store tells, and nothing where that would not."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from vampd.model.delivery import Mailing, MailOutcome, ManifestFile, Way
from vampd.model.nights import Event, EventName, Kind, NightId, NightUpdate
from vampd.store.fast_status import read_fast_status

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = NightId("20251107", Kind.ENGINEERING)


def make_used(base: Path) -> Site:
    """A database with everything in it that `vampctl status` tells of."""
    site = make_site(base)
    make_smallest(site.root)
    settle_here(site)
    manifest = ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64)
    with connected(site) as connections:
        store, mail_log = connections.store, connections.mail_log
        store.discover(OTHER, 5.0)
        event = Event(EventName.HELD)
        # A file's name that is no UTF-8.
        store.apply(OTHER, event, at=6.0, actor="x", code="held_by_person", message="odd \udcff")
        store.update(OTHER, NightUpdate(note="\udcfe"))
        for number, outcome in enumerate((MailOutcome.SENT, None)):
            name = f"<{number}@x>"
            mailing = Mailing(
                message_id=name,
                manifests=(manifest,),
                recipients=("a@x", "b@x"),
                way=Way.SMTP,
                actor="me",
                at=time.time(),
            )
            mail_log.intend(mailing, frozenset({"<0@x>"}))
            if outcome is not None:
                mail_log.conclude(name, outcome, at=7.0, detail="250 ok")
        mail_log.acknowledge([manifest], at=8.0, actor="stars")
    return site


def test_a_glance_sees_what_the_store_sees(tmp_path: Path) -> None:
    site = make_used(tmp_path)
    with connected(site) as connections, read_fast_status(site.database) as seen:
        assert seen is not None
        assert seen.nights == connections.store.nights()
        assert seen.correspondence == connections.mail_log.correspondence()
        assert len(seen.correspondence.mailings) == 2
        for night in (NIGHT, OTHER, NightId("20250101", Kind.ARCHIVE)):
            assert seen.history(night) == connections.store.history(night)
        assert len(seen.history(NIGHT)) > 10


def test_what_is_not_our_whole_database_is_not_glanced_at(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    settle_here(site)

    def sees() -> bool:
        with read_fast_status(site.database) as seen:
            return seen is not None

    assert sees()
    for change in (
        "UPDATE alembic_version SET version_num = '0001'",
        "PRAGMA application_id = 7",
    ):
        kept = site.database.read_bytes()
        with closing(sqlite3.connect(site.database)) as connection, connection:
            connection.execute(change)
        assert not sees()
        site.database.write_bytes(kept)
    for content in (b"", b"no database\n" * 500):
        site.database.write_bytes(content)
        assert not sees()
    site.database.unlink()
    assert not sees()
    assert not site.database.exists()
