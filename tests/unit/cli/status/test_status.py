"""What `vampctl status` tells, to people and to programs."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.cli.look.night_notes import describe, has_problem, needs_person
from vampd.cli.look.night_objects import night_object
from vampd.cli.status.nights_table import COLUMNS, night_row
from vampd.errors import UsageError
from vampd.model.delivery import Acknowledgement, Correspondence, ManifestFile
from vampd.model.nights import (
    Discovery,
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    NightUpdate,
    StageName,
    State,
    Status,
)
from vampd.model.proofs import format_sums

NOW = 1_762_480_313.0  # 2025-11-07T01:51:53Z
ARCHIVE = NightId("20251106", Kind.ARCHIVE)
ENGINEERING = NightId("20251106", Kind.ENGINEERING)
CONTRACT = {"date", "kind", "stage", "status", "safe_at", "frames", "bytes", "attempts", "error"}
MORE = {"code", "not_before", "note", "progress"}


def record(status: Status, **changes: Any) -> NightRecord:
    state = State(
        StageName.FPACK,
        status,
        attempts=2,
        not_before=NOW + 200 if status is Status.WAITING else None,
    )
    return replace(NightRecord(ARCHIVE, state, changed_at=NOW - 7300), **changes)


@pytest.mark.parametrize(
    ("status", "changes", "is_problem"),
    [
        (Status.HELD, {}, True),
        (Status.WAITING, {}, False),
        (Status.WAITING, {"needs_person": True}, True),
        (Status.FILLING, {"note_code": "not_readable"}, True),
        (Status.FILLING, {"note_code": "night_unreadable"}, True),
        (Status.FILLING, {"note_code": "still_written"}, False),
        (Status.DONE, {"safe_at": NOW}, False),
        (Status.DONE, {"safe_at": None}, True),
        (Status.DONE, {"safe_at": NOW, "note_code": "damaged_here"}, True),
        (Status.LEGACY, {"note_code": "legacy"}, False),
        (Status.HELD, {"note_code": "night_ignored"}, False),
    ],
)
def test_a_problem_is_what_needs_a_person(
    status: Status, changes: dict[str, Any], is_problem: bool
) -> None:
    assert has_problem(record(status, **changes)) is is_problem


def test_what_was_remade_since_it_was_mailed_is_a_problem_until_it_is_mailed() -> None:
    sent = ManifestFile(ARCHIVE, "manifest_VMP_20251106.csv", "a" * 64)
    told = Correspondence(acknowledged=(Acknowledgement(sent, "x", NOW),))
    for sha256, is_problem in (("a" * 64, False), ("b" * 64, True)):
        sums = format_sums({sent.name: sha256})
        done = record(Status.DONE, safe_at=NOW, manifests=1, manifest_sums=sums)
        assert has_problem(done, told) is is_problem
        said = "written anew since it was mailed, not mailed"
        assert (said in describe(done, NOW, told)) is is_problem
        assert (night_object(done, NOW, told)["acknowledged_at"] is None) is is_problem


def test_what_may_not_be_read_needs_a_person_from_the_first_look() -> None:
    assert needs_person(record(Status.FILLING, note_code="not_readable"))
    assert not needs_person(record(Status.FILLING, note_code="night_unreadable"))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    """Two nights of one date: the engineering one is held, the archive one fills."""
    made = fake_world(monkeypatch)
    for night in (ARCHIVE, ENGINEERING):
        made.store.discover(night, NOW)
    made.store.apply(
        ENGINEERING, Event(EventName.HELD), at=NOW, actor="vampd", code="why", message="a reason"
    )
    return made


@pytest.mark.parametrize("name", ["held", "unsafe", "unmailed"])
def test_what_is_asked_for_is_shown_and_nothing_else_and_two_show_both(
    world: FakeWorld, name: str
) -> None:
    for date, changes in (
        ("20251105", {"safe_at": NOW, "manifests": 1}),
        ("20251104", {"manifests": 0}),
    ):
        night = NightId(date, Kind.ARCHIVE)
        world.store.discover(night, NOW)
        made = world.store.nights()[0]
        done = replace(made, state=State(StageName.MANIFEST, Status.DONE), **changes)
        world.store._nights[night] = done
    dates = {"held": ["20251106"], "unsafe": ["20251104"], "unmailed": ["20251105"]}

    def shown(*words: str) -> list[str]:
        return [one["date"] for one in json.loads(world.run("status", *words, "--json").stdout)]

    assert shown(f"--{name}") == dates[name]
    assert shown(f"--{name}", "--held") == sorted({*dates[name], "20251106"})
    assert shown("--since", "20251105") == ["20251105", "20251106", "20251106"]
    assert shown("--since", "last") == ["20251106", "20251106"]
    assert shown("--last", "3", "--kind", "archive") == ["20251104", "20251105", "20251106"]
    plain = world.run("status").stdout.splitlines()
    assert "4 nights: 1 held, 1 NOT safe, 1 unmailed" in plain


@pytest.mark.parametrize(
    ("safe_at", "style"), [(NOW, "green"), (None, "bold red")], ids=["safe", "NOT safe"]
)
def test_what_is_not_safe_is_never_green(safe_at: float | None, style: str) -> None:
    row = night_row(record(Status.DONE, safe_at=safe_at, note="a note"), NOW)
    assert [c.style(cell, row) for c, cell in zip(COLUMNS, row, strict=True)][3] == style


@pytest.mark.parametrize("status", Status)
def test_every_status_is_told_to_programs_with_the_whole_contract(status: Status) -> None:
    reported = night_object(record(status), NOW)
    assert reported.keys() >= CONTRACT | MORE
    assert json.loads(json.dumps(reported)) == reported
    assert (reported["kind"], reported["stage"], reported["status"]) == (
        "archive",
        "fpack",
        status.value,
    )
    assert "claim" not in reported


def test_times_for_programs_are_ut_and_unknown_ones_null() -> None:
    reported = night_object(record(Status.WAITING, safe_at=NOW), NOW)
    assert reported["safe_at"] == "2025-11-07T01:51:53Z"
    assert reported["not_before"] == "2025-11-07T01:55:13Z"
    assert reported["processed_at"] is None
    assert night_object(record(Status.READY), NOW)["safe_at"] is None


def test_a_waiting_night_shows_why_and_when_it_tries_again() -> None:
    waiting = record(Status.WAITING, code="remote_unavailable", error="cannot reach sc6l")
    reported = "remote_unavailable: cannot reach sc6l; next attempt in "
    assert describe(waiting, NOW) == reported + "3 min"
    assert describe(waiting, NOW + 500) == reported.removesuffix("in ") + "now"


def test_a_night_that_waits_for_an_authority_announces_no_attempt() -> None:
    note = 'waits for frame IDs: frameids.authority is "none"'
    waiting = record(Status.WAITING, code="no_authority", error="5 are needed")
    assert "next attempt" in describe(waiting, NOW)
    assert describe(replace(waiting, note_code="no_authority", note=note), NOW) == note


def test_a_held_night_shows_why_in_one_line() -> None:
    trace = "Traceback (most recent call last):\n  File 'x'\nKeyError: 'EXPTIME'"
    held = record(Status.HELD, code="bug", error=trace)
    assert describe(held, NOW) == "bug: KeyError: 'EXPTIME'"
    assert describe(record(Status.HELD), NOW)


def test_a_running_night_shows_its_attempt_and_what_went_wrong_before() -> None:
    running = record(Status.RUNNING, code="disk_full", error="no space left")
    assert describe(running, NOW) == "attempt 2; before: disk_full: no space left"


@pytest.mark.parametrize("status", Status)
def test_the_daemons_own_note_is_never_hidden(status: Status) -> None:
    assert "waits for 20251105" in describe(record(status, note="waits for 20251105"), NOW)


def test_what_is_wrong_with_a_finished_night_comes_before_what_is_right() -> None:
    damaged = record(Status.DONE, safe_at=NOW, note="vgen2/x.fits.fz is gone")
    assert describe(damaged, NOW) == "vgen2/x.fits.fz is gone; safe"
    assert describe(replace(damaged, safe_at=None), NOW).startswith("NOT safe")


def test_a_row_is_for_people() -> None:
    row = night_row(
        record(Status.RUNNING, frames=12000, bytes=6_930_000_000, done_actions=3, all_actions=40),
        NOW,
    )
    assert row[:8] == (
        "20251106",
        "archive",
        "fpack",
        "running",
        "3/40",
        "12,000",
        "6.93 GB",
        "2 h",
    )


def test_json_is_a_list_whatever_is_asked(world: FakeWorld) -> None:
    for words, kinds in (
        ((), ["archive", "engineering"]),
        (("20251106",), ["archive", "engineering"]),
        (("--kind", "archive"), ["archive"]),
        (("2025-11-06", "--kind", "engineering"), ["engineering"]),
    ):
        result = world.run("status", "--json", *words)
        assert result.exit_code == 0
        assert [reported["kind"] for reported in json.loads(result.output)] == kinds


def test_the_history_of_one_night_is_told_to_programs(world: FakeWorld) -> None:
    reported = json.loads(world.run("status", "20251106", "--json").output)
    assert [len(night["events"]) for night in reported] == [0, 1]
    event = reported[1]["events"][0]
    assert (event["event"], event["code"], event["actor"]) == ("held", "why", "vampd")


def test_both_nights_of_a_date_are_shown_with_their_events(world: FakeWorld) -> None:
    world.store.update(ENGINEERING, NightUpdate(frames=1234, bytes=5_000_000))
    shown = world.run("status", "20251106").output
    assert shown.index("20251106 archive") < shown.index("20251106 engineering")
    for text in ("why: a reason", "last 1 of 1 events", "1,234", "5.00 MB", "sync (1 of 4)"):
        assert text in shown


def test_an_error_of_many_lines_is_shown_in_full_for_one_night(world: FakeWorld) -> None:
    trace = "Traceback (most recent call last):\n  File 'x', line 1\nKeyError: 'EXPTIME'"
    world.store.apply(
        ARCHIVE, Event(EventName.HELD), at=NOW, actor="vampd", code="bug", message=trace
    )
    assert "File 'x', line 1" in world.run("status", "20251106").output
    assert "File 'x', line 1" not in world.run("status").output


def test_in_a_pipe_each_night_is_one_plain_line(world: FakeWorld) -> None:
    long = "a long word " * 40
    world.store.update(ARCHIVE, NightUpdate(note=f"{long}\n{long}"))
    shown = world.run("status").output
    assert "\x1b" not in shown
    lines = shown.splitlines()
    assert len(lines) == 5  # the titles, two nights, their sum, and the daemon
    assert lines[0].split() == [
        *("date", "kind", "stage", "status", "progress"),
        *("frames", "size", "age", "quality", "note"),
    ]
    assert lines[1].rstrip().endswith("a long word")
    assert len(lines[1]) > 900


def test_age_counts_from_the_last_move(world: FakeWorld) -> None:
    world.store.apply(ARCHIVE, Event(EventName.SETTLED), at=time.time() - 130, actor="vampd")
    assert "  2 min" in world.run("status").output.splitlines()[1]


def test_an_unknown_night_is_a_usage_error(world: FakeWorld) -> None:
    error = world.fail("status", "20251108")
    assert isinstance(error, UsageError)
    assert "20251106 (archive), 20251106 (engineering)" in error.message


def test_where_nothing_is_what_was_asked_for_it_says_so(world: FakeWorld) -> None:
    nothing, daemon = world.run("status", "--unsafe").stdout.splitlines()
    assert (nothing, daemon[:11]) == ("no such night", "vampd 1.2.3")
    assert world.run("status", "--problems", "--unsafe").stdout == "nothing needs a person\n"


def test_without_nights_only_the_titles_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = fake_world(monkeypatch)
    assert empty.run("status").output.split()[0] == "date"
    assert json.loads(empty.run("status", "--json").output) == []


def test_nights_that_vampd_leaves_alone_are_counted_in_one_line(world: FakeWorld) -> None:
    old = [NightId(f"2024010{day}", Kind.ARCHIVE) for day in range(1, 5)]
    found = [Discovery(night, "vsync", "legacy", "a night of the old tools") for night in old[:3]]
    found.append(Discovery(old[3], None, "night_ignored", "older"))
    world.store.discover_all(found, NOW, "vampd")
    world.store.discover(ARCHIVE, NOW)
    lines = world.run("status").output.splitlines()
    (line,) = [line for line in lines if "202401" in line]
    assert line.startswith("3 nights of the old tools (legacy), 1 night ignored, 20240101 to")
    assert sum("202401" in line for line in world.run("status", "--all").output.splitlines()) == 4
    listed = json.loads(world.run("status", "--json").output)
    assert {night.date for night in old} <= {each["date"] for each in listed}
    assert "202401" not in world.run("status", "--problems").output


def test_of_one_night_that_vampd_leaves_alone_its_date_is_said_once(world: FakeWorld) -> None:
    old = NightId("20240101", Kind.ARCHIVE)
    found = [Discovery(old, "vsync", "legacy", "a night of the old tools")]
    world.store.discover_all(found, NOW, "vampd")
    (line,) = [line for line in world.run("status").output.splitlines() if "202401" in line]
    assert line.strip() == "1 night of the old tools (legacy), 20240101; --all lists them"


def test_a_folder_in_a_stream_is_among_the_problems(world: FakeWorld, tmp_path: Path) -> None:
    world.settings = make_settings(tmp_path)
    (tmp_path / ENGINEERING.folder / "vcam1" / "sub").mkdir(parents=True)
    shown = world.run("status", "--problems").output
    assert "20251106/vcam1/sub is a folder in a camera stream; vampd leaves it alone" in shown


@pytest.mark.parametrize(
    ("frames", "verdict", "shown"),
    [
        (0, "", "none: sync has taken no cube"),
        (60, "", "within the limits of [sync]"),
        (60, "5 of 60 frames were set aside", "UNEXPECTED: 5 of 60 frames were set aside"),
    ],
)
def test_the_verdict_of_a_night_is_what_was_judged(
    world: FakeWorld, frames: int, verdict: str, shown: str
) -> None:
    world.store.update(ENGINEERING, NightUpdate(frames=frames, verdict=verdict))
    lines = world.run("status", "20251106", "--kind", "engineering").output.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if "verdict" in line] == [shown]
