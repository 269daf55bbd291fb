"""Acquisition times (integer unix microseconds) as the texts of header cards and names.

All by integer arithmetic, so that the same frames give the same text everywhere. Times of day are
truncated, not rounded, to their last digit: rounding could write 24:00:00.000.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DAY_US = 86_400_000_000
_HST_US = -10 * 3_600_000_000
_UNIX_EPOCH_MJD = 40587
_MJD_SCALE = 10**8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ut_day(time_us: int) -> int:
    """The number of the UT day since 1970."""
    return time_us // DAY_US


def format_date(time_us: int) -> str:
    """The UT date ``YYYY-MM-DD``."""
    return (_EPOCH + timedelta(days=ut_day(time_us))).strftime("%Y-%m-%d")


def format_clock(time_us: int, decimals: int) -> str:
    """The UT time of day ``HH:MM:SS.s...`` with up to 6 decimals."""
    seconds, fraction = divmod(time_us % DAY_US, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}.{fraction:06d}"
    return text[: 9 + decimals] if decimals else text[:8]


def format_hst_clock(time_us: int, decimals: int) -> str:
    """The Hawaii time of day (UT - 10 h)."""
    return format_clock(time_us + _HST_US, decimals)


def format_mjd(time_us: int) -> str:
    """The modified Julian date with 8 decimals, rounded half up."""
    scaled = (time_us * _MJD_SCALE + DAY_US // 2) // DAY_US + _UNIX_EPOCH_MJD * _MJD_SCALE
    return f"{scaled // _MJD_SCALE}.{scaled % _MJD_SCALE:08d}"
