"""A sign of life is held against what runs, and is never believed for being there."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from vampd.model.life_sign import (
    LATE_AFTER_S,
    Life,
    LifeSign,
    LifeState,
    ProcessMark,
    Surroundings,
    judge_life,
    parse_sign,
    write_sign,
)

NOW = 1_762_480_313.0
PROCESS = ProcessMark(4711, 555, "boot-1", "pid:[1]", "scexao5")
SIGN = LifeSign("0.4.0", PROCESS, 99, up_since=NOW - 7200, seen_at=NOW - 30, scanned_at=NOW - 40)
HERE = Surroundings("boot-1", "pid:[1]", "scexao5", 99, began=555)


def test_the_process_that_left_a_recent_sign_runs() -> None:
    life = judge_life(SIGN, HERE, NOW)
    assert (life.state, life.is_running, life.ended_at) == (LifeState.RUNNING, True, None)
    assert not life.needs_person(NOW)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"began": None}, LifeState.KILLED),
        ({"began": 556}, LifeState.KILLED),  # another process has its number
        ({"boot": "boot-2", "began": 555}, LifeState.KILLED),
        ({"boot": "boot-2", "host": "scexao6"}, LifeState.UNKNOWN),
        ({"namespace": "pid:[2]"}, LifeState.UNKNOWN),
        ({"began": None, "is_hidden": True}, LifeState.UNKNOWN),
        ({"database": 98}, LifeState.NEVER_SEEN),  # a copy of the folder
        ({"database": None}, LifeState.NEVER_SEEN),
    ],
)
def test_whatever_else_is_found_is_never_said_to_run(
    changes: dict[str, Any], state: LifeState
) -> None:
    life = judge_life(SIGN, replace(HERE, **changes), NOW)
    assert life.state is state
    assert life.is_running is (None if state is LifeState.UNKNOWN else False)


def test_one_that_was_killed_ended_at_its_last_sign_and_one_that_stopped_when_it_says() -> None:
    killed = judge_life(SIGN, replace(HERE, began=None), NOW)
    assert (killed.ended_at, killed.needs_person(NOW)) == (NOW - 30, True)
    stopped = judge_life(replace(SIGN, stopped_at=NOW - 5), HERE, NOW)
    assert (stopped.state, stopped.ended_at) == (LifeState.STOPPED, NOW - 5)
    assert stopped.needs_person(NOW)


def test_a_renamed_host_is_the_same_as_long_as_it_is_up() -> None:
    assert judge_life(SIGN, replace(HERE, host="new"), NOW).is_running


def test_a_living_process_without_signs_stands_still() -> None:
    late = replace(SIGN, seen_at=NOW - LATE_AFTER_S - 1)
    life = judge_life(late, HERE, NOW)
    assert (life.state, life.is_running) == (LifeState.SILENT, True)
    assert life.needs_person(NOW)


def test_where_it_cannot_be_told_a_recent_sign_suffices() -> None:
    elsewhere = Surroundings("boot-2", "pid:[1]", "scexao6", 99)
    assert not judge_life(SIGN, elsewhere, NOW).needs_person(NOW)
    assert judge_life(SIGN, elsewhere, NOW + LATE_AFTER_S).needs_person(NOW + LATE_AFTER_S)
    assert Life(LifeState.UNKNOWN, why="/x: Permission denied").needs_person(NOW)
    assert Life(LifeState.NEVER_SEEN).needs_person(NOW)


def test_a_sign_is_read_as_it_was_written() -> None:
    for sign in (SIGN, replace(SIGN, scanned_at=None, doing="a\udce9\n", stopped_at=1.5)):
        assert parse_sign(write_sign(sign)) == sign


def test_what_a_later_version_adds_is_passed_over() -> None:
    assert parse_sign(json.dumps(asdict(SIGN) | {"mood": "good"}).encode()) == SIGN


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 60_000,
        write_sign(SIGN)[:-20],
        json.dumps(asdict(SIGN) | {"process": 1}).encode(),
        json.dumps(asdict(SIGN) | {"process": asdict(PROCESS) | {"pid": "1"}}).encode(),
        json.dumps(asdict(SIGN) | {"seen_at": "now"}).encode(),
        json.dumps(asdict(SIGN) | {"is_paused": None}).encode(),
    ],
)
def test_what_is_no_sign_is_none(content: bytes) -> None:
    assert parse_sign(content) is None
