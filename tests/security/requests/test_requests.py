"""Members ask; each request is acted on once, in its writer's name, or not at all."""

import ast
import inspect
import os
import secrets
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from tests.support.builders.nights import make_night
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import running, wait_until
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import history_of, record_of
from tests.support.worlds.hostile.request_world import World, request_world
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OWNER,
    give_to_owner,
    shared_site,
)
from tests.support.worlds.records.stores import NIGHT
from tests.support.worlds.sites.busy_site import FAST
from vampd.cli import program
from vampd.cli.shared import requests as asking
from vampd.daemon import scheduler
from vampd.disk.rights import claimed_folder
from vampd.disk.rights.request_folder import place_request, request_ids, take_back_request
from vampd.engine import requests as engine_requests
from vampd.model.deed import Verb
from vampd.model.nights import Event, EventName, Kind, Status
from vampd.model.request import (
    Outcome,
    Request,
    format_request,
    request_name,
    seen_state,
)
from vampd.stages.records.manifest_files import read_manifests
from vampd.store.database.opening import Access, open_store
from vampd.store.nights import Nights
from vampd.store.people import answers as store_answers
from vampd.store.people.mailings import StoredMailLog


@pytest.fixture
def world() -> Iterator[World]:
    with request_world() as made:
        yield made


def test_a_request_is_acted_on_once_and_in_the_writers_name(world: World):
    request = world.request()
    content = format_request(request)
    path = world.place(request)
    world.attend()
    assert not path.exists()
    last = world.nights.history(NIGHT)[-1]
    assert (last.event, last.actor, last.message) == (EventName.HELD, "uid 4002 (vampctl)", "why")
    answer = world.answers.answer(request.id)
    assert answer is not None
    assert (answer.uid, answer.outcome) == (MEMBER.uid, Outcome.DONE)
    # The same once more, from a copy that its writer has kept; and another text of its name.
    for again in (content, b"x"):
        MEMBER.does(partial(place_request, world.folder, request.id, again))
        world.restart()
        with capture_logs() as logs:
            world.attend()
        assert [(log["event"], log["outcome"]) for log in logs] == [
            ("request.answered", Outcome.DONE)
        ]
        assert world.events == [EventName.HELD]
        assert world.answers.answer(request.id) == answer
        assert not path.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "headers"}, {"status": "done"}, {"code": "stuck"}, {"attempt": 1}, {"since": 2.0},
    ],
)  # fmt: skip
def test_a_request_about_another_state_is_out_of_date(world: World, change: dict):
    request = world.request()
    assert request.seen is not None
    request = replace(request, seen=replace(request.seen, **change))
    world.place(request)
    world.attend()
    answer = world.answers.answer(request.id)
    assert answer is not None
    assert answer.outcome is Outcome.OUT_OF_DATE
    assert world.events == []


def test_a_night_that_looks_as_it_did_and_was_elsewhere_meanwhile_has_changed(world: World):
    for name, at in ((EventName.HELD, 2.0), (EventName.RELEASED, 4.0), (EventName.HELD, 5.0)):
        if name is EventName.RELEASED:
            world.place(world.request(Verb.RELEASE))
        code = "c" if name is EventName.HELD else None
        world.nights.apply(NIGHT, Event(name), at=at, actor="x", code=code)
    world.attend()
    assert world.events[-1] is EventName.HELD


@pytest.mark.parametrize(
    "failpoint",
    ["requests.claimed", "store.answers.acted", "requests.answered", "requests.file.removed"],
)
def test_killed_anywhere_a_request_is_acted_on_exactly_once(world: World, failpoint: str):
    request = world.request()
    world.place(request)
    world.store.close()
    if not (pid := os.fork()):

        def die(name: str) -> None:
            if name == failpoint:
                os._exit(9)

        with suppress(BaseException):
            for module in (store_answers, engine_requests, place_request.__globals__):
                names = module if isinstance(module, dict) else vars(module)
                names["failpoint"] = die
            world.attend()
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    world.restart()
    world.attend()
    assert world.events == [EventName.HELD]
    assert world.answers.answer(request.id) is not None
    assert list(world.folder.iterdir()) == []
    assert list(claimed_folder(world.folder).iterdir()) == []


def test_an_acknowledgment_is_of_the_manifests_that_its_writer_saw(world: World):
    name = "manifest_VMP_20251106.csv"
    world.reader.write(name, "VMPA00000001|/archive/1|1000\r\n")
    (text,) = read_manifests(NIGHT, world.reader)
    other = replace(text.file, sha256="a" * 64)
    for manifests, outcome in (
        ((), Outcome.OUT_OF_DATE),
        ((other,), Outcome.OUT_OF_DATE),
        ((text.file, other), Outcome.OUT_OF_DATE),
        ((text.file,), Outcome.DONE),
    ):
        request = replace(world.request(Verb.ACKNOWLEDGE), reason=None, manifests=manifests)
        world.place(request)
        world.attend()
        answer = world.answers.answer(request.id)
        assert answer is not None
        assert answer.outcome is outcome, manifests
    (known,) = StoredMailLog(world.store).correspondence(NIGHT).acknowledged
    assert (known.manifest, known.actor) == (text.file, "uid 4002 (vampctl)")


