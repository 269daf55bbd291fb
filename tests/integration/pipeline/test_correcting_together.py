"""Two who correct a night at once lose no line, and what is no file is named in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from tests.support.worlds.proof.in_process import Answer, InProcess
from vampd.cli.files import correct
from vampd.config import load_settings
from vampd.model.headers import CORRECTIONS, Correction, format_corrections
from vampd.model.nights import Event, EventName, Kind, NightId
from vampd.store.database.opening import Access, open_store
from vampd.wiring.locks import foreground_lock

NIGHT = NightId("20251106", Kind.ARCHIVE)
OTHER = Correction(
    "2025-11-06T05:00:00..2025-11-06T05:01:00", "PROP-ID", "o25000", "o25001", "another person"
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    make_smallest(made.root)
    open_store(load_settings(made.config).database.url, Access.MIGRATE).close()
    with connected(made) as connections:
        connections.store.discover(NIGHT, 1.0)
    return made


def say(site: Site, *words: str) -> Answer:
    return InProcess(site).command("correct", NIGHT.date, *words)


def say_value(site: Site, *words: str) -> Answer:
    return say(site, "--set", "OBJECT=HD 2", "--where", "OBJECT=HD 34700", "--why", "x", *words)


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do this when a command has looked at the night and has not written yet."""
    show = correct._show

    def show_and_act(*arguments: Any) -> None:
        show(*arguments)
        act()

    monkeypatch.setattr(correct, "_show", show_and_act)


def test_what_another_wrote_meanwhile_is_not_written_over(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = site.folder(NIGHT) / CORRECTIONS, format_corrections([OTHER])
    meanwhile(monkeypatch, lambda: path.write_text(other))
    answer = say_value(site)
    assert (answer.status, "corrections_changed" in answer.text) == (1, True), answer.text
    assert path.read_text() == other


def test_a_proposal_is_taken_over_as_it_was_shown_or_not_at_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.folder(NIGHT) / CORRECTIONS
    assert say_value(site).status == 0
    shown = path.read_text()
    path.chmod(0o664)
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: path.write_text(shown.replace("HD 2", "HD 3")))
        answer = say(site, "--accept")
    assert (answer.status, "repeat it" in answer.text) == (1, True), answer.text
    assert path.stat().st_mode & 0o777 == 0o664
    path.write_text(shown)
    assert say(site, "--accept").status == 0
    assert (path.read_text(), path.stat().st_mode & 0o777) == (shown, 0o644)


def test_nothing_is_written_into_a_night_that_was_packed_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[bool] = []
    monkeypatch.setattr("vampd.stages.records.corrections._is_packed", lambda *_: bool(packed))
    meanwhile(monkeypatch, lambda: packed.append(True))
    answer = say_value(site)
    assert (answer.status, "`vampctl restore 20251106` first" in answer.text) == (1, True)
    assert not (site.folder(NIGHT) / CORRECTIONS).exists()


def test_while_another_command_is_at_the_night_nothing_is_written(site: Site) -> None:
    with foreground_lock(load_settings(site.config), NIGHT):
        answer = say_value(site)
        assert (answer.status, "locked" in answer.text) == (1, True), answer.text
        assert say_value(site, "--dry-run").status == 0
    assert not (site.folder(NIGHT) / CORRECTIONS).exists()
    assert say_value(site).status == 0


def test_who_is_not_the_owner_is_told_to_leave_what_another_wrote(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.folder(NIGHT) / CORRECTIONS
    path.write_text(format_corrections([OTHER]))
    path.chmod(0o664)
    for uid, way in ((os.geteuid(), "move it away"), (12_345, "tell the owner")):
        monkeypatch.setattr("os.geteuid", lambda uid=uid: uid)
        answer = say_value(site, "--dry-run")
        assert (answer.status, way in answer.text) == (1, True), answer.text
        assert ("move it away" in answer.text) is (way == "move it away")


def test_a_night_of_the_old_tools_is_not_corrected(site: Site) -> None:
    with connected(site) as connections:
        connections.store.apply(NIGHT, Event(EventName.RECOGNIZED), at=2.0, actor="vampd")
    answer = say_value(site)
    assert (answer.status, "stage_of_old_tools" in answer.text) == (2, True), answer.text
    assert not (site.folder(NIGHT) / CORRECTIONS).exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_neither_waited_for_nor_taken_over(
    site: Site, make: Callable[[Path], None]
) -> None:
    make(site.folder(NIGHT) / CORRECTIONS)
    for words, code in ((("--accept",), "no file"), (("--accept", "--dry-run"), "no file")):
        answer = say(site, *words)
        assert (answer.status, code in answer.text) == (1, True), answer.text
    answer = say_value(site)
    assert (answer.status, "correction_proposed" in answer.text) == (1, True), answer.text
