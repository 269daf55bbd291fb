"""What members exchange, mount or heap up where requests lie: theirs alone is what it costs."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.daemon.running import wait_until
from tests.support.examples import others_in_soak
from tests.support.worlds.hostile.request_world import World, request_world
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OTHER_MEMBER,
    OWNER,
    User,
    give_to_owner,
)
from tests.support.worlds.records.stores import NIGHT
from vampd.disk.rights import claim_request, claimed_folder
from vampd.disk.rights.request_folder import MOST_OF_ONE
from vampd.engine import requests as engine_requests
from vampd.model.deed import Verb
from vampd.model.delivery import ManifestFile
from vampd.model.nights import EventName, Kind, NightId, StageName, Status
from vampd.model.request import Outcome, Request, format_request, request_name, seen_state

# The name of a request that is being written, which has some minutes for that.
WRITING = f".{'a' * 32}.tmp"


@pytest.fixture
def world() -> Iterator[World]:
    with request_world() as made:
        yield made


def many_holds(world: World, count: int) -> list[NightId]:
    """Nights, each of which a member asks to hold."""
    nights = [NightId(f"202510{day:02d}", Kind.ENGINEERING) for day in range(1, count + 1)]
    for night in nights:
        world.nights.discover(night, 1.0)
        record = world.nights.night(night)
        assert record is not None
        world.place(Request(secrets.token_hex(16), Verb.HOLD, night, seen_state(record)))
    return nights


def statuses(world: World, nights: list[NightId]) -> list[Status]:
    return [record.state.status for record in world.nights.nights() if record.night in nights]


def test_all_that_waits_at_a_start_is_acted_on_before_a_night_is_claimed(world: World):
    nights = many_holds(world, MOST_OF_ONE + 8)
    world.restart()
    world.desk.attend(tuple(Verb))  # what the loop does once before it claims
    assert set(statuses(world, nights)) == {Status.HELD}


def test_a_turn_ends_however_many_writers_there_are(world: World, monkeypatch: pytest.MonkeyPatch):
    """A user can write as each of the user ids that are delegated to them."""
    monkeypatch.setattr(engine_requests, "_MOST_A_TURN", 3)
    monkeypatch.setattr(engine_requests, "_MOST_AT_START", 4)
    for number in range(9):
        world.place(world.request(), User(165_536 + number, MEMBER.gids))
    left = []
    for _ in range(3):
        world.desk.attend(tuple(Verb))
        left.append(len(os.listdir(world.folder)))
    assert left == [5, 2, 0]


def test_all_requests_that_wait_are_listed_and_can_be_taken_back(world: World):
    many_holds(world, MOST_OF_ONE + 2)
    last = world.request()
    world.place(last)
    give_to_owner_but_requests(world)
    shown = json.loads(MEMBER.vampctl(world.site, "requests", "--json").stdout)
    assert len(shown["pending"]) == MOST_OF_ONE + 3
    taken = MEMBER.vampctl(world.site, "requests", "--take-back", last.id)
    assert (taken.returncode, taken.stdout) == (0, f"{last.id[:8]}: taken back\n")


def give_to_owner_but_requests(world: World) -> None:
    """The state as the owner's vampd would have left it."""
    whose = {path: path.stat().st_uid for path in world.folder.iterdir()}
    world.store.close()
    give_to_owner(world.site)
    for path, uid in whose.items():
        os.chown(path, uid, -1)


def test_a_folder_that_others_may_fill_is_never_among_what_was_claimed(world: World):
    give_to_owner(world.site)
    request_id = secrets.token_hex(16)
    path = world.folder / request_name(request_id)

    def fill() -> None:
        os.umask(0)
        (path / "x").mkdir(parents=True)
        path.joinpath("x/y").mkdir(0o700)

    MEMBER.does(fill)
    with pytest.raises(FileNotFoundError):
        OWNER.does(lambda: claim_request(world.folder, request_id))
    assert OWNER.does(lambda: os.listdir(claimed_folder(world.folder))) == []
    world.place(world.request())
    world.attend()
    assert world.events == [EventName.HELD]
    assert os.listdir(claimed_folder(world.folder)) == []


def test_a_place_that_was_kept_for_a_request_by_a_killed_vampd_holds_none_up(world: World):
    request = world.request()
    (claimed_folder(world.folder) / request_name(request.id)).touch()
    world.place(request)
    world.attend()
    assert world.events == [EventName.HELD]
    assert os.listdir(claimed_folder(world.folder)) == []


