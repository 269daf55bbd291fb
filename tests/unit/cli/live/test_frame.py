"""The live screen: what it shows fits, and nothing in it is obeyed by a terminal."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.tools.terminal import RUNS
from vampd.cli.live.frame import frame
from vampd.cli.live.newest_cubes import NewestCube
from vampd.cli.live.view import Disk, Disks, NightNow, View, Work
from vampd.model.life_sign import Life, LifeState
from vampd.model.nights import (
    EventName,
    EventRecord,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    Stream,
)
from vampd.model.progress import NightEnd
from vampd.model.resources import Space

NOW = 1_762_480_313.0  # 2025-11-07 01:51:53 UT
TONIGHT = NightId("20251107", Kind.ENGINEERING)
SIZES = ((40, 10), (80, 24), (81, 25), (160, 50), (300, 100))


def cube(camera: Stream = Stream.VCAM1, **known: Any) -> NewestCube:
    name = f"{camera}_01:51:{known.pop('second', 50)}.450520368.fits"
    shown = {"shape": "1000x536x536", "object": "HD 34700", "type": "OBJECT"} | known
    return NewestCube(TONIGHT, camera, name, 574_000_000, NOW - 3, **shown)


def night(date: str, status: Status, **known: Any) -> NightNow:
    record = NightRecord(
        NightId(date, Kind.ARCHIVE), State(StageName.FPACK, status), changed_at=NOW - 60, **known
    )
    return NightNow(record)


def event(message: str, at: float = NOW) -> EventRecord:
    name, stage = EventName.HELD, StageName.FPACK
    return EventRecord(TONIGHT, at, name, stage, 1, "a_code", "vampd", message)


RUNNING = {
    "all_actions": 40,
    "done_files": 12,
    "all_files": 38,
    "done_bytes": 1_100_000_000,
    "all_bytes": 1_800_000_000,
    "bytes_per_s": 92_000_000,
    "progressed_at": NOW,
}


def view(**parts: Any) -> View:
    disks = Disks(
        NOW,
        tuple(
            cube(camera, second=50 - n) for camera in (Stream.VCAM1, Stream.VCAM2) for n in (1, 2)
        ),
        (Disk("nights", Space(10**12, 4 * 10**12)), Disk("database", Space(10**9, 10**11))),
    )
    work = Work(
        (
            NightNow(
                night("20251106", Status.RUNNING, **RUNNING).record, NightEnd(NOW + 900, True, 2)
            ),
            night("20251105", Status.HELD, code="sync_unexpected", error="look at it"),
            *(night(f"202510{day}", Status.READY) for day in range(10, 31)),
        ),
        tuple(event(f"message {number}") for number in range(40)),
        done=27,
    )
    return replace(View(NOW, Path("/mnt/fuuu"), RUNS, work, disks), **parts)


def shown(seen: View, columns: int = 80, rows: int = 24) -> str:
    return "\n".join(text for text, _ in frame(seen, columns, rows))


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_a_frame_is_neither_wider_nor_taller_than_the_terminal(columns: int, rows: int) -> None:
    lines = frame(view(), columns, rows)
    assert len(lines) <= rows
    assert max(len(text) for text, _ in lines) <= columns


def test_at_80_by_24_all_parts_are_there() -> None:
    text = shown(view())
    for part in (
        "2025-11-07 01:51:53 UT",
        "vampd 1.2.3 up since",
        "newest cubes, of 20251107 engineering",
        "vcam1_01:51:49",
        "vcam2_01:51:49",
        "1000x536x536  574 MB  HD 34700  OBJECT",
        "nights: 23 not done, 27 done, 92.0 MB/s in all",
        "running  all of it at about 02:07 UT",
        "    12 of 38 cubes, 1.10 of 1.80 GB, 92.0 MB/s, done at about 01:52 UT",
        "20251105  archive  fpack  held     sync_unexpected",
        "more",
        "nights    1.00 TB free of 4.00 TB (25%)",
        "last events",
        "01:51:53  20251107 engineering  fpack  held  a_code: message 0",
    ):
        assert part in text, (part, text)


def test_where_rows_are_few_events_go_first_and_cubes_last() -> None:
    text = shown(view(), 80, 16)
    assert "last events" not in text
    assert "vcam2_01:51:49" in text


def test_what_needs_a_person_is_red() -> None:
    styles = dict(frame(view(), 80, 24))
    (held,) = (style for text, style in styles.items() if " held     sync_unexpected" in text)
    (low,) = (style for text, style in styles.items() if text.startswith("database"))
    assert (held, low) == ("bold red", "bold red")


HOSTILE = "\x1b]0;x\x07\x1b[2J\n\u202etxt.exe\u2028\udcff"


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_whatever_names_hold_is_shown_as_text(columns: int, rows: int) -> None:
    bad = replace(cube(object=HOSTILE, type=HOSTILE, shape=HOSTILE), name=HOSTILE)
    seen = view(
        disks=Disks(NOW, (bad,), why=""),
        work=Work(
            (night("20251105", Status.HELD, code=HOSTILE, error=HOSTILE),),
            (event(HOSTILE),),
        ),
    )
    for seen_ in (seen, view(work=Work(why=HOSTILE)), view(disks=Disks(NOW, why=HOSTILE))):
        lines = frame(seen_, columns, rows)
        assert all(text.isprintable() for text, _ in lines)
        assert max(len(text) for text, _ in lines) <= columns


def test_what_is_escaped_takes_no_room_from_the_other_columns() -> None:
    bad = replace(cube(object=HOSTILE, type=HOSTILE), name=HOSTILE)
    (line,) = (text for text, _ in frame(view(disks=Disks(NOW, (bad,))), 80, 24) if "x1b" in text)
    assert line.endswith("  3 s")


def test_a_root_that_is_not_there_or_empty_or_hangs_is_said() -> None:
    gone = view(disks=Disks(NOW, why="/mnt/fuuu cannot be read: No such file or directory"))
    assert "No such file or directory: is it mounted?" in shown(gone)
    assert "no cubes in the newest nights below /mnt/fuuu: is it mounted?" in shown(
        view(disks=Disks(NOW))
    )
    hangs = view(disks=replace(view().disks, at=NOW - 75))
    assert "the disk has not answered for 1 min" in shown(hangs)
    assert "vcam1_01:51:49" in shown(hangs)
    assert "looking" in shown(view(disks=Disks()))


def test_without_a_database_or_a_daemon_the_cubes_are_shown_and_that_is_said() -> None:
    seen = view(work=Work(why="there is no database"), life=Life(LifeState.NEVER_SEEN, None))
    text = shown(seen)
    assert "there is no database" in text
    assert "vampd is NOT running" in text
    assert "vcam1_01:51:49" in text


def test_cubes_of_more_nights_say_which_and_an_unreadable_header_why() -> None:
    other = replace(cube(Stream.VCAM2), night=NightId("20251107", Kind.ARCHIVE), why="not_fits")
    text = shown(view(disks=Disks(NOW, (cube(), other))), 160, 50)
    assert "20251107 archive" in text
    assert "20251107 engineering" in text
    assert "not_fits" in text
