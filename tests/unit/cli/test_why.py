"""vampctl why and history: nothing that is known of a night is kept back."""

import json
import os
import time
from pathlib import Path

import pytest

from tests.support.builders.settings import make_settings
from tests.support.tools.terminal import FakeWorld, fake_world
from vampd.engine.nights.night_listing import sign_files
from vampd.errors import ARCHIVE_UNKNOWN, UsageError
from vampd.model.delivery import ManifestFile
from vampd.model.nights import (
    Event,
    EventName,
    Kind,
    NightId,
    NightUpdate,
    StageName,
    Status,
    Wait,
    WaitCode,
    note_of,
)
from vampd.model.proofs import PackingReceipt

NIGHT = NightId("20251106", Kind.ARCHIVE)
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 3\nValueError: odd'


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    made = fake_world(monkeypatch)
    made.store.discover(NIGHT, 0.0)
    # Its folder is as it was when it settled: there is none.
    made.store.update(NIGHT, NightUpdate(signature=sign_files(())))
    return made


def move(world: FakeWorld, name: EventName, **reported: object) -> None:
    event = Event(name, reported.pop("stage", None), reported.pop("not_before", None))  # type: ignore[arg-type]
    world.store.apply(NIGHT, event, at=1.0, actor="vampd", **reported)  # type: ignore[arg-type]


def waiting(world: FakeWorld, not_before: float = 4e9) -> None:
    for name in (EventName.SETTLED, EventName.CLAIMED):
        move(world, name)
    move(world, EventName.FAILED, code="disk_low", message="no room", not_before=not_before)


def test_a_waiting_night_shows_error_next_attempt_advice_and_query(world: FakeWorld) -> None:
    waiting(world)
    shown = world.run("why", "20251106").stdout
    for reported in (
        "sync (1 of 6)",
        "waiting, since 1970-01-01 00:00:01 UT",
        "disk_low: no room",
        "attempt 2, 2096-10-02 07:06:40 UT",
        "vampctl retry 20251106",
        "journalctl -u vampd VAMPD_NIGHT=20251106",
    ):
        assert reported in shown
    assert "when there is capacity" not in shown


def test_of_a_date_with_both_kinds_each_is_shown_with_commands_of_its_own(world: FakeWorld) -> None:
    world.store.discover(NightId("20251106", Kind.ENGINEERING), 0.0)
    waiting(world)
    archive, engineering = world.run("why", "20251106").stdout.split("20251106 engineering\n")
    assert archive.startswith("20251106 archive\n")
    for shown, kind in ((archive, "archive"), (engineering, "engineering")):
        assert f"VAMPD_NIGHT=20251106 VAMPD_KIND={kind}\n" in shown
        commands = [line for line in shown.splitlines() if line.startswith("  vampctl ")]
        assert commands
        assert all("20251106" not in c or f"20251106 --kind {kind}" in c for c in commands)
    # A program gets one object, so it says which.
    assert world.fail("why", "20251106", "--json").code == "kind_needed"
    assert json.loads(world.run("why", "last", "--json", "--kind", "archive").stdout)


def test_a_traceback_is_reported_in_full_and_stays_in_sight_when_it_has_passed(
    world: FakeWorld,
) -> None:
    move(world, EventName.SETTLED)
    move(world, EventName.CLAIMED)
    move(world, EventName.HELD, code="bug", message=TRACEBACK)
    shown = world.run("why", "20251106").stdout
    assert all(f"  {line}" in shown for line in TRACEBACK.splitlines())
    assert "resolved" not in shown
    move(world, EventName.RETRIED)
    again = world.run("why", "20251106").stdout
    assert "last error (resolved): bug" in again
    assert all(f"  {line}" in again for line in TRACEBACK.splitlines())


def test_the_words_of_a_hold_are_said_once_and_come_back_when_it_has_passed(
    world: FakeWorld,
) -> None:
    move(world, EventName.SETTLED)
    move(world, EventName.CLAIMED)
    move(world, EventName.HELD, code="sync_unexpected", message="too many are alone")
    shown = world.run("why", "20251106").stdout
    assert shown.count("too many are alone") == 1
    assert "last error: sync_unexpected\n  at " in shown
    move(world, EventName.RETRIED)
    shown = world.run("why", "20251106").stdout
    assert shown.count("too many are alone") == 1
    assert "last error (resolved): sync_unexpected" in shown


