"""The alarm tells of what `status --problems` lists, and of low disks: no more, no less."""

from dataclasses import replace

import pytest

from tests.unit.model.alarm.records import GIVEN_UP, HELD, UNSAFE, night
from vampd.model.alarm import (
    AlarmState,
    LowPlace,
    find_troubles,
    parse_low_place,
    write_low_place,
)
from vampd.model.nights import (
    Kind,
    NightId,
    NightRecord,
    Status,
    UnreadableNight,
    WaitCode,
)
from vampd.model.standing import has_problem

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.mark.parametrize(
    "record",
    [
        *(night(status=status) for status in Status),
        *(night(status=status, note_code=code, note="x") for status in Status for code in WaitCode),
        *(night(status=status, needs_person=True) for status in Status),
        HELD,
        UNSAFE,
        GIVEN_UP,
    ],
)
def test_a_night_has_trouble_if_and_only_if_status_lists_it_as_a_problem(
    record: NightRecord,
) -> None:
    assert bool(find_troubles([record], {})) == has_problem(record)


def test_each_trouble_says_what_is_wrong_why_and_what_to_do() -> None:
    found = {trouble.subject: trouble for trouble in find_troubles([GIVEN_UP, UNSAFE, HELD], {})}
    held = found["20251106-archive"]
    assert (held.state, held.code) == (AlarmState.HELD, "card_missing")
    assert (held.title, held.what) == ("20251106 archive", "is held at headers")
    assert "3 cubes lack EXPTIME" in held.reason
    assert "`vampctl why 20251106`" in held.advice
    unsafe = found["20251105-archive"]
    assert (unsafe.state, unsafe.code) == (AlarmState.UNSAFE, "not_safe")
    assert "`vampctl retry 20251105 --from transfer`" in unsafe.advice
    given_up = found["20251104-archive"]
    assert (given_up.state, given_up.code) == (AlarmState.PROBLEM, "not_readable")
    assert given_up.what == "has failed 1 times at sync, and is still tried"
    assert "`vampctl release 20251104`" in given_up.advice


def test_a_release_is_offered_only_where_files_could_not_be_read() -> None:
    (trouble,) = find_troubles([replace(GIVEN_UP, refused=())], {})
    assert "release" not in trouble.advice


def test_the_newest_night_comes_first_and_disks_before_all() -> None:
    found = find_troubles([UNSAFE, HELD], {}, [LowPlace("/data", 5)])
    assert [one.subject for one in found] == ["/data", "20251106-archive", "20251105-archive"]


def test_where_a_date_has_both_kinds_commands_name_the_kind() -> None:
    records = [HELD, replace(HELD, night=NightId("20251106", Kind.ENGINEERING))]
    assert [one.advice.split("`")[1] for one in find_troubles(records, {})] == [
        "vampctl why 20251106 --kind engineering",
        "vampctl why 20251106 --kind archive",
    ]


def test_a_row_that_is_no_night_is_a_problem_too() -> None:
    (found,) = find_troubles([], {}, (), [UnreadableNight(7, "2025110x archive", "no date")])
    assert (found.state, found.code) == (AlarmState.PROBLEM, "night_row_unreadable")


def test_what_the_marker_of_a_low_place_says_is_read_again() -> None:
    text = write_low_place(5_000_000_000_000, NIGHT)
    assert len(text) < 60  # an inode has room for it, where a full disk has none
    assert parse_low_place("/data", text) == LowPlace("/data", 5_000_000_000_000, NIGHT)
    assert parse_low_place("/data", "50") == LowPlace("/data", 50)  # as earlier versions wrote it
    assert parse_low_place("/data", "50-20251306-archive") == LowPlace("/data", 50)
    assert parse_low_place("/data", "a word") is None


def test_a_low_place_says_which_night_needs_how_much() -> None:
    (found,) = find_troubles([], {}, [LowPlace("sc6l:/mnt", 25 * 10**9, NIGHT)])
    assert (found.state, found.subject) == (AlarmState.DISK_LOW, "sc6l:/mnt")
    assert "20251106 (archive) needs 25.0 GB" in found.reason
