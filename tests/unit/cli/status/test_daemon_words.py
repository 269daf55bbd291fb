"""What `vampctl status` and `vampctl daemon` say of vampd itself."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.support.tools.terminal import RUNS, fake_world
from vampd.cli.status.daemon_words import daemon_object, describe_life, life_rows, style_of_life
from vampd.model.life_sign import Life, LifeState

NOW = 1_762_480_313.0  # 2025-11-07T01:51:53Z
assert RUNS.sign is not None
SIGN = replace(
    RUNS.sign, version="0.4.0", up_since=NOW - 90_000, seen_at=NOW - 12, scanned_at=NOW - 12
)
RUNNING = Life(LifeState.RUNNING, SIGN)
PAUSED = Life(LifeState.RUNNING, replace(SIGN, is_paused=True))
CREWED = Life(LifeState.RUNNING, replace(SIGN, crew="dask, 2 hosts, 3 of 4 places busy"))
STOPPED = Life(LifeState.STOPPED, replace(SIGN, stopped_at=NOW - 7300))
KILLED = Life(LifeState.KILLED, SIGN, "it was killed")
SILENT = Life(LifeState.SILENT, replace(SIGN, seen_at=NOW - 700), "its loop stands still")
ELSEWHERE = Life(LifeState.UNKNOWN, SIGN, "it was started on scexao6")
NEVER = Life(LifeState.NEVER_SEEN)
REFUSED = Life(LifeState.UNKNOWN, why="/x: Permission denied")
ALL = (RUNNING, PAUSED, STOPPED, KILLED, SILENT, ELSEWHERE, NEVER, REFUSED)


@pytest.mark.parametrize(
    ("life", "line"),
    [
        (RUNNING, "vampd 0.4.0 up since 2025-11-06 00:51 UT, scanned 12 s ago"),
        (
            PAUSED,
            "vampd 0.4.0 up since 2025-11-06 00:51 UT, paused while cameras write,"
            " scanned 12 s ago",
        ),
        (
            CREWED,
            "vampd 0.4.0 up since 2025-11-06 00:51 UT, scanned 12 s ago,"
            " crew: dask, 2 hosts, 3 of 4 places busy",
        ),
        (STOPPED, "vampd is NOT running since 2025-11-06 23:50 UT, 2 h ago"),
        (KILLED, "vampd is NOT running since 2025-11-07 01:51 UT, 12 s ago: it was killed"),
        (SILENT, "vampd 0.4.0 runs but stands still: its last sign of life is of 11 min ago"),
        (NEVER, "vampd is NOT running: none has left a sign beside its database"),
        (REFUSED, "whether vampd runs cannot be told: /x: Permission denied"),
    ],
)
def test_the_last_line_says_whether_it_runs_and_since_when(life: Life, line: str) -> None:
    assert describe_life(life, NOW) == line


def test_one_that_does_not_run_is_red_and_only_one_that_works_is_green() -> None:
    assert [style_of_life(life) for life in ALL] == [
        "green",
        "yellow",
        *["bold red"] * 3,
        "yellow",
        "bold red",
        "yellow",
    ]


def test_programs_read_the_same() -> None:
    told = [daemon_object(life, NOW) for life in ALL]
    assert json.loads(json.dumps(told)) == told
    assert [one["running"] for one in told] == [True, True, False, False, True, None, False, None]
    assert [one["needs_person"] for one in told] == [False] * 2 + [True] * 3 + [False] + [True] * 2
    assert len({tuple(one) for one in told}) == 1
    assert told[0]["scanned_at"] == "2025-11-07T01:51:41Z"
    assert told[2]["ended_at"] == "2025-11-06T23:50:13Z"
    assert told[0]["ended_at"] is None


def test_one_that_has_ended_does_nothing() -> None:
    assert dict(life_rows(RUNNING, NOW))["does"] == "idle: 2 done"
    assert "does" not in dict(life_rows(KILLED, NOW))
    assert dict(life_rows(NEVER, NOW)) == {"state": describe_life(NEVER, NOW)}


def test_status_ends_with_that_line_however_it_is_filtered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = fake_world(monkeypatch)
    for life, begin in ((RUNS, "vampd 1.2.3 up since"), (STOPPED, "vampd is NOT running since")):
        world.life = life
        for words in ((), ("--held",), ("--kind", "archive"), ("--all",)):
            assert world.run("status", *words).stdout.splitlines()[-1].startswith(begin)
        assert isinstance(json.loads(world.run("status", "--json").stdout), list)


def test_a_problem_is_one_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world(monkeypatch)
    assert world.run("status", "--problems").stdout == "nothing needs a person\n"
    world.life = NEVER
    assert world.run("status", "--problems").stdout.splitlines() == [describe_life(NEVER, NOW)]


def test_the_command_tells_people_and_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    world = fake_world(monkeypatch)
    shown = world.run("daemon").stdout
    assert shown.splitlines()[0] == "the vampd of /data/vampd.db"
    assert "1.2.3" in shown
    assert json.loads(world.run("daemon", "--json").stdout)["state"] == "running"