def test_every_status_has_something_that_a_person_can_do(world: FakeWorld) -> None:
    def advised() -> str:
        reported = json.loads(world.run("why", "20251106", "--json").stdout)
        assert reported["advice"]
        assert reported["journal"].endswith("VAMPD_NIGHT=20251106")
        return f"{reported['status']}: {reported['advice'][0]['command'].split()[1]}"

    assert advised() == "filling: hold"
    move(world, EventName.SETTLED)
    assert advised() == "ready: plan"
    move(world, EventName.CLAIMED)
    assert advised() == "running: log"
    move(world, EventName.FAILED, code="x", message="y", not_before=0.0)
    assert advised() == "waiting: retry"
    for code, verb in (
        ("sync_unexpected", "summary"),
        ("old_tools", "restore"),
        ("held_by_person", "release"),
        ("bug", "log"),
        ("raw_changed", "retry"),
    ):
        move(world, EventName.HELD, code=code, message="z")
        assert advised() == f"held: {verb}"
        move(world, EventName.RETRIED)
        move(world, EventName.SETTLED)
    for _ in StageName:
        move(world, EventName.CLAIMED)
        move(world, EventName.ADVANCED)
    record = world.store.night(NIGHT)
    assert record is not None
    assert record.state.status is Status.DONE
    # What was found bad on the archive host is no longer safe.
    assert advised() == "done: retry"
    world.store.update(NIGHT, NightUpdate(safe_at=1.0))
    assert advised() == "done: mail"
    world.mail_log.acknowledge([ManifestFile(NIGHT, "manifest.csv", "a" * 64)], at=1.0, actor="a")
    world.store.update(NIGHT, NightUpdate(manifests=1))
    assert advised() == "done: audit"
    for cure, verb in (("recover 20251106", "recover"), ("retry 20251106 --from sync", "retry")):
        noted = Wait(WaitCode.DAMAGED_HERE, f"x is not as it was: `vampctl {cure}` mends it")
        world.store.update(NIGHT, note_of(noted))
        assert advised() == f"done: {verb}"
    world.store.update(NIGHT, note_of(Wait(WaitCode.DAMAGED_HERE, "x is a link: move it away")))
    assert advised() == "done: audit"
    world.store.update(NIGHT, note_of(None))
    move(world, EventName.DISPROVED, code="archive_copy_bad")
    assert advised() == "done: retry"


@pytest.mark.parametrize(
    "code",
    [
        *("sync_unexpected", "card_missing", "old_tools", "restored", "held_by_person", "bug"),
        *("frame_id_conflict", "frame_ids_disagree", "ledger_conflict", "ledger_damaged"),
        *("restore_unfinished", "late_partners"),
        *("grant_refused", "manifest_stale", "manifest_unsafe", "mail_uncertain", "any_other"),
        *("night_gone", "night_moved", "raw_changed", "set_aside_changed"),
        *("other_products", "corrections_changed", "corrections_malformed", "correction_disagrees"),
    ],
)
def test_what_is_advised_to_a_held_night_are_commands_that_there_are(
    world: FakeWorld, code: str
) -> None:
    world.store.discover(NightId("20251106", Kind.ENGINEERING), 0.0)
    move(world, EventName.HELD, code=code, message="z")
    reported = json.loads(world.run("why", "20251106", "--kind", "archive", "--json").stdout)
    assert reported["advice"]
    for advice in reported["advice"]:
        program, *words = advice["command"].split()
        assert program == "vampctl"
        shown = world.run(*words, "--help")
        assert shown.exit_code == 0, shown.output
        assert shown.stdout.startswith("Usage:")
        about_a_night = "NIGHT" in shown.stdout.split("Options:")[0]
        assert about_a_night == ("20251106" in words)
        assert ("--kind" in words) == (about_a_night and "--kind" in shown.stdout)


