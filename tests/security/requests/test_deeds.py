"""What the owner lets members ask for and takes long: begun once, in the writer's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.builders.nights import make_night
from tests.support.daemon.running import running, wait_until
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import connected
from tests.support.tools.mail_server import HOST, SENDER, STARS, running_mail_server
from tests.support.worlds.archive.post import ADDRESSES
from tests.support.worlds.hostile.request_world import World
from tests.support.worlds.hostile.three_users import (
    GROUP,
    MEMBER,
    OWNER,
    give_to_owner,
    shared_site,
)
from tests.support.worlds.hostile.unprivileged import made_open_folder
from tests.support.worlds.records.databases import new_database
from tests.support.worlds.sites.busy_site import FAST
from vampd.disk.rights.request_folder import MOST_OF_ONE, claim_request, place_request
from vampd.engine import requests as engine_requests
from vampd.engine.deeds import Deeds
from vampd.engine.requests import RequestDesk
from vampd.model.deed import LONG_VERBS, MEMBERS_VERBS, NIGHTLESS, Choices, Verb
from vampd.model.delivery import MailOutcome
from vampd.model.nights import Event, EventName, Kind, NightId, Status
from vampd.model.request import Answer, Outcome, Request
from vampd.store.database.opening import Access, open_store
from vampd.store.destinations import StoredDestinations

WHOLE = NightId("20251107", Kind.ENGINEERING)
MAILED = NightId("20251106", Kind.ARCHIVE)


class DeedWorld(World):
    """A night that can be restored, and a vampd that has just started and carries out deeds."""

    def restart(self) -> None:
        self.deeds = Deeds(self.answers, self.site.config)
        self.desk = self.desk_of_vampd()
        self.desk.prepare()

    def desk_of_vampd(self) -> RequestDesk:
        """One that carries out deeds; `World` has that of a command, which does not."""
        destinations = StoredDestinations(self.store)
        return RequestDesk(self.folder, self.answers, destinations, self.reader, self.deeds)

    def ask(self, verb: Verb, choices: Choices | None = None) -> Request:
        """A request for the night as it is now, placed by a member."""
        request = replace(self.request(verb), reason="", choices=choices or Choices())
        self.place(request)
        return request

    def answer(self, request: Request) -> Answer:
        answer = self.answers.answer(request.id)
        assert answer is not None
        return answer


@pytest.fixture
def world() -> Iterator[DeedWorld]:
    with shared_site() as site:
        make_night(site.root, WHOLE.date, WHOLE.kind)
        site.database.write_bytes(new_database())
        give_to_owner(site)
        store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
        yield DeedWorld(site, store, WHOLE)
        store.close()


def test_no_long_deed_is_a_members_unless_the_owner_says_so(world: DeedWorld) -> None:
    for verb in LONG_VERBS - {Verb.ARCHIVE, Verb.LEDGER}:
        request = world.ask(verb)
        world.desk.attend(MEMBERS_VERBS)
        assert world.answer(request).code == "request_not_allowed"
    assert not world.deeds.is_busy


def test_a_deed_that_the_owner_opened_is_carried_out_in_the_writers_name(world: DeedWorld) -> None:
    request = world.ask(Verb.RESTORE)
    world.desk.attend((Verb.RESTORE,))
    assert world.answer(request).outcome is Outcome.BEGUN
    assert world.desk.nights == (WHOLE,)
    # What takes no time does not wait for it; what takes long is queued.
    second = world.ask(Verb.RECOVER)
    world.desk.attend(tuple(Verb))
    assert world.answers.answer(second.id) is None
    wait_until(lambda: not world.deeds.is_busy, "the end of the restore", 300)
    answer = world.answer(request)
    assert answer.outcome is Outcome.DONE, answer.message
    assert "restored and held" in answer.message
    last = world.nights.history(WHOLE)[-1]
    assert (last.event, last.actor) == (EventName.RESTORED, "uid 4002 (vampctl)")
    # Asked about a night that has changed since.
    world.desk.attend(tuple(Verb))
    assert world.answer(second).outcome is Outcome.OUT_OF_DATE


@pytest.mark.soak
@pytest.mark.parametrize(
    ("verb", "choices", "answered"),
    [
        (Verb.PURGE, Choices(), "20251107 engineering: "),
        (Verb.RECOVER, Choices(), "nothing is damaged or missing"),
        (Verb.LEDGER, Choices(), "the file is complete: nothing to write"),
        (Verb.ARCHIVE, Choices(nights=Kind.ENGINEERING), "engineering"),
    ],
)
def test_each_deed_is_the_owners_command_and_its_words_are_the_answer(
    world: DeedWorld, verb: Verb, choices: Choices, answered: str
) -> None:
    request = replace(world.request(verb), reason="", choices=choices)
    if verb in NIGHTLESS:
        request = replace(request, night=None, seen=None)
    world.place(request)
    world.desk.attend((verb,))
    wait_until(lambda: not world.deeds.is_busy, "the end of the deed", 300)
    answer = world.answer(request)
    assert answer.outcome in {Outcome.DONE, Outcome.FAILED}
    assert answered in answer.message


def test_deeds_that_wait_keep_no_hold_waiting(
    world: DeedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deeds, "is_busy", property(lambda _: True))
    waiting = [world.ask(Verb.RECOVER) for _ in range(MOST_OF_ONE + 1)]
    hold = world.ask(Verb.HOLD)
    world.desk.attend(tuple(Verb))
    assert world.answer(hold).outcome is Outcome.DONE
    assert not any(map(world.answers.answer, (one.id for one in waiting)))


@pytest.mark.parametrize("failpoint", ["requests.claimed", "requests.deed.recorded"])
def test_a_deed_is_never_begun_twice(
    world: DeedWorld, failpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = world.ask(Verb.RESTORE)
    world.store.close()
    if not (pid := os.fork()):

        def die(name: str) -> None:
            if name == failpoint:
                os._exit(9)

        with suppress(BaseException):
            for names in (vars(engine_requests), place_request.__globals__):
                names["failpoint"] = die
            world.desk.attend(tuple(Verb))
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    world.restart()
    begun: list[str] = []

    def begin(request: Request, answer: Answer) -> None:
        begun.append(request.id)

    monkeypatch.setattr(world.deeds, "start", begin)
    world.desk.attend(tuple(Verb))
    if failpoint == "requests.claimed":
        assert begun == [request.id]
        return
    assert begun == []
    assert world.answer(request).code == "request_interrupted"
    record = world.nights.night(WHOLE)
    assert record is not None
    assert record.state.status is Status.FILLING


def test_a_deed_that_fails_says_so_and_finds_no_module_in_the_current_folder(
    world: DeedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('of someone else')")
    monkeypatch.chdir(tmp_path)
    request = world.ask(Verb.RECOVER, Choices(files=("vgen2/VMPA00000001.txt",)))
    world.desk.attend(tuple(Verb))
    wait_until(lambda: not world.deeds.is_busy, "the end of the deed", 300)
    answer = world.answer(request)
    assert (answer.outcome, answer.code) == (Outcome.FAILED, "deed_failed")
    assert "VMPA00000001.txt" in answer.message


def test_a_deed_that_cannot_begin_yet_waits_and_is_taken_for_no_other(
    world: DeedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was claimed by a vampd that was killed, or its writer has just changed the text."""
    world.nights.apply(WHOLE, Event(EventName.HELD), at=2.0, actor="x", code="c")
    request = world.ask(Verb.RESTORE)
    claim_request(world.folder, request.id)
    begun: list[str] = []
    monkeypatch.setattr(world.deeds, "start", lambda request, _: begun.append(request.id))
    # `vampctl run` carries out no deeds, and vampd one at a time.
    World.restart(world)
    world.desk.attend(tuple(Verb))
    with monkeypatch.context() as patched:
        world.desk = world.desk_of_vampd()
        patched.setattr(Deeds, "is_busy", property(lambda _: True))
        world.desk.attend(tuple(Verb))
    assert (world.events, begun) == ([EventName.HELD], [])
    world.desk.attend(tuple(Verb))
    assert begun == [request.id]
    assert world.events == [EventName.HELD]