@contextmanager
def mounted_by(user: User, path: Path, mount: str, umount: str) -> Iterator[None]:
    """What `fusermount` does for any user: a file system that answers this user alone."""
    mode = 0o100000 if path.is_file() else 0o040000
    device_fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={device_fd},rootmode={mode:o},user_id={user.uid},group_id={user.gids[0]}"
    command = [mount, "-i", "-t", "fuse", "-o", options, "theirs", str(path)]
    try:
        subprocess.run(command, check=True, pass_fds=[device_fd])
        try:
            with pytest.raises(PermissionError):
                path.lstat()
            yield
        finally:
            subprocess.run([umount, "-l", path], check=True)
    finally:
        os.close(device_fd)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
@pytest.mark.parametrize("name", others_in_soak([request_name("a" * 32), WRITING, "thesis"]))
def test_what_a_member_mounts_there_stops_nothing(
    world: World, tool: Callable[[str], str], make: Callable[[Path], None], name: str
):
    path = world.folder / name
    OTHER_MEMBER.does(lambda: make(path))
    with mounted_by(OTHER_MEMBER, path, tool("mount"), tool("umount")):
        request, second = world.request(), world.request(Verb.RELEASE)
        world.place(request)
        shown = MEMBER.vampctl(world.site, "requests", "--json")
        assert [one["id"] for one in json.loads(shown.stdout)["pending"]] == [request.id]
        world.attend()
        assert world.events == [EventName.HELD]
        world.place(replace(second, seen=world.request().seen))
        world.attend()
        assert world.events == [EventName.HELD, EventName.RELEASED]
    world.place(world.request())  # the folder has changed
    world.attend()
    assert set(os.listdir(world.folder)) <= {WRITING}


@contextmanager
def slow_disk(world: World, monkeypatch: pytest.MonkeyPatch, look: str) -> Iterator[None]:
    """A request is acted on, but for a look at its night's folder, which ends with the block."""
    began, ended = threading.Event(), threading.Event()

    def looks(*_: object) -> tuple[()]:
        began.set()
        ended.wait(60)
        return ()

    with monkeypatch.context() as patched:
        patched.setattr(engine_requests, look, looks)
        world.desk.attend(tuple(Verb))
        assert began.wait(60)
        yield
        world.desk.attend(tuple(Verb))
        ended.set()
        wait_until(lambda: not looking(), "the end of the look")
    for _ in range(3):
        world.desk.attend(tuple(Verb))
        wait_until(lambda: not looking(), "the end of a look")
    assert not world.desk.is_busy


def looking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "request"]


@pytest.mark.parametrize(
    ("verb", "outcome"),
    [(Verb.ACKNOWLEDGE, Outcome.OUT_OF_DATE), (Verb.HOLD, Outcome.DONE)],
)
def test_what_was_looked_for_is_what_is_acted_on(
    world: World, monkeypatch: pytest.MonkeyPatch, verb: Verb, outcome: Outcome
):
    """Its writer still has the file open, and changes it while the night's folder is looked at."""
    sound = world.request(verb)
    assert sound.seen is not None
    seen = replace(sound.seen, stage=StageName.FPACK)
    looked_for = replace(sound, verb=Verb.RETRY, stage=StageName.SYNC, seen=seen, reason=None)
    foreign = ManifestFile(NIGHT, "manifest_VMP_20251106.csv", "a" * 64)
    acted_on = replace(sound, manifests=(foreign,))
    path = world.place(looked_for)
    with path.open("r+b") as file, slow_disk(world, monkeypatch, "refuse_without_raw"):
        file.truncate()
        file.write(format_request(acted_on))
        file.flush()
    answer = world.answers.answer(sound.id)
    assert answer is not None
    assert (answer.verb, answer.outcome) == (verb, outcome)


def test_a_request_that_is_removed_while_it_is_acted_on_is_waited_for_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    request = replace(world.request(Verb.ACKNOWLEDGE), reason=None)
    world.place(request)
    with slow_disk(world, monkeypatch, "read_manifests"):
        (claimed_folder(world.folder) / request_name(request.id)).unlink()
    assert world.answers.answer(request.id) is None


def test_no_one_takes_the_place_of_a_request_that_is_acted_on(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    first = replace(world.request(Verb.ACKNOWLEDGE), reason=None)
    other = replace(world.request(), id=first.id)
    world.place(first)
    with slow_disk(world, monkeypatch, "read_manifests"):
        world.place(other, OTHER_MEMBER)
    answer = world.answers.answer(first.id)
    assert answer is not None
    assert (answer.uid, answer.verb) == (MEMBER.uid, Verb.ACKNOWLEDGE)
    assert world.events == []
    assert list(world.folder.iterdir()) == []
