"""In the foreground too, cameras come first, and another night's trouble is its own."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.builders.settings import make_settings
from tests.support.daemon.running import wait_until
from vampd.disk.pace import Flag
from vampd.engine import camera_watch
from vampd.engine.camera_watch import CameraWatch


class Pause:
    """A flag that is raised while cameras write."""

    def __init__(self) -> None:
        self.raised = threading.Event()

    def raise_(self) -> None:
        self.raised.set()

    def lower(self) -> None:
        self.raised.clear()


def watch_of(root: Path, pause: Pause) -> CameraWatch:
    settings = make_settings(root, watch={"root": root, "pause_while_writing": True})
    return CameraWatch(settings, cast("Flag", pause), ())


def test_a_night_that_cannot_be_listed_leaves_the_cameras_watched(tmp_path: Path) -> None:
    (tmp_path / "20251105").symlink_to(tmp_path / "20251106")
    (tmp_path / "20251106" / "vcam1").mkdir(parents=True)
    (tmp_path / "20251106" / "vcam1" / "x.fits").touch()
    pause = Pause()
    with watch_of(tmp_path, pause):
        assert pause.raised.wait(20)


def test_a_night_that_never_answers_keeps_nobody_from_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "20251106").mkdir()
    asked, answer = threading.Event(), threading.Event()

    def list_night(_: Path) -> object:
        asked.set()
        answer.wait(60)
        return SimpleNamespace(written_at=lambda _: 0.0)

    monkeypatch.setattr(camera_watch, "list_night", list_night)
    monkeypatch.setattr(camera_watch, "_END_WITHIN_S", 0.1)
    before = threading.active_count()
    with watch_of(tmp_path, Pause()):
        assert asked.wait(20)
    assert not answer.is_set()
    answer.set()
    wait_until(lambda: threading.active_count() == before, "its end, once it answers")
