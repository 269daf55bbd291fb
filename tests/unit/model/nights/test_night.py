"""Nights: folders that are UT dates, and nothing else."""

from datetime import date
from pathlib import PurePath

import pytest

from vampd.model.nights import Kind, NightId, cure_of, parse_night_date


@pytest.mark.parametrize(
    "name",
    [
        "20250101_bak",
        "20259999",
        "20250229",
        "2025011",
        "202501011",
        "00000101",
        "30250101",
        "２０２５０１０１",
        " 20250101",
        "20250101\n",
        "2025-01-01",
        "",
        "lost+found",
    ],
)
def test_what_is_no_date_is_no_night(name: str) -> None:
    assert parse_night_date(name) is None
    with pytest.raises(ValueError, match="YYYYMMDD"):
        NightId(name, Kind.ARCHIVE)


@pytest.mark.parametrize(
    ("note", "cure"),
    [
        ("x is gone; `vampctl recover 20251106` gets it back", "recover"),
        ("x is old; `vampctl retry 20251106 --from transfer` writes it", "retry --from transfer"),
        ("`vampctl retry 20251106 --kind archive --from sync`", "retry --from sync"),
        ("`vampctl why 20251106`: move x away", None),
    ],
)
def test_a_cure_is_a_command_that_changes_something(note: str, cure: str | None) -> None:
    assert cure_of(note) == cure


def test_a_leap_day_is_a_night() -> None:
    assert parse_night_date("20240229") == date(2024, 2, 29)
    assert NightId("20240229", Kind.ENGINEERING).day == date(2024, 2, 29)


def test_the_kind_is_told_by_the_folder() -> None:
    assert NightId("20251106", Kind.ARCHIVE).folder == PurePath("ARCHIVED_DATA/20251106")
    assert NightId("20251106", Kind.ENGINEERING).folder == PurePath("20251106")
    assert str(NightId("20251106", Kind.ARCHIVE)) == "20251106/archive"


def test_nights_sort_oldest_first_and_both_kinds_of_a_date_exist() -> None:
    nights = [
        NightId("20251106", Kind.ENGINEERING),
        NightId("20251106", Kind.ARCHIVE),
        NightId("20241231", Kind.ENGINEERING),
    ]
    assert [night.date for night in sorted(nights)] == ["20241231", "20251106", "20251106"]
    assert len(set(nights)) == 3
