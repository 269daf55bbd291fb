"""Times as people type them: the past, in UT."""

from datetime import UTC, datetime

import pytest

from vampd.cli.shared.typed_times import parse_time
from vampd.errors import UsageError

NOW = datetime(2025, 11, 7, 2, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2025-11-06 14:20", "2025-11-06 14:20:00"),
        ("2025-11-06T14:20:05Z", "2025-11-06 14:20:05"),
        ("2025-11-06 14:20 UT", "2025-11-06 14:20:00"),
        ("20251106", "2025-11-06 00:00:00"),
        ("2025-11-06", "2025-11-06 00:00:00"),
        ("today", "2025-11-07 00:00:00"),
        ("yesterday", "2025-11-06 00:00:00"),
        ("now", "2025-11-07 02:00:00"),
        ("01:30", "2025-11-07 01:30:00"),
        ("1:30", "2025-11-07 01:30:00"),
        ("23:00", "2025-11-06 23:00:00"),  # that of the evening before
        ("2h", "2025-11-07 00:00:00"),
        ("90 min ago", "2025-11-07 00:30:00"),
        ("1.5 h", "2025-11-07 00:30:00"),
        ("30 s", "2025-11-07 01:59:30"),
        ("1 w", "2025-10-31 02:00:00"),
        (" 2 d ", "2025-11-05 02:00:00"),
    ],
)
def test_a_time_is_what_people_mean_by_it(typed: str, meant: str) -> None:
    parsed = datetime.fromtimestamp(parse_time(typed, NOW), UTC)
    assert f"{parsed:%Y-%m-%d %H:%M:%S}" == meant


@pytest.mark.parametrize(
    "typed", ["", "soon", "25:00", "2025-13-01", "20251106x", "2 fortnights", "-2 h", "14:20:99"]
)
def test_what_is_no_time_is_a_usage_error_that_shows_some(typed: str) -> None:
    with pytest.raises(UsageError, match="14:20"):
        parse_time(typed, NOW)
