"""How far a night is, how fast it goes and when it will be done: to people and to programs."""

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.tools.terminal import FakeWorld, fake_world, run_in_terminal
from vampd.cli.shared.progress import format_hour, format_sizes
from vampd.model.nights import (
    Event,
    EventName,
    Kind,
    NightId,
    NightUpdate,
    StageName,
    State,
    Status,
    stages_of,
)

ARCHIVE = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    made = fake_world(monkeypatch)
    made.store.discover(ARCHIVE, 0.0)
    return made


_PACKING: dict[str, Any] = {
    "done_actions": 13,
    "all_actions": 140,
    "done_frames": 12_345,
    "all_frames": 98_000,
    "done_bytes": 7_100_000_000,
    "all_bytes": 56_300_000_000,
    "done_files": 12,
    "all_files": 38,
}


def _packing(world: FakeWorld, night: NightId = ARCHIVE, **told: Any) -> None:
    """The night packs, at 82 MB/s and with ten minutes to go."""
    for name in (EventName.SETTLED, EventName.CLAIMED):
        world.store.apply(night, Event(name), at=time.time() - 5, actor="vampd")
    fields = _PACKING | {"bytes_per_s": 82_000_000, "progressed_at": time.time()} | told
    world.store._nights[night] = replace(
        world.store._nights[night],
        state=State(StageName.FPACK, Status.RUNNING),
        bytes=56_300_000_000,
        **fields,
    )


def _in_an_hour_of(output: str, minutes: float) -> bool:
    """Whether what is shown is so far from now, give or take a minute."""
    (shown,) = re.findall(r"done at about (?:[\d-]+ )?(\d\d):(\d\d) UT", output)
    apart = (int(shown[0]) * 60 + int(shown[1])) - (time.time() / 60 + minutes)
    return min(apart % 1440, -apart % 1440) < 1.6


def test_a_night_at_work_shows_units_rate_and_time_of_its_stage(world: FakeWorld) -> None:
    _packing(world)
    shown = "12 of 38 cubes, 7.10 of 56.3 GB, 82.0 MB/s, done at about "
    for words in (("status",), ("status", "20251106"), ("why", "20251106", "--kind", "archive")):
        output = world.run(*words).output
        assert shown in output, output
        assert _in_an_hour_of(output, 10)
    assert "13/140 13%" in world.run("status").output


def test_a_night_that_waits_shows_how_far_it_came_and_no_time(world: FakeWorld) -> None:
    _packing(world)
    waiting = Event(EventName.FAILED, not_before=time.time() + 600)
    world.store.apply(ARCHIVE, waiting, at=time.time(), actor="vampd", code="x", message="y")
    for words in (("status",), ("status", "20251106"), ("why", "20251106", "--kind", "archive")):
        output = world.run(*words).output
        assert "done at about" not in output
        assert "MB/s" not in output
    assert "12 of 38 cubes, 7.10 of 56.3 GB\n" in world.run("status", "20251106").output


def test_when_all_bytes_are_done_the_falling_rate_is_not_shown(world: FakeWorld) -> None:
    _packing(world, done_bytes=_PACKING["all_bytes"])
    assert "12 of 38 cubes, 56.3 of 56.3 GB\n" in world.run("status", "20251106").output


def test_a_stage_without_bytes_shows_its_actions(world: FakeWorld) -> None:
    _packing(world, done_bytes=0, all_bytes=0, done_files=0, all_files=0, bytes_per_s=0)
    assert "13 of 140 actions\n" in world.run("status", "20251106").output


def test_programs_get_progress_rate_and_times_and_null_for_what_is_unknown(
    world: FakeWorld,
) -> None:
    unknown = ("bytes_per_s", "stage_done_at", "night_done_at", "by_own_rate", "by_earlier_nights")
    names = [name for name in _PACKING if not name.endswith("_actions")]
    known = {name: _PACKING[name] for name in names} | {"done": 13, "all": 140}
    _packing(world)
    (told,) = json.loads(world.run("status", "--kind", "archive", "--json").output)
    progress = told["progress"]
    assert {name: progress[name] for name in known} == known
    assert progress.keys() == known.keys() | set(unknown)
    assert progress["bytes_per_s"] == 82_000_000
    assert progress["stage_done_at"].endswith("Z")
    assert (progress["night_done_at"], progress["by_earlier_nights"]) == (None, None)
    world.store.update(ARCHIVE, NightUpdate(progressed_at=time.time() - 300))
    at_once = world.store.night(ARCHIVE)
    assert at_once is not None
    world.store._nights[ARCHIVE] = replace(at_once, changed_at=0.0)
    (told,) = json.loads(world.run("status", "--kind", "archive", "--json").output)
    assert {told["progress"][name] for name in unknown} == {None}


