"""What was read of a file is kept only as long as nothing else can be read of it."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vampd.disk.reading import UnchangedFiles


class World:
    """A folder of files, what was read of them, and a clock that goes on when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reads: list[str] = []
        # What was written by now was written long ago.
        self.later_s = 60.0
        self.files = UnchangedFiles[str](20, lambda: time.time() + self.later_s)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        def read() -> str:
            self.reads.append(name)
            return (self.folder / name).read_text()

        return self.files.read(self.folder / name, read)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_file_that_has_not_changed_is_read_once(world: World) -> None:
    world.write("a", "one")
    assert [world.read("a") for _ in range(3)] == ["one"] * 3
    assert world.reads == ["a"]


def _in_place(path: Path) -> None:
    """Other bytes, with the size and the mtime of before."""
    before = path.stat()
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _by_another(path: Path) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_text("two")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


@pytest.mark.parametrize("change", [_in_place, _by_another])
def test_a_file_that_has_changed_is_read_again(
    world: World, change: Callable[[Path], None]
) -> None:
    path = world.write("a", "one")
    assert world.read("a") == "one"
    time.sleep(0.02)  # a tick of the file system's clock
    change(path)
    assert world.read("a") == "two"


def test_a_file_that_changed_a_moment_ago_is_read_each_time(world: World) -> None:
    world.later_s = 0.0
    world.write("a", "one")
    assert world.read("a") == world.read("a") == "one"
    assert world.reads == ["a", "a"]


def test_a_file_that_changes_while_it_is_read_is_read_again(world: World) -> None:
    path = world.write("a", "one")

    def read_and_change() -> str:
        time.sleep(0.02)
        path.write_text("two")
        return "one"

    assert world.files.read(path, read_and_change) == "one"
    assert world.read("a") == "two"


def test_what_cannot_be_read_is_asked_again_and_raises_again(world: World) -> None:
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            world.read("a")
    world.write("a", "one")
    assert world.read("a") == "one"
    (world.folder / "a").unlink()
    with pytest.raises(FileNotFoundError):
        world.read("a")


def test_no_more_is_kept_than_was_allowed_and_the_oldest_goes_first(world: World) -> None:
    for name in ("a", "b", "c"):
        world.write(name, 8 * name)
        world.read(name)
    world.reads.clear()
    for name in ("c", "b", "a"):
        assert world.read(name) == 8 * name
    assert world.reads == ["a"]
    world.write("d", 21 * "d")
    assert world.read("d") == world.read("d") == 21 * "d"
    assert world.reads == ["a", "d", "d"]


@pytest.mark.parametrize("later_s", [700.0, -700.0])
def test_what_is_not_asked_for_is_forgotten_whatever_the_clock_does(
    world: World, later_s: float
) -> None:
    world.write("a", "one")
    world.write("b", "two")
    world.read("a")
    world.later_s += later_s
    world.read("b")
    assert list(world.files._kept) == ([] if later_s < 0 else [world.folder / "b"])


def test_a_copy_for_another_process_holds_nothing(world: World) -> None:
    world.write("a", "one")
    files = UnchangedFiles[str](20)
    files.read(world.folder / "a", lambda: "one")
    assert pickle.loads(pickle.dumps(files)).read(world.folder / "a", lambda: "two") == "two"
