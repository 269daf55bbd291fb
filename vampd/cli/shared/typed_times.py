"""Times as people type them; all are UT."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta

from vampd.errors import UsageError

TYPED_TIME = '"2 h" (ago), 14:20, today, yesterday, 2025-11-06, "2025-11-06 14:20"; in UT'
_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGO = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|m|h|d|w)(?: ago)?")
_HOUR = re.compile(r"\d?\d:\d\d(:\d\d)?")
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")


def parse_time(text: str, now: float) -> float:
    """Unix seconds of a time that has passed; UsageError ``not_a_time``."""
    typed = text.strip().removesuffix("UTC").removesuffix("UT").removesuffix("Z").strip()
    moment = datetime.fromtimestamp(now, UTC)
    midnight = datetime.combine(moment, time(), UTC)
    if ago := _AGO.fullmatch(typed):
        return now - float(ago[1]) * _UNITS[ago[2]]
    match typed:
        case "now":
            return now
        case "today":
            return midnight.timestamp()
        case "yesterday":
            return (midnight - timedelta(days=1)).timestamp()
    try:
        if _HOUR.fullmatch(typed):
            at = datetime.combine(moment, time.fromisoformat(typed.rjust(5, "0")), UTC)
            # At 02:00, 23:00 is that of the evening before.
            return (at if at <= moment else at - timedelta(days=1)).timestamp()
        if _DAY.match(typed):
            return (
                datetime.fromisoformat(_DAY.sub(r"\1-\2-\3", typed)).replace(tzinfo=UTC).timestamp()
            )
    except ValueError:
        pass
    raise UsageError("not_a_time", f"a time is {TYPED_TIME}; not {text!r}")