def test_the_end_of_a_night_says_by_what_and_is_not_told_without_an_earlier_night(
    world: FakeWorld,
) -> None:
    _packing(world)
    assert "all of it" not in world.run("status", "20251106").output
    earlier = NightId("20251105", Kind.ARCHIVE)
    world.store.discover(earlier, 0.0)
    at = 0.0
    world.store.apply(earlier, Event(EventName.SETTLED), at=at, actor="vampd")
    for _ in stages_of(Kind.ARCHIVE):  # 100 s each
        for name, took_s in ((EventName.CLAIMED, 0.0), (EventName.ADVANCED, 100.0)):
            at += took_s
            world.store.apply(earlier, Event(name), at=at, actor="vampd")
    world.store.update(earlier, NightUpdate(bytes=56_300_000_000))
    basis = "UT, by its own rate and what 1 earlier night took"
    for command in ("status", "why"):
        output = world.run(command, "20251106", "--kind", "archive").output
        assert basis in output
        (line,) = (each for each in output.splitlines() if "all of it" in each)
        assert _in_an_hour_of(line, 10 + 200 / 60)
    for command in ("status", "why"):
        words = (command, "20251106", "--kind", "archive", "--json")
        told = json.loads(world.run(*words).output)
        progress = (told[0] if command == "status" else told)["progress"]
        assert (progress["by_own_rate"], progress["by_earlier_nights"]) == (True, 1)
        assert progress["night_done_at"] > progress["stage_done_at"]


def test_sizes_share_a_unit_where_they_have_one() -> None:
    assert format_sizes(1_100_000_000, 1_800_000_000) == "1.10 of 1.80 GB"
    assert format_sizes(900_000_000, 1_800_000_000) == "900 MB of 1.80 GB"
    assert format_sizes(0, 1_800_000_000) == "0 B of 1.80 GB"


def test_an_hour_has_its_date_where_that_is_not_todays() -> None:
    noon = 1_762_430_400.0  # 2025-11-06 12:00:00
    assert format_hour(noon + 2 * 3600 + 31, noon) == "14:01 UT"
    assert format_hour(noon + 14 * 3600, noon) == "2025-11-07 02:00 UT"


_FOLLOWED = """
import sys, time
from vampd.cli.shared import output, stage_bar
from vampd.log import LogLevel, LogTarget, configure_log, get_log
from vampd.model.nights import Kind, NightId, NightRecord, StageName, State, Status
from vampd.model.progress import NightEnd

record = NightRecord(
    NightId("20251106", Kind.ARCHIVE), State(StageName.FPACK, Status.RUNNING), all_actions=9,
    all_bytes=10**9, done_bytes=25 * 10**7, all_files=4, done_files=1,
)
configure_log(LogTarget.CONSOLE, LogLevel.ERROR, stream=output.stderr_of_now())
stage_bar._LINE_EVERY_S = 0.0
with stage_bar.following(StageName.FPACK) as show:
    for number in range(3):
        show(record, NightEnd(time.time() + 60, True, 2), "paused: a camera writes")
        time.sleep(0.25)
        get_log().error("night.held", code=f"code_{number}")
"""


def _lines_of(shown: str) -> list[str]:
    """What stands in the lines that were written, one after the other."""
    return [
        line.strip() for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
    ]


@pytest.mark.parametrize("columns", [80, 160])
def test_no_line_of_the_log_stands_in_a_bar(tmp_path: Path, columns: int) -> None:
    (tmp_path / "followed.py").write_text(_FOLLOWED)
    shown = run_in_terminal([tmp_path / "followed.py"], columns)
    lines = _lines_of(shown)
    logged = [line for line in lines if "night.held" in line]
    assert len(logged) == 3
    for number, line in enumerate(logged):
        assert re.fullmatch(rf"\S+Z \[error\s*\] night\.held\s+code=code_{number}", line), line
    bars = [line for line in lines if "━" in line]
    assert len(bars) > 1
    # The first one knows nothing yet.
    assert all(re.fullmatch(r"fpack +[━╸╺]+( 25% paused: a camera writes)?", bar) for bar in bars)
    assert "1 of 4 cubes, 250 MB of 1.00 GB" in lines
    assert any(line.startswith("all of it done at about ") for line in lines)
    assert max(map(len, lines)) < columns


def test_without_a_terminal_a_stage_tells_in_plain_lines() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _FOLLOWED], capture_output=True, text=True, check=True
    )
    lines = told.stdout.splitlines()
    assert len(lines) == 3
    assert all(
        line.startswith("  fpack     paused: a camera writes; 1 of 4 cubes, 250 MB of 1.00 GB; all")
        for line in lines
    )
    assert "\x1b" not in told.stdout + told.stderr
    assert told.stderr.count("night.held") == 3