def test_requests_are_acted_on_in_their_order(world: World):
    hold = replace(world.request(Verb.HOLD), id="f" * 32)
    retry = replace(world.request(Verb.RETRY), id="0" * 32)
    world.place(hold)
    world.place(retry)
    world.attend()
    answers = [world.answers.answer(one.id) for one in (hold, retry)]
    assert [one and one.outcome for one in answers] == [Outcome.DONE, Outcome.OUT_OF_DATE]
    more = [replace(world.request(), id=digit * 32) for digit in "8c4e0a62f1"]
    for request in more:
        world.place(request)
    # No folder lists so many in this order by chance.
    assert request_ids(world.folder) == tuple(request.id for request in more)


def test_its_writer_takes_it_back_until_it_is_acted_on(world: World):
    first, second = world.request(), world.request()
    world.place(first)
    assert MEMBER.does(lambda: take_back_request(world.folder, first.id))
    world.attend()
    assert world.events == []
    world.place(second)
    world.attend()
    assert not MEMBER.does(lambda: take_back_request(world.folder, second.id))
    assert world.events == [EventName.HELD]


def test_what_the_settings_leave_to_the_owner_is_refused(world: World):
    request, own = world.request(), world.request()
    world.place(request)
    world.desk.attend((Verb.RETRY,))
    answer = world.answers.answer(request.id)
    assert answer is not None
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "request_not_allowed")
    place_request(world.folder, own.id, format_request(own))
    world.desk.attend(())
    assert world.events == [EventName.HELD]


def test_a_member_asks_while_vampd_is_down_and_while_it_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "_PATIENCE_S", 0.0)

    def asks(site: Site, *words: str) -> tuple[int, str, object]:
        command = [*words, "--config", str(site.config)]
        shown: tuple[int, str, object] = MEMBER.does(
            lambda: _shown(CliRunner().invoke(program.make_app(), command))
        )
        return shown

    with shared_site(**FAST) as site:
        night = make_night(site.root, "20251107", Kind.ENGINEERING)[0]
        store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
        nights = Nights(store)
        nights.discover(night, 1.0)
        nights.apply(night, Event(EventName.SETTLED), at=2.0, actor="vampd")
        World(site, store)
        store.close()
        give_to_owner(site)
        site.database.chmod(0o640)
        status, shown, error = asks(site, "hold", night.date, "--reason", "darks to follow")
        assert (status, error) == (0, None)
        assert "queued" in shown
        assert "waits for vampd" in asks(site, "requests")[1]
        site.log.touch()
        with running(site, uid=OWNER.uid, gids=OWNER.gids):
            wait_until(lambda: record_of(site, night).state.status is Status.HELD, "the hold")
            events = [event.event for event in history_of(site, night)]
            assert events == [EventName.SETTLED, EventName.HELD]
            assert "done: " in asks(site, "requests")[1]
            configure(site, **FAST)
            monkeypatch.setattr(asking, "_PATIENCE_S", 60.0)
            status, shown, error = asks(site, "hold", night.date)
            assert error == "illegal_transition"
            status, shown, error = asks(site, "retry", night.date)
            assert (status, shown, error) == (
                0, f"{night.date} engineering: filling at sync (was held at sync)\n", None,
            )  # fmt: skip
            assert history_of(site, night)[2].actor == "uid 4002 (vampctl)"


def _shown(result) -> tuple[int, str, object]:
    return result.exit_code or 0, result.output, getattr(result.exception, "code", None)


@pytest.mark.soak
def test_a_request_is_acted_on_within_a_second() -> None:
    with shared_site(**FAST) as site:
        night, _ = make_smallest(site.root, "20251107", Kind.ENGINEERING)
        give_to_owner(site)
        site.log.touch()
        with running(site, uid=OWNER.uid, gids=OWNER.gids):
            wait_until((site.copy(night) / "SHA256SUMS").exists, "the copy")
            wait_until(lambda: record_of(site, night).state.status is Status.DONE, "the night")
            record = record_of(site, night)
            request = Request(secrets.token_hex(16), Verb.RETRY, night, seen_state(record))
            folder = site.database.parent / "requests"
            MEMBER.does(partial(place_request, folder, request.id, format_request(request)))
            path = folder / request_name(request.id)
            assert wait_until(lambda: not path.exists(), "the answer") < 1.0


def test_a_turn_of_the_loop_takes_less_than_a_second_and_begins_with_requests() -> None:
    assert scheduler._TICK_S < scheduler._REST_TICK_S < 1.0
    steps = ast.parse(textwrap.dedent(inspect.getsource(scheduler.Scheduler._step)))
    calls = [node for node in ast.walk(steps) if isinstance(node, ast.Call)]
    called = [ast.unparse(node.func) for node in sorted(calls, key=lambda node: node.lineno)]
    assert called.index("self._requests.attend") < called.index("self._claim")