def test_a_night_whose_archive_is_unknown_is_told_how_to_make_it_known(world: FakeWorld) -> None:
    for name in (EventName.SETTLED, EventName.CLAIMED):
        move(world, name)
    move(
        world,
        EventName.FAILED,
        not_before=4e9,
        code=ARCHIVE_UNKNOWN,
        message="it lacks its mark",
    )
    reported = json.loads(world.run("why", "20251106", "--json").stdout)
    commands = [advice["command"] for advice in reported["advice"]]
    assert commands == [
        "vampctl doctor",
        "vampctl retry 20251106",
        "vampctl archive accept archive",
    ]
    for command in ("doctor", "archive accept archive"):
        assert world.run(*command.split(), "--help").exit_code == 0
    assert "archive_unknown: it lacks its mark" in world.run("why", "20251106").stdout


def test_a_night_whose_archive_the_settings_name_otherwise_is_told_how_to_move_it(
    world: FakeWorld,
) -> None:
    for name in (EventName.SETTLED, EventName.CLAIMED):
        move(world, name)
    said = "if it was moved there, `vampctl archive moved archive --to sc6l:/a b`; else set it"
    move(world, EventName.FAILED, not_before=4e9, code=ARCHIVE_UNKNOWN, message=said)
    reported = json.loads(world.run("why", "20251106", "--json").stdout)
    assert [advice["command"] for advice in reported["advice"]] == [
        "vampctl doctor",
        "vampctl archive moved archive --to sc6l:/a b",
        "vampctl retry 20251106",
    ]


def test_advice_names_the_kind_only_where_a_date_has_both(world: FakeWorld) -> None:
    assert "--kind" not in world.run("why", "20251106").stdout
    world.store.discover(NightId("20251106", Kind.ENGINEERING), 0.0)
    assert world.fail("why", "20251106", "--json").exit_status == 2
    shown = world.run("why", "20251106", "--kind", "archive").stdout
    assert "vampctl hold 20251106 --kind archive" in shown


def test_history_shows_every_event_of_both_kinds(world: FakeWorld) -> None:
    for _ in range(20):
        move(world, EventName.HELD, code="held_by_person", message="word")
        move(world, EventName.RETRIED)
    world.store.discover(NightId("20251106", Kind.ENGINEERING), 0.0)
    archive, engineering = json.loads(world.run("history", "20251106", "--json").stdout)
    assert len(archive["events"]) == 40
    assert engineering == {
        "date": "20251106",
        "kind": "engineering",
        "events": [],
        "ended_receipts": [],
    }
    move(world, EventName.HELD, code="bug", message="`vampctl retry 20251106`")
    shown = world.run("history", "20251106").stdout
    assert shown.count("held_by_person: word") == 20
    assert "`vampctl retry 20251106 --kind archive`" in shown
    assert "20251106 engineering, 0 events" in shown


def test_history_keeps_the_packing_receipts_that_a_restore_has_ended(world: FakeWorld) -> None:
    receipts = [PackingReceipt(f"vgen2/{n}.txt", 7, "a" * 64, None) for n in range(3)]
    world.packing_receipts.record(NIGHT, receipts[:2], at=5.0)
    world.packing_receipts.end(NIGHT, at=6.0, actor="alice")
    world.packing_receipts.record(NIGHT, receipts[2:], at=7.0)
    (reported,) = json.loads(world.run("history", "20251106", "--json").stdout)
    first = reported["ended_receipts"][0]
    assert len(reported["ended_receipts"]) == 2
    assert (first["path"], first["sha256"]) == (receipts[0].path, "a" * 64)
    assert (first["ended_at"], first["ended_by"]) == ("1970-01-01T00:00:06Z", "alice")
    shown = world.run("history", "20251106").stdout
    assert "2 packing receipts ended 1970-01-01T00:00:06Z by alice" in shown


def at_frame_ids(world: FakeWorld, authority: str = "local") -> None:
    first = {"authority": authority} | ({"first": "VMPA90000001"} if authority == "local" else {})
    world.settings = make_settings(frameids=first)
    move(world, EventName.SETTLED)
    for _ in range(2):
        move(world, EventName.CLAIMED)
        move(world, EventName.ADVANCED)


def commands(world: FakeWorld, *words: str) -> list[str]:
    reported = json.loads(world.run("why", "20251106", *words, "--json").stdout)
    return [" ".join(advice["command"].split()[1:]) for advice in reported["advice"]]


