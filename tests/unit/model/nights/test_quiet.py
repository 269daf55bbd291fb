"""Quiet: nothing changed for long enough, nothing half written, and the hour has come."""

from datetime import datetime, time

import pytest

from vampd.model.nights import (
    Kind,
    NightId,
    PauseRule,
    ScanCause,
    ScanRule,
    Stillness,
    StreamsSnapshot,
    is_due,
    is_quiet,
)


def test_any_change_and_any_writer_restarts_the_clock() -> None:
    still = Stillness("a", 100.0)
    assert still.after(StreamsSnapshot("a"), 150.0) == still
    assert still.after(StreamsSnapshot("b"), 150.0) == Stillness("b", 150.0)
    assert still.after(StreamsSnapshot("a", open_for_writing=True), 150.0) == Stillness("a", 150.0)
    assert still.lasted_s(160.0) == 60.0


@pytest.mark.parametrize(
    ("still_s", "incomplete", "quiet"),
    [
        (9.9, 0, False),
        (10, 0, True),
        (10, 1, False),
        (19.9, 1, False),
        (20, 1, True),
        (99, 5, True),
    ],
)
def test_an_incomplete_cube_blocks_a_night_until_it_is_stale(
    still_s: float, incomplete: int, quiet: bool
) -> None:
    assert is_quiet(still_s, incomplete, quiet_after_s=10, stale_after_s=20) is quiet


@pytest.mark.parametrize(
    ("kind", "now", "due"),
    [
        (Kind.ENGINEERING, datetime(2025, 11, 6, 0, 0), True),  # noqa: DTZ001
        (Kind.ARCHIVE, datetime(2025, 11, 6, 19, 59, 59), False),  # noqa: DTZ001
        (Kind.ARCHIVE, datetime(2025, 11, 6, 20, 0), True),  # noqa: DTZ001
        (Kind.ARCHIVE, datetime(2025, 11, 7, 3, 0), True),  # noqa: DTZ001
        (Kind.ARCHIVE, datetime(2025, 11, 5, 23, 0), False),  # noqa: DTZ001
    ],
)
def test_an_archive_night_waits_for_the_hour_of_its_own_date(
    kind: Kind, now: datetime, due: bool
) -> None:
    assert is_due(NightId("20251106", kind), now, time(20)) is due


@pytest.mark.parametrize(
    ("rule", "since_s", "pausing"),
    [
        (PauseRule(pauses=True, pause_s=15), 14.9, True),
        (PauseRule(pauses=True, pause_s=15), 15, False),
        (PauseRule(pauses=False, pause_s=15), 0, False),
        # A clock that is ahead on the host that writes counts as now.
        (PauseRule(pauses=True, pause_s=15), -5, True),
    ],
)
def test_work_pauses_while_a_camera_writes_and_a_while_longer(
    rule: PauseRule, since_s: float, pausing: bool
) -> None:
    assert rule.is_pausing(1000.0, 1000.0 + since_s) is pausing
    assert not rule.is_pausing(float("-inf"), 1000.0)


@pytest.mark.parametrize(
    ("causes", "cameras_write", "after_s"),
    [
        ([], False, 30.0),
        ([], True, 30.0),
        ([ScanCause.HINT], False, 1.0),
        # Loggers close cubes each second, for hours.
        ([ScanCause.HINT, ScanCause.UNSETTLED], True, 7.5),
        # What a person lets go is judged at once.
        ([ScanCause.HINT, ScanCause.LET_GO], True, 1.0),
        ([ScanCause.UNSETTLED], False, 7.5),
    ],
)
def test_hints_hasten_a_scan_only_where_it_can_tell_something_new(
    causes: list[ScanCause], cameras_write: bool, after_s: float
) -> None:
    rule = ScanRule(every_s=30.0, quiet_after_s=1800.0, pause_s=15.0)
    assert rule.after_s(causes, cameras_write=cameras_write) == after_s


@pytest.mark.parametrize(
    ("quiet_after_s", "pause_s", "after_s"), [(2.0, 2.0, 0.5), (0.2, 0.2, 0.1), (1800.0, 0.5, 0.25)]
)
def test_a_scan_comes_before_cameras_that_write_on_seem_to_have_stopped(
    quiet_after_s: float, pause_s: float, after_s: float
) -> None:
    rule = ScanRule(30.0, quiet_after_s, pause_s)
    assert rule.after_s([ScanCause.HINT], cameras_write=True) == after_s
    assert after_s <= pause_s / 2


@pytest.mark.parametrize(
    ("causes", "since_s", "cameras_write", "is_whole"),
    [
        ([], 0.0, False, True),
        ([ScanCause.HINT, ScanCause.UNSETTLED], 0.0, True, False),
        ([ScanCause.HINT], 29.9, True, False),
        ([ScanCause.HINT], 30.0, True, True),
        ([ScanCause.LET_GO], 0.0, True, True),
    ],
)
def test_while_cameras_write_all_nights_are_scanned_no_more_often_than_without_a_cause(
    causes: list[ScanCause], since_s: float, cameras_write: bool, is_whole: bool
) -> None:
    rule = ScanRule(every_s=30.0, quiet_after_s=1800.0, pause_s=15.0)
    assert rule.is_whole(causes, since_s, cameras_write=cameras_write) is is_whole
