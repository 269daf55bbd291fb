"""What lies in the folder of requests: one file of one writer is one, and nothing else harms."""

import errno
import fcntl
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.support.worlds.hostile.request_world import World, request_world
from tests.support.worlds.hostile.three_users import (
    MEMBER,
    OTHER_MEMBER,
    OWNER,
    STRANGER,
)
from vampd.disk.rights import request_folder
from vampd.disk.rights.request_folder import (
    MOST_KEPT,
    MOST_OF_ONE,
    place_request,
    request_ids,
    take_back_request,
)
from vampd.engine import requests as engine_requests
from vampd.errors import DiskFull
from vampd.model.deed import Verb
from vampd.model.nights import EventName
from vampd.model.request import (
    LONGEST_REQUEST_BYTES,
    Outcome,
    Request,
    format_request,
    parse_request,
    request_name,
)


@pytest.fixture
def world() -> Iterator[World]:
    with request_world() as made:
        yield made


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


def test_a_request_is_its_writers_alone_to_take_back(world: World):
    """The owner of the folder could remove it, and answers it instead."""
    path = world.place(world.request())
    with pytest.raises(PermissionError):
        OWNER.does(lambda: take_back_request(world.folder, path.stem))
    assert MEMBER.does(lambda: take_back_request(world.folder, path.stem))


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
    seen = request_ids(world.folder, MOST_OF_ONE)
    assert set(mine) <= set(seen)
    assert len(seen) == 23
    while list(world.folder.glob("x*")):
        before = len(os.listdir(world.folder))
        world.attend()
        assert len(os.listdir(world.folder)) < before


def test_what_one_member_has_there_beyond_reason_is_removed_and_hides_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine_requests, "MOST_LOOKED", 300)
    monkeypatch.setattr(request_folder, "MOST_LOOKED", 300)

    def flood() -> None:
        for _ in range(400):
            (world.folder / request_name(secrets.token_hex(16))).touch()
            (world.folder / f".{secrets.token_hex(16)}.tmp").touch()
            (world.folder / request_name(secrets.token_hex(16)) / "x").mkdir(parents=True)

    OTHER_MEMBER.does(flood)
    world.place(world.request())
    for _ in range(12):
        world.attend()
    assert EventName.HELD in world.events
    others = [entry for entry in os.scandir(world.folder) if not entry.is_dir()]
    assert len(others) <= MOST_KEPT


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


def test_a_disk_that_does_not_answer_holds_up_its_own_requests_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    answers = threading.Event()

    def hang(*_: object) -> tuple[()]:
        answers.wait(60)
        return ()

    monkeypatch.setattr(engine_requests, "read_manifests", hang)
    stuck = [replace(world.request(Verb.ACKNOWLEDGE), reason=None) for _ in range(2)]
    sound = world.request()
    for request in (*stuck, sound):
        world.place(request)
    began = time.monotonic()
    for _ in range(2):
        world.desk.attend(tuple(Verb))
    assert time.monotonic() - began < 30
    assert world.events == [EventName.HELD]
    assert [world.answers.answer(one.id) for one in stuck] == [None, None]
    answers.set()
    world.attend()
    found = [world.answers.answer(one.id) for one in stuck]
    assert [one and one.outcome for one in found] == [Outcome.OUT_OF_DATE] * 2
