"""A night and the desk that acts on requests about it, for members who attack it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.daemon.site import Site
from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    User,
    give_to_owner,
    shared_site,
)
from tests.support.worlds.records.databases import new_database
from tests.support.worlds.records.stores import NIGHT
from vampd.disk.rights.request_folder import (
    place_request,
)
from vampd.engine.requests import RequestDesk
from vampd.model.deed import Verb
from vampd.model.nights import EventName, NightId
from vampd.model.request import (
    Request,
    format_request,
    seen_state,
)
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.destinations import StoredDestinations
from vampd.store.nights import Nights
from vampd.store.people.answers import StoredAnswers


@dataclass
class World:
    """A night, its store, and the desk of a vampd that has just started."""

    site: Site
    store: Store
    night: NightId = NIGHT

    def __post_init__(self) -> None:
        self.nights, self.answers = Nights(self.store), StoredAnswers(self.store)
        self.nights.discover(self.night, 1.0)
        self.folder = self.site.database.parent / "requests"
        self.reader = FakeNightReader()
        self.restart()

    def restart(self) -> None:
        destinations = StoredDestinations(self.store)
        self.desk = RequestDesk(self.folder, self.answers, destinations, self.reader, None)
        self.desk.prepare()

    def request(self, verb: Verb = Verb.HOLD) -> Request:
        """A request for the night as it is now."""
        record = self.nights.night(self.night)
        assert record is not None
        return Request(secrets.token_hex(16), verb, self.night, seen_state(record), reason="why")

    def place(self, request: Request, user: User = MEMBER) -> Path:
        content = format_request(request)
        return user.does(lambda: place_request(self.folder, request.id, content))

    def attend(self) -> None:
        self.desk.attend(tuple(Verb))
        while self.desk.is_busy:  # what lies on the disk is looked at beside it
            self.desk.attend(tuple(Verb))

    @property
    def events(self) -> list[EventName]:
        return [event.event for event in self.nights.history(self.night)]


@contextmanager
def request_world() -> Iterator[World]:
    """The world of OWNER's site, until the block ends."""
    with shared_site() as site:
        site.database.write_bytes(new_database())
        give_to_owner(site)
        store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
        yield World(site, store)
        store.close()
