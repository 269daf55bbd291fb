"""The root is known by its mark; what is missing on another disk says nothing about the nights."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from tests.support.fakes.memory_store import MemoryNights
from vampd.engine import root_guard
from vampd.engine.root_guard import RootGuard
from vampd.errors import ROOT_UNKNOWN, DiskFull, RootUnknown
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import MARK_PATH, Marked, format_mark
from vampd.store.database.connection import Store
from vampd.store.database.opening import Access, open_store
from vampd.store.roots import StoredRoots
from vampd.store.schema import RootRow

NIGHT = NightId("20251106", Kind.ENGINEERING)
STRANGER = "f" * 32
MOMENTS = ["root.mark.recorded", "root.mark.placed", "root.mark.confirmed"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/vampd.db", Access.MIGRATE)
    yield opened
    opened.close()


@pytest.fixture
def guard(store: Store, tmp_path: Path) -> RootGuard:
    root = tmp_path / "fuuu"
    root.mkdir()
    return RootGuard(root, StoredRoots(store), MemoryNights())


def mark_file(guard: RootGuard) -> Path:
    return guard.path / MARK_PATH


def unmount(guard: RootGuard) -> Path:
    """The disk's own folder, which vampd finds no more; an empty one is in its place."""
    away = guard.path.with_name("disk")
    guard.path.rename(away)
    guard.path.mkdir()
    return away


def refused(guard: RootGuard, *words: str) -> None:
    """Whatever is asked is refused, for this reason, and nothing is written."""
    before = sorted(guard.path.rglob("*")), guard.roots.known()
    for attempt in (guard.require, guard.recognize, guard.is_certain):
        with pytest.raises(RootUnknown) as caught:
            attempt()
        assert caught.value.code == ROOT_UNKNOWN
        for word in words:
            assert word in caught.value.message
    assert (sorted(guard.path.rglob("*")), guard.roots.known()) == before


def test_looking_places_nothing_and_the_first_use_places_a_random_mark(
    guard: RootGuard, tmp_path: Path
) -> None:
    assert guard.recognize() is None
    assert not guard.is_certain()
    assert list(guard.path.iterdir()) == []
    guard.require()
    known = guard.roots.known()
    assert known is not None
    assert known.is_placed
    assert mark_file(guard).read_text() == format_mark(known.mark, Marked.ROOT)
    assert guard.is_certain()
    other = RootGuard(tmp_path / "other", guard.roots, guard.store)
    other.path.mkdir()
    other.accept("a person")
    assert mark_file(other).read_text() != mark_file(guard).read_text()


def test_a_root_that_is_not_mounted_is_weather(guard: RootGuard) -> None:
    guard.require()
    away = unmount(guard)
    refused(guard, "lacks its mark", "mount its disk", "vampctl root accept")
    guard.path.rmdir()
    refused(guard, "not a folder", "mount its disk")
    away.rename(guard.path)
    guard.require()
    assert guard.is_certain()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (format_mark(STRANGER, Marked.ROOT), ("another disk is mounted", STRANGER)),
        # A disk of the archive, mounted at the root's place.
        (format_mark(STRANGER, Marked.ARCHIVE), ("in place of the mark of a root",)),
        ("", ("in place of the mark of a root",)),
    ],
)
def test_a_root_with_anything_else_is_another_one(
    guard: RootGuard, content: str, words: tuple[str, ...]
) -> None:
    guard.require()
    mark_file(guard).write_text(content)
    refused(guard, *words, "vampctl root accept")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_in_the_place_of_the_mark_tells_nothing(guard: RootGuard, what: str) -> None:
    guard.require()
    mark = mark_file(guard) if what == "file" else mark_file(guard).parent
    away = guard.path.with_name("away")
    mark.rename(away)
    mark.symlink_to(away)
    refused(guard, "is a link", str(mark_file(guard)))


def test_what_a_lost_database_left_behind_is_taken_over(guard: RootGuard) -> None:
    # Nothing is on record, so that nothing can be concluded from what is missing.
    mark_file(guard).parent.mkdir()
    mark_file(guard).write_text(format_mark(STRANGER, Marked.ROOT))
    guard.require()
    known = guard.roots.known()
    assert known is not None
    assert (known.mark, known.is_placed) == (STRANGER, True)


def test_after_an_upgrade_a_root_without_any_known_night_is_not_the_root(guard: RootGuard) -> None:
    guard.store.discover(NIGHT, 1.0)
    guard.store.discover(NightId("20251107", Kind.ENGINEERING), 1.0)
    refused(guard, "2 nights are on record", "none lies in", "vampctl root accept")
    (guard.path / NIGHT.folder).mkdir()
    guard.require()
    assert guard.is_certain()


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EROFS, "Read-only file system"),
        DiskFull("disk_full", "no space left"),
    ],
)
def test_a_root_where_nobody_can_write_is_used_but_never_certain(
    guard: RootGuard, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    # Tests may run as root, whom no mode stops.
    monkeypatch.setattr(root_guard, "place_mark_file", refuse)
    guard.require()
    guard.require()
    assert not guard.is_certain()
    monkeypatch.undo()
    guard.require()
    assert guard.is_certain()


def test_a_root_that_could_not_be_marked_gets_no_mark_while_it_is_not_mounted(
    guard: RootGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.store.discover(NIGHT, 1.0)
    (guard.path / NIGHT.folder).mkdir()

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(root_guard, "place_mark_file", refuse)
    guard.require()
    monkeypatch.undo()
    away = unmount(guard)  # what lies under it belongs to somebody who lets vampd write
    refused(guard, "none lies in", "mount its disk")
    guard.path.rmdir()
    away.rename(guard.path)
    guard.require()
    assert guard.is_certain()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_the_first_use_leaves_no_stranger(
    guard: RootGuard, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def die(name: str) -> None:
        if name == moment:
            raise SystemExit

    monkeypatch.setattr(root_guard, "failpoint", die)
    with pytest.raises(SystemExit):
        guard.require()
    intended = guard.roots.known()
    assert intended is not None
    monkeypatch.undo()
    guard.require()
    assert mark_file(guard).read_text() == format_mark(intended.mark, Marked.ROOT)
    assert guard.is_certain()


def test_a_person_may_take_another_disk_or_one_without_its_mark(guard: RootGuard) -> None:
    guard.require()
    first = guard.roots.known()
    unmount(guard)
    fresh = guard.accept("a person")
    assert first is not None
    assert fresh.mark != first.mark
    assert guard.is_certain()
    mark_file(guard).write_text(format_mark(STRANGER, Marked.ROOT))
    assert guard.accept("a person").mark == STRANGER
    assert guard.is_certain()


def test_a_mark_that_came_first_stays(guard: RootGuard, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtake(name: str) -> None:
        if name == "root.mark.recorded":
            mark_file(guard).parent.mkdir()
            mark_file(guard).write_text(format_mark(STRANGER, Marked.ROOT))

    monkeypatch.setattr(root_guard, "failpoint", overtake)
    with pytest.raises(RootUnknown, match="another mark"):
        guard.require()
    assert mark_file(guard).read_text() == format_mark(STRANGER, Marked.ROOT)
    assert os.listdir(mark_file(guard).parent) == ["id"]


def test_where_nights_lay_stays_on_record(guard: RootGuard, store: Store) -> None:
    guard.require()
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(delete(RootRow))