def mailings(site: Site) -> list[tuple[MailOutcome, str]]:
    with connected(site) as connections:
        known = connections.mail_log.correspondence(MAILED).mailings
    return [(one.outcome, one.actor) for one in known]


@pytest.mark.soak
def test_a_members_mail_is_sent_once_by_the_owner_in_the_members_name(
    tmp_path: Path, tool: Callable[[str], str]
) -> None:
    with made_open_folder() as base, running_mail_server(tmp_path, tool) as server:
        site = SettledSites(tmp_path).copy(base / "site")
        certificate = base / "ca.pem"
        certificate.write_bytes(server.certificate.read_bytes())
        mail: dict[str, object] = {**ADDRESSES, "way": "smtp", "host": HOST, "port": server.port}
        tables: dict[str, Mapping[str, object]] = {
            **FAST,
            "mail": {**mail, "ca_file": str(certificate)},
        }
        configure(site, **tables, requests={"members_may": ["hold"]})
        give_to_owner(site)
        site.log.touch()
        refused = MEMBER.vampctl(site, "mail", MAILED.date, "--send")
        assert (refused.returncode, server.received) == (1, [])
        configure(site, **tables, requests={"members_may": ["mail"]})
        with running(site, uid=OWNER.uid, gids=OWNER.gids):
            wait_until((site.database.parent / "requests").is_dir, "the folder of requests")
            asked = MEMBER.vampctl(site, "mail", MAILED.date, "--send")
            assert asked.returncode == 0, asked.stdout + asked.stderr
            wait_until(lambda: bool(mailings(site)), "the mail", 120)
            # Asked for once more: nothing of it is new.
            MEMBER.vampctl(site, "mail", MAILED.date, "--send")
            wait_until(lambda: not _waiting(site), "both answers", 120)
        assert mailings(site) == [(MailOutcome.SENT, f"uid {MEMBER.uid} (vampctl)")]
        (received,) = server.received
        assert (received.sender, received.recipients) == (SENDER, STARS)
        note = site.folder(MAILED) / f"mailed_VMP_{MAILED.date}.tsv"
        assert (note.stat().st_uid, note.stat().st_gid) == (OWNER.uid, GROUP)


def _waiting(site: Site) -> bool:
    shown = MEMBER.vampctl(site, "requests").stdout
    return "waits for vampd" in shown or "begun" in shown
