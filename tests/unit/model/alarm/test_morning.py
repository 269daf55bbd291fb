"""One mail a morning, in five lines: once, over restarts and clocks that are set."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.unit.model.alarm.records import DAY_S, HELD, NOW, night
from vampd.model.alarm import (
    MORNING,
    LowPlace,
    Told,
    due_morning,
    find_troubles,
    morning_since,
    write_morning,
)
from vampd.model.nights import Kind, NightRecord, StageName, Status, SyncSums, write_sync_sums

HAWAII = ZoneInfo("Pacific/Honolulu")
EIGHT = time(8)
SUMS = write_sync_sums(SyncSums(raw=1700, aside=119))


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def sent(date: str, when: float) -> list[Told]:
    return [Told(MORNING, "sent", date, MORNING, when, when)]


def test_it_is_due_from_its_local_hour_on_until_the_day_ends() -> None:
    assert due_morning(at("2025-11-07 17:59"), EIGHT, HAWAII, []) is None
    assert due_morning(at("2025-11-07 18:00"), EIGHT, HAWAII, []) == "2025-11-07"
    assert due_morning(at("2025-11-08 09:59"), EIGHT, HAWAII, []) == "2025-11-07"
    assert due_morning(at("2025-11-08 10:00"), EIGHT, HAWAII, []) is None


def test_a_morning_is_sent_once() -> None:
    told = sent("2025-11-07", at("2025-11-07 18:00"))
    for when in ("2025-11-07 18:00", "2025-11-08 09:00"):
        assert due_morning(at(when), EIGHT, HAWAII, told) is None
    assert due_morning(at("2025-11-08 18:00"), EIGHT, HAWAII, told) == "2025-11-08"


def test_a_clock_that_is_set_back_over_the_hour_sends_nothing_twice() -> None:
    told = sent("2025-11-07", at("2025-11-07 18:00:03"))
    for minutes in range(0, 120, 7):
        now = at("2025-11-07 18:00") - 60 * minutes
        assert due_morning(now, EIGHT, HAWAII, told) is None


def test_a_mail_of_a_clock_that_was_days_ahead_does_not_take_the_place_of_the_real_one() -> None:
    told = sent("2025-11-08", at("2025-11-08 23:00"))
    assert due_morning(at("2025-11-08 18:00"), EIGHT, HAWAII, told) == "2025-11-08"


def test_an_hour_that_summer_time_skips_is_due_right_after_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert due_morning(at("2026-03-29 00:59"), time(2, 30), berlin, []) is None
    assert due_morning(at("2026-03-29 01:00"), time(2, 30), berlin, []) == "2026-03-29"


def test_last_night_is_what_moved_since_the_last_mail_or_for_a_day() -> None:
    assert morning_since(NOW, []) == NOW - DAY_S
    assert morning_since(NOW, sent("x", NOW - 3600)) == NOW - DAY_S
    assert morning_since(NOW, sent("x", NOW - 3 * DAY_S)) == NOW - 3 * DAY_S
    assert morning_since(NOW, sent("x", NOW - 30 * DAY_S)) == NOW - 7 * DAY_S
    assert morning_since(NOW, sent("x", NOW + DAY_S)) == NOW - DAY_S


def write(*records: NightRecord, low: tuple[LowPlace, ...] = ()) -> tuple[str, str] | None:
    troubles = find_troubles(records, {}, low)
    return write_morning(records, {}, troubles, since=NOW - DAY_S, now=NOW, host="scexao5")


def test_a_good_night_is_five_lines() -> None:
    assert write(night(sync_sums=SUMS, manifests=1)) == (
        "vampd: 20251107 archive done, safe",
        "Night:   20251107 archive done, safe, not mailed\n"
        "Frames:  1,700 in 125 MB, 33 products, 7.0% aside\n"
        "Mail:    to be announced to STARS: 20251107\n"
        "Person:  nothing needs one\n"
        "To do:   `vampctl mail 20251107` shows the mail to STARS; --send sends it.\n"
        "\n"
        "2025-11-08 00:00 UT, vampd on scexao5; `vampctl status` shows all nights.\n",
    )


def test_a_night_that_needs_a_person_says_what_to_do_first() -> None:
    written = write(HELD, night(verdict="31% unpaired"), low=(LowPlace("/mnt/fuuu", 5),))
    assert written is not None
    subject, body = written
    assert subject == "vampd: 20251107 archive done, safe and 1 more; 2 need a person"
    flat = " ".join(body.split())
    assert "unexpected: 31% unpaired" in flat
    assert "20251106 archive held at headers (card_missing)" in flat
    assert "/mnt/fuuu is low on space (disk_low);" in flat
    assert "To do: `vampctl doctor` shows" in flat
    assert max(map(len, body.splitlines())) < 80


def test_there_is_no_mail_without_a_night_unless_something_needs_a_person() -> None:
    old: dict[str, Any] = {"changed_at": NOW - 2 * DAY_S, "discovered_at": NOW - 3 * DAY_S}
    assert write() is None
    assert write(night(**old)) is None
    assert write(night(status=Status.LEGACY)) is None
    held = night(status=Status.HELD, code="bug", **old)
    written = write(held)
    assert written is not None
    assert written[0] == "vampd: no night; 1 needs a person"


def test_nights_in_every_state_are_told_of_in_words() -> None:
    for status in Status:
        if status is not Status.LEGACY:
            written = write(night(status=status, stage=StageName.FPACK, code="x"))
            assert written is not None
            assert max(map(len, written[1].splitlines())) < 80
    assert "running at fpack, 50%" in str(
        write(night(status=Status.RUNNING, stage=StageName.FPACK, done_bytes=1, all_bytes=2))
    )


def test_many_nights_are_still_five_lines_of_text() -> None:
    first = datetime(2025, 10, 1, tzinfo=UTC)
    dates = [f"{first + timedelta(days=day):%Y%m%d}" for day in range(30)]
    written = write(*(night(date, kind=Kind.ENGINEERING, sync_sums=SUMS) for date in dates))
    assert written is not None
    assert "and 26 more" in written[1]
    assert len(written[1]) < 1500


def test_text_from_outside_stays_on_its_line() -> None:
    hostile = "a\r\nBcc: b@x\n\x1b[2J\u202e"
    record = night(status=Status.HELD, code=hostile, error=hostile, verdict=hostile)
    written = write(record, low=(LowPlace(hostile, 5),))
    assert written is not None
    assert written[0].isprintable()
    assert written[1].replace("\n", "").isprintable()
    assert not any(line.startswith("Bcc") for line in written[1].splitlines())
