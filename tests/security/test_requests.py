"""Members ask; each request is acted on once, in its writer's name, or not at all."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.builders.nights import make_night
from tests.support.daemon.running import running, wait_until
from tests.support.daemon.site import Site, configure
from tests.support.daemon.state import history_of, record_of
from tests.support.fakes.fake_night_reader import FakeNightReader
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OTHER_MEMBER,
    OWNER,
    STRANGER,
    User,
    give_to_owner,
    shared_site,
)
from tests.support.worlds.records.databases import new_database
from tests.support.worlds.records.stores import NIGHT
from tests.support.worlds.sites.busy_site import FAST
from vampd.cli import main
from vampd.cli.shared import requests as asking
from vampd.disk.rights.request_folder import (
    claimed_folder,
    place_request,
    request_ids,
    take_back_request,
)
from vampd.engine import requests as engine_requests
from vampd.engine.requests import RequestDesk
from vampd.errors import DiskFull
from vampd.model.deed import Verb
from vampd.model.nights import Event, EventName, Kind, Status
from vampd.model.request import (
    LONGEST_REQUEST_BYTES,
    Outcome,
    Request,
    format_request,
    parse_request,
    request_name,
    seen_state,
)
from vampd.stages.manifest_files import read_manifests
from vampd.store import answers as store_answers
from vampd.store.answers import StoredAnswers
from vampd.store.connection import Store
from vampd.store.destinations import StoredDestinations
from vampd.store.engine import Access, open_store
from vampd.store.mailings import StoredMailLog
from vampd.store.nights import Nights


@dataclass
class World:
    """A night, its store, and the desk of a vampd that has just started."""

    site: Site
    store: Store

    def __post_init__(self) -> None:
        self.nights, self.answers = Nights(self.store), StoredAnswers(self.store)
        self.nights.discover(NIGHT, 1.0)
        self.folder = self.site.database.parent / "requests"
        self.reader = FakeNightReader()
        self.restart()

    def restart(self) -> None:
        destinations = StoredDestinations(self.store)
        self.desk = RequestDesk(self.folder, self.answers, destinations, self.reader, None)
        self.desk.prepare()

    def request(self, verb: Verb = Verb.HOLD) -> Request:
        """A request for the night as it is now."""
        record = self.nights.night(NIGHT)
        assert record is not None
        return Request(secrets.token_hex(16), verb, NIGHT, seen_state(record), reason="why")

    def place(self, request: Request, user: User = MEMBER) -> Path:
        content = format_request(request)
        return user.does(lambda: place_request(self.folder, request.id, content))

    def attend(self) -> None:
        self.desk.attend(tuple(Verb))

    @property
    def events(self) -> list[EventName]:
        return [event.event for event in self.nights.history(NIGHT)]


@pytest.fixture
def world() -> Iterator[World]:
    with shared_site() as site:
        site.database.write_bytes(new_database())
        give_to_owner(site)
        store = open_store(f"sqlite:///{site.database}", Access.MIGRATE)
        yield World(site, store)
        store.close()


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
    # The same once more, from a copy that its writer has kept.
    MEMBER.does(lambda: place_request(world.folder, request.id, content))
    world.restart()
    world.attend()
    assert world.events == [EventName.HELD]
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


def hard_link(world: World, path: Path) -> None:
    world.place(replace(world.request(), id=path.stem))
    MEMBER.does(lambda: os.link(path, world.folder / ".second"))


def link(world: World, path: Path) -> None:
    secret = world.site.base / "secret"
    secret.write_bytes(format_request(replace(world.request(), id=path.stem)))
    MEMBER.does(lambda: path.symlink_to(secret))


def pipe(world: World, path: Path) -> None:
    MEMBER.does(lambda: os.mkfifo(path))


def folder(world: World, path: Path) -> None:
    MEMBER.does(path.mkdir)


def writable_by_others(world: World, path: Path) -> None:
    world.place(replace(world.request(), id=path.stem))
    path.chmod(0o666)


def too_long(world: World, path: Path) -> None:
    content = format_request(replace(world.request(), id=path.stem))
    MEMBER.does(lambda: path.write_bytes(content.ljust(LONGEST_REQUEST_BYTES + 1)))


def renamed(world: World, path: Path) -> None:
    world.place(world.request()).rename(path)


def another_text(world: World, path: Path) -> None:
    MEMBER.does(lambda: path.write_bytes(b"hold everything"))


@pytest.mark.parametrize(
    "attack",
    [hard_link, link, pipe, folder, writable_by_others, too_long, renamed, another_text],
)
def test_what_is_not_one_file_of_one_writer_is_no_request(
    world: World, attack: Callable[[World, Path], None]
):
    path = world.folder / request_name(secrets.token_hex(16))
    attack(world, path)
    others = {each for each in world.folder.iterdir() if each != path}
    for each in others:
        each.rename(world.site.base / each.name)
    world.attend()
    assert world.events == []
    assert not os.path.lexists(path)
    answer = world.answers.answer(path.stem)
    assert attack is folder or (answer is not None and answer.outcome is Outcome.REFUSED)


def test_no_one_changes_anothers_request_and_strangers_see_none(world: World):
    path = world.place(world.request())
    for deed in (
        path.unlink,
        lambda: path.write_bytes(b""),
        lambda: path.rename(path.with_name("x")),
        lambda: path.chmod(0o666),
        lambda: os.link(path, world.folder / request_name("f" * 32)),
        lambda: take_back_request(world.folder, path.stem),
    ):
        with pytest.raises(PermissionError):
            OTHER_MEMBER.does(deed)
    with pytest.raises(PermissionError):
        STRANGER.does(lambda: os.listdir(world.folder))
    with pytest.raises(PermissionError):
        STRANGER.does(world.folder.joinpath("x").touch)
    world.attend()
    assert world.events == [EventName.HELD]


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


def test_a_flood_of_one_member_hides_no_other(world: World):
    def flood() -> None:
        for number in range(6_000):
            (world.folder / f"x{number}").symlink_to("x")
        for _ in range(30):
            (world.folder / request_name(secrets.token_hex(16))).touch()

    OTHER_MEMBER.does(flood)
    mine = [world.request().id for _ in range(3)]
    for one in mine:
        MEMBER.does(partial(place_request, world.folder, one, b"x"))
    seen = request_ids(world.folder)
    assert set(mine) <= set(seen)
    assert len(seen) == 23
    while list(world.folder.glob("x*")):
        before = len(os.listdir(world.folder))
        world.attend()
        assert len(os.listdir(world.folder)) < before


def test_a_request_that_is_being_read_can_be_taken_back(world: World):
    request = world.request()
    path = world.place(request)

    def hold_it() -> None:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH)
            fcntl.flock(file, fcntl.LOCK_SH)
            assert MEMBER.does(lambda: take_back_request(world.folder, request.id))

    hold_it()
    world.attend()
    assert world.events == []


def test_whatever_one_request_holds_the_next_is_acted_on(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    strange, sound = world.request(), world.request()
    content = format_request(strange)
    for seen in (b"9" * 400, b"1e999", b"NaN", b"-" + b"9" * 5000):
        name = secrets.token_hex(16)
        since = re.sub(rb'("since": )[0-9.]+', rb"\g<1>" + seen, content)
        text = since.replace(strange.id.encode(), name.encode())
        MEMBER.does(partial(place_request, world.folder, name, text))
    world.reader.write("manifest_VMP_20251106.csv", f"VMPA00000001|/a|{'9' * 5000}\r\n")
    world.place(replace(world.request(Verb.ACKNOWLEDGE), reason=None))
    broken = world.request()

    def stumble(content: bytes, request_id: str) -> Request:
        if request_id == broken.id:
            raise ZeroDivisionError("a bug of ours")
        return parse_request(content, request_id)

    monkeypatch.setattr(engine_requests, "parse_request", stumble)
    for request in (broken, sound):
        world.place(request)
    world.attend()
    assert world.events == [EventName.HELD]
    answer = world.answers.answer(broken.id)
    assert answer is not None
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "bug")
    assert list(world.folder.iterdir()) == []


def test_no_one_reads_a_request_before_it_has_its_name(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    seen, really_rename = [], os.rename

    def rename(old: Path, new: Path) -> None:
        seen.append(stat.S_IMODE(old.stat().st_mode))
        really_rename(old, new)
        world.attend()  # as it is, for a moment
        assert new.exists()

    request = world.request()
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", rename)
        path = place_request(world.folder, request.id, format_request(request))
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    world.attend()
    assert world.events == [EventName.HELD]


def test_a_request_that_a_full_disk_cuts_short_is_not_placed(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    really_write, left = os.write, [100]

    def write(file_fd: int, content: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = really_write(file_fd, bytes(content[: left[0]]))
        left[0] -= written
        return written

    request = world.request()
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(DiskFull):
        place_request(world.folder, request.id, format_request(request))
    assert list(world.folder.iterdir()) == []


def test_requests_are_acted_on_in_their_order(world: World):
    hold = replace(world.request(Verb.HOLD), id="f" * 32)
    retry = replace(world.request(Verb.RETRY), id="0" * 32)
    world.place(hold)
    world.place(retry)
    world.attend()
    answers = [world.answers.answer(one.id) for one in (hold, retry)]
    assert [one and one.outcome for one in answers] == [Outcome.DONE, Outcome.OUT_OF_DATE]


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


def test_a_folder_of_requests_that_someone_planted_is_not_used(world: World):
    world.folder.rmdir()
    elsewhere = world.site.base / "elsewhere"
    elsewhere.mkdir()
    world.folder.symlink_to(elsewhere)
    world.restart()
    (elsewhere / request_name("a" * 32)).write_bytes(b"x")
    world.attend()
    assert len(list(elsewhere.iterdir())) == 1
    assert elsewhere.stat().st_mode & 0o7777 == 0o755


def test_a_member_asks_while_vampd_is_down_and_while_it_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "_PATIENCE_S", 0.0)

    def asks(site: Site, *words: str) -> tuple[int, str, object]:
        command = [*words, "--config", str(site.config)]
        shown: tuple[int, str, object] = MEMBER.does(
            lambda: _shown(CliRunner().invoke(main.make_app(), command))
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
