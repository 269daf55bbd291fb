"""What the old tools' cron would do next is told by their own logs and marks."""

from __future__ import annotations

import pytest

from vampd.model.nights import (
    TITLES,
    Kind,
    NightId,
    is_alive,
    is_job,
    parse_marks,
    parse_old_log,
    plan_cron,
)

DONE = NightId("20250101", Kind.ARCHIVE)
LISTED = NightId("20250102", Kind.ARCHIVE)
NEW = NightId("20250102", Kind.ENGINEERING)
LOG = f"""{",".join(TITLES)}
/mnt/fuuu/ARCHIVED_DATA/20250101,2025-01-01,True,,True,,True,
/mnt/fuuu/ARCHIVED_DATA/20250102,2025-01-02,False,,False,,False,
/mnt/fuuu/ARCHIVED_DATA/20250103,2025-01-03,False,,False,,False,
"""
ROWS = {row.night: row for row in parse_old_log(LOG)}
FOLDERS = {DONE: ("vgen2", "vcam1_hlinkbak"), LISTED: ("vcam1",), NEW: ("vcam1",)}
MARKS = """scexao5_path,delete_after
/mnt/fuuu/ARCHIVED_DATA/20250101/vcam1_hlinkbak,2025-02-01T00:00:00+00:00
/mnt/fuuu/20250101/vgen2,2025-02-01T00:00:00+00:00
/mnt/fuuu/ARCHIVED_DATA/20250102/vgen2,2025-02-01T00:00:00+00:00
"""


def test_it_takes_every_folder_that_its_log_does_not_call_processed_and_no_other() -> None:
    assert plan_cron(FOLDERS, ROWS, {}).takes == (LISTED, NEW)


def test_it_deletes_what_is_marked_and_there_and_the_products_of_what_is_safe() -> None:
    marked = plan_cron(FOLDERS, ROWS, parse_marks(MARKS)).deletes
    assert marked == (
        ("ARCHIVED_DATA/20250101/vcam1_hlinkbak", "2025-02-01T00:00:00+00:00"),
        ("ARCHIVED_DATA/20250101/vgen2", ""),
    )
    assert plan_cron({DONE: ()}, ROWS, parse_marks(MARKS)).deletes == ()


def test_what_it_would_do_is_said_in_one_sentence_that_names_the_nights() -> None:
    said = plan_cron(FOLDERS, ROWS, parse_marks(MARKS)).describe()
    assert "take raw of 20250102 archive, 20250102 engineering" in said
    assert "vgen2 (a day after it is marked)" in said
    assert plan_cron({}, ROWS, {}).describe() == ""


@pytest.mark.parametrize("text", ["", "garbage\x01\n", 'a,"b\n', "scexao5_path,delete_after\n"])
def test_marks_that_cannot_be_read_mark_nothing(text: str) -> None:
    assert parse_marks(text) == {}


def test_it_lives_while_a_log_of_its_runs_is_of_the_last_days() -> None:
    day = 86_400.0
    assert is_alive([0.0, 9 * day], now=10 * day)
    assert not is_alive([0.0, 7 * day], now=10 * day)
    assert not is_alive([], now=0.0)


@pytest.mark.parametrize(
    ("line", "starts"),
    [
        ("0 12 * * * scxkw-vamp-archive-processor >> /mnt/fuuu/LOGS/archive-cronjobs.log", True),
        ("@daily /home/scexao/bin/vamp-process-processor", True),
        ("# 0 12 * * * scxkw-vamp-archive-processor", False),
        ("0 12 * * * vampctl verify --sample 1", False),
    ],
)
def test_a_line_of_a_crontab_starts_them_unless_it_is_a_comment(line: str, starts: bool) -> None:
    assert is_job(line) is starts