@pytest.mark.parametrize("failed", [False, True])
def test_a_night_yet_to_start_shows_what_the_rule_says_now_whatever_its_note(
    world: FakeWorld, failed: bool
) -> None:
    at_frame_ids(world)
    if failed:
        move(world, EventName.CLAIMED)
        move(world, EventName.FAILED, code="disk_low", message="no room", not_before=0.0)
    world.store.update(NIGHT, NightUpdate(note_code="still_written", note="an old note"))
    shown = world.run("why", "20251106").stdout
    assert "an old note" not in shown
    assert (
        "disk_low: no room; next attempt now" if failed else "it may start at any time"
    ) in shown
    older = NightId("20251105", Kind.ARCHIVE)
    world.store.discover(older, 0.0)
    world.store.update(older, NightUpdate(bytes=1))
    shown = world.run("why", "20251106").stdout
    assert "waits for the older night 20251105" in shown
    assert "an old note" not in shown
    assert ("disk_low: no room" in shown) == failed
    assert commands(world) == ["release 20251106", "plan 20251106"]
    world.store.update(NIGHT, NightUpdate(note_code="older_night", note="waits"))
    move(world, EventName.RELEASED)
    assert "release 20251106" not in commands(world)


def test_a_night_without_an_authority_is_not_advised_to_be_released(world: FakeWorld) -> None:
    at_frame_ids(world, "none")
    move(world, EventName.CLAIMED)
    move(world, EventName.FAILED, code="no_authority", message="5 are needed", not_before=0.0)
    world.store.update(NIGHT, NightUpdate(note_code="older_night", note="an old note"))
    assert 'frameids.authority is "none"' in world.run("why", "20251106").stdout
    assert commands(world) == ["doctor", "plan 20251106"]


@pytest.mark.parametrize("steps", [[], [EventName.SETTLED], [EventName.HELD]])
def test_an_ignored_night_is_not_advised_to_be_started_or_stopped(
    world: FakeWorld, steps: list[EventName]
) -> None:
    world.settings = make_settings(watch={"ignore_before": "20260101"})
    for name in steps:
        move(world, name, code="bug", message="z")
    shown = world.run("why", "20251106").stdout
    assert "older than watch.ignore_before (20260101)" in shown
    assert "nothing until that has changed" in shown
    assert commands(world) == ["plan 20251106"]


def test_incomplete_cubes_show_when_the_night_starts_without_them(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.settings = make_settings(tmp_path, watch={"quiet_after_s": 60, "stale_after_s": 7200})
    cube = tmp_path / NIGHT.folder / "vcam1" / "vcam1_08:00:00.000000000.fits"
    cube.parent.mkdir(parents=True)
    cube.write_bytes(b"cut short")
    for path in (cube, cube.parent):
        os.utime(path, (time.time() - 600, time.time() - 600))
    shown = world.run("why", "20251106").stdout
    assert "waits for 1 incomplete cube: vcam1/" in shown
    assert "when they are complete, or 2 h after the last change" in shown
    assert commands(world) == ["run 20251106 --as-it-is", "hold 20251106"]
    refused = world.fail("transfer", "20251106")
    assert isinstance(refused, UsageError)
    assert "`vampctl run 20251106 --as-it-is`" in refused.message


@pytest.mark.parametrize("failed", [False, True])
def test_a_settled_night_with_new_raw_files_is_shown_as_it_will_be_judged(
    world: FakeWorld, tmp_path: Path, failed: bool
) -> None:
    world.settings = make_settings(tmp_path, watch={"quiet_after_s": 3600, "stale_after_s": 7200})
    move(world, EventName.SETTLED)
    if failed:
        move(world, EventName.CLAIMED)
        move(world, EventName.FAILED, code="disk_low", message="no room", not_before=0.0)
    cube = tmp_path / NIGHT.folder / "vcam1" / "vcam1_08:00:00.000000000.fits"
    cube.parent.mkdir(parents=True)
    cube.write_bytes(b"cut short")
    shown = world.run("why", "20251106").stdout
    assert "waits until writing to it has ended" in shown
    assert ("disk_low: no room" in shown) == failed
    assert "it starts by itself once it is quiet" in shown
    assert commands(world) == ["hold 20251106"]
