"""`vampctl status --check` is the alarm of cron and Nagios: 1 for what needs a person, else 0."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import RUNS, FakeWorld, fake_world
from vampd.model.life_sign import Life, LifeState
from vampd.model.nights import Kind, NightId, StageName, State, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)
NOW = time.time()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    made = fake_world(monkeypatch)
    made.store.discover(NIGHT, NOW)
    return made


def becomes(world: FakeWorld, status: Status, **changes: Any) -> None:
    (record,) = world.store.nights()
    state = State(StageName.MANIFEST, status)
    world.store._nights[NIGHT] = replace(record, state=state, **changes)


@pytest.mark.parametrize(
    ("status", "changes", "expected"),
    [
        (Status.DONE, {"safe_at": NOW, "manifests": 1}, 0),  # only unmailed
        (Status.WAITING, {"code": "archive_unreachable"}, 0),
        (Status.FILLING, {"note_code": "still_written"}, 0),
        (Status.LEGACY, {"note_code": "legacy"}, 0),
        (Status.HELD, {}, 1),
        (Status.DONE, {"safe_at": None}, 1),
        (Status.DONE, {"safe_at": NOW, "note_code": "damaged_here"}, 1),
        (Status.WAITING, {"needs_person": True}, 1),
        (Status.FILLING, {"note_code": "night_unreadable"}, 1),
    ],
)
def test_a_night_that_needs_a_person_is_an_exit_status_of_one_in_every_form(
    world: FakeWorld, status: Status, changes: dict[str, Any], expected: int
) -> None:
    becomes(world, status, **changes)
    for words in ((), ("--json",), ("--problems",), ("20251106",), ("last", "--json")):
        assert world.run("status", *words, "--check").exit_code == expected, words
        assert world.run("status", *words).exit_code == 0
    assert json.loads(world.run("status", "--json", "--check").stdout)


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        (RUNS, 0),
        (Life(LifeState.STOPPED, RUNS.sign), 1),
        (Life(LifeState.KILLED, RUNS.sign), 1),
        (Life(LifeState.SILENT, RUNS.sign), 1),
        (Life(LifeState.NEVER_SEEN), 1),
        (Life(LifeState.UNKNOWN, RUNS.sign), 0),
    ],
)
def test_a_vampd_that_does_not_run_needs_a_person(
    world: FakeWorld, life: Life, expected: int
) -> None:
    sign = life.sign
    # Seen now: a sign from elsewhere must be recent.
    world.life = life if sign is None else replace(life, sign=replace(sign, seen_at=time.time()))
    assert world.run("status", "--check").exit_code == expected


def test_only_what_is_listed_is_checked(world: FakeWorld) -> None:
    becomes(world, Status.HELD)
    assert world.run("status", "--check", "--kind", "engineering").exit_code == 0
    assert world.run("status", "--check", "--unsafe").exit_code == 0
    assert world.run("status", "--check", "--held").exit_code == 1


def test_what_problems_lists_beside_the_nights_is_one_too(world: FakeWorld, tmp_path: Path) -> None:
    world.settings = make_settings(tmp_path)
    (tmp_path / NIGHT.folder / "vcam1" / "sub").mkdir(parents=True)
    assert world.run("status", "--problems", "--check").exit_code == 1
