"""Several parts may use an archive for the first time at once: it gets one mark, and is known."""

from __future__ import annotations

import threading

import pytest

from tests.support.worlds.archive.known_world import NIGHT, World


@pytest.fixture
def world() -> World:
    return World()


def test_two_who_use_an_archive_for_the_first_time_at_once_place_one_mark(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, placed, looked = world.archive(), list[str](), threading.Event()
    mark, place = world.host.mark, world.host.place_mark
    found = list[str]()
    other = threading.Thread(target=lambda: found.append(archive.use()))

    def look() -> str | None:
        seen = mark()
        if threading.current_thread() is other:
            looked.set()
        return seen

    def place_meanwhile(new: str) -> None:
        placed.append(new)
        if len(placed) == 1:
            other.start()
            assert looked.wait(10)
        place(new)

    monkeypatch.setattr(world.host, "mark", look)
    monkeypatch.setattr(world.host, "place_mark", place_meanwhile)
    found.append(archive.use())
    other.join(10)
    assert len(placed) == 1
    assert found == placed * 2


@pytest.mark.parametrize("sees_it", [True, False])
def test_a_mark_that_is_placed_while_another_looks_is_the_archives(
    world: World, monkeypatch: pytest.MonkeyPatch, sees_it: bool
) -> None:
    archive, mark, placed = world.archive(), world.host.mark, list[str]()

    def look() -> str | None:
        before = mark()
        if not placed:
            placed.append("now")
            placed.append(archive.use())
        return mark() if sees_it else before

    monkeypatch.setattr(world.host, "mark", look)
    assert archive.files(NIGHT) == {}
    monkeypatch.undo()
    assert archive.use() == placed[1]
