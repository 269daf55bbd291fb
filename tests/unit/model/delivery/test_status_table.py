"""The status tables: one row a night, and what the old logs tell is kept."""

from vampd.model.delivery import merge_rows
from vampd.model.nights import TITLES, Kind, NightId, StageMark, StatusRow, parse_old_log

ARCHIVE = NightId("20251106", Kind.ARCHIVE)
LOG = (
    ",".join(TITLES) + "\n"
    "/mnt/fuuu/ARCHIVED_DATA/20251106,2025-11-06,True,,True,2025-11-07T02:51:24.123,False,\n"
    "/mnt/fuuu/20251106,2025-11-06,True,nonsense,False,2025-11-07T02:51:24,\n"
    "/mnt/fuuu/20250101_bak,2025-01-01,True,,True,,True,\n"
    "\n"
)


def test_an_old_log_shows_flags_whose_time_is_not_known() -> None:
    archive, engineering = parse_old_log(LOG)
    assert archive.night == ARCHIVE
    assert archive.cells == (
        "/mnt/fuuu/ARCHIVED_DATA/20251106",
        "2025-11-06",
        *("True", ""),
        *("True", "2025-11-07T02:51:24"),
        *("False", ""),
    )
    # Neither a time that is none, nor that of a flag which is not set, nor a missing column.
    assert engineering.night.kind is Kind.ENGINEERING
    assert engineering.cells[2:] == ("True", "", "False", "", "False", "")


def test_what_vampd_did_itself_outranks_the_old_log_and_nothing_else_does() -> None:
    old = tuple(parse_old_log(LOG))
    idle = StatusRow("/x/20251106", ARCHIVE)
    done = StatusRow("/x/20251106", ARCHIVE, StageMark.at(0.0))
    new = StatusRow("/x/20240101", NightId("20240101", Kind.ARCHIVE))
    assert merge_rows([idle], old) == old
    assert merge_rows([done], old)[0] == done
    assert merge_rows([done], old)[0].cells[3] == "1970-01-01T00:00:00"
    assert [row.night.date for row in merge_rows([idle, new], old)] == ["20240101"] + [
        "20251106"
    ] * 2


def test_a_log_of_anything_else_shows_nothing() -> None:
    for text in ("", "\n", "a,b\n1,2\n", "no csv at all \x00"[:-1]):
        assert list(parse_old_log(text)) == []
