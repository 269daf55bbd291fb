"""Clocks: whether the acquisition times of a cube, or of a camera, are times of the night.

Column 5 is held against column 4 (UTC, or TAI where newer loggers write it), and both against the
time in the cube's name (UT, or HST), the card DATE (when the cube was closed) and the night's date.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from vampd.model.cubes import (
    EARLIEST_LAG_US,
    LATEST_LAG_US,
    TAI_US,
    RawCube,
    beyond_tai_us,
    usual_lag_us,
)
from vampd.model.nights import CAMERA_STREAMS, DAY_US, Stream, seconds_in_name
from vampd.model.sync.taking import spoil_false_ends

_NAME_SLACK_US = 2_000_000  # the name is the first frame's logging time
_OFF_US = 60_000_000
_HST_US, _HST_SLACK_US = 36_000_000_000, 2_000_000_000
_CLOSED_WITHIN_US = 600_000_000  # a logger waits so long for another frame, at most
_LONGEST_FOLDER_US = 31 * DAY_US  # loggers keep the folder of the day on which they were set up
# A logger catches up within this time, so that a cube that lasts longer shows its true lag.
_CATCHES_UP_US, _CAUGHT_UP_LAG_US, _FEWEST_FRAMES = 1_000_000, 100_000, 16
_DIFFER_US = 5_000  # a few milliseconds may be whole periods


@dataclass(frozen=True)
class Clocks:
    """``absurd`` says by path why a cube's times are none; ``cameras`` why a camera's are none."""

    absurd: dict[str, str] = field(default_factory=dict)
    cameras: dict[Stream, str] = field(default_factory=dict)


def judge_clocks(
    cubes: Sequence[RawCube], midnight_us: int, peers: Sequence[RawCube] = ()
) -> Clocks:
    """Which cubes have times of another clock, and which cameras have in most of their cubes.

    ``midnight_us`` is 0:00 UT of the night's date; ``peers`` are cubes that were judged before.
    """
    absurd = {cube.path: why for cube in cubes if (why := _find_fault(cube, midnight_us))}
    cameras: dict[Stream, str] = {}
    for stream in CAMERA_STREAMS:
        own = [cube for cube in cubes if cube.stream is stream]
        off = [absurd[cube.path] for cube in own if cube.path in absurd]
        if off and 2 * len(off) > len(own):
            cameras[stream] = off[0]
    sound = [cube for cube in cubes if cube.path not in absurd]
    for stream in CAMERA_STREAMS:
        own, judged = ([c for c in side if c.stream is stream] for side in (sound, peers))
        absurd |= _find_shifted(own, judged)
        _, early = spoil_false_ends([c for c in (*own, *judged) if c.path not in absurd])
        absurd |= {bad.path: bad.reason for bad in early if bad.path in {c.path for c in own}}
    sound = [cube for cube in sound if cube.path not in absurd]
    lags_us = _lags_of_cameras(sound)
    if len(lags_us) == len(CAMERA_STREAMS):
        one_us, two_us = (lags_us[stream] for stream in CAMERA_STREAMS)
        if abs(two_us - one_us) > _DIFFER_US:
            later = CAMERA_STREAMS[abs(two_us) > abs(one_us)]
            why = (
                "its frames are logged (column 4)"
                f" {lags_us[later] / 1e3:.1f} ms after their acquisition times (column 5), the"
                f" other camera's {min(one_us, two_us, key=abs) / 1e3:.1f} ms"
            )
            cameras[later] = why
            absurd |= {cube.path: why for cube in sound if cube.stream is later}
    return Clocks(absurd, cameras)


def _find_fault(cube: RawCube, midnight_us: int) -> str | None:
    """Why the cube's acquisition times are not to be believed, None if they are."""
    first_us, last_us = cube.span_us
    if abs(first_us - midnight_us) > _LONGEST_FOLDER_US:
        return f"its acquisition times (column 5) are of {_show(first_us)}, not of its night"
    lag_us = usual_lag_us(cube.timing)
    assert lag_us is not None  # such a cube is not used
    if not _is_possible(cube, lag_us):
        if _is_named(cube, first_us) and not _is_named(cube, first_us + lag_us):
            return None  # the logger's clock is the wrong one
        return (
            f"its acquisition times (column 5) are {-lag_us / 1e6:+.3f} s from its logging times"
            " (column 4)"
        )
    if lag_us > TAI_US // 2 and _tells_utc_logging(cube, lag_us):
        return "its acquisition times (column 5) are 37 s before name, DATE and logging times"
    shifts_us = _name_shift_us(cube, first_us), _date_shift_us(cube, last_us)
    if None not in shifts_us:
        name_us, date_us = (shift for shift in shifts_us if shift is not None)
        alike = abs(name_us - date_us) <= _CLOSED_WITHIN_US
        if alike and min(abs(name_us), abs(date_us)) > _OFF_US:
            return f"its times (columns 4 and 5) are {-name_us / 1e6:+.0f} s from its name and DATE"
    return None


def _is_possible(cube: RawCube, lag_us: int) -> bool:
    """Whether a logger may be so late."""
    own_us = int(beyond_tai_us(np.array(lag_us)))
    latest_us = _CAUGHT_UP_LAG_US if _is_long(cube) else LATEST_LAG_US
    return EARLIEST_LAG_US <= own_us <= latest_us


def _is_long(cube: RawCube) -> bool:
    return cube.frames >= _FEWEST_FRAMES and cube.span_us[1] - cube.span_us[0] >= _CATCHES_UP_US


def _find_shifted(cubes: Sequence[RawCube], peers: Sequence[RawCube]) -> dict[str, str]:
    """Which of one camera's cubes are logged as fast as they are taken, and later than the others.

    A logger that waited is late by less and less, since it then logs what waited back to back.
    """
    lags_us = [_own_lag_us(cube) for cube in cubes]
    all_us = sorted([*lags_us, *map(_own_lag_us, peers)])
    usual_us = all_us[(len(all_us) - 1) // 2] if all_us else 0
    return {
        cube.path: (
            f"its acquisition times (column 5) are {-lag_us / 1e6:+.3f} s from its logging times"
            f" (column 4), those of the camera's other cubes {-usual_us / 1e6:+.3f} s"
        )
        for cube, lag_us in zip(cubes, lags_us, strict=True)
        if abs(lag_us - usual_us) > _DIFFER_US and _is_steady(cube, abs(lag_us - usual_us))
    }


def _is_steady(cube: RawCube, late_us: int) -> bool:
    """Whether nearly all frames were logged equally late.

    By a quarter of the time they took, and of what they are late: a logger that has much else to do
    is late by anything.
    """
    times_us = cube.timing.acquired_us[cube.good]
    lags_us = np.sort(cube.timing.logged_ns[cube.good] // 1_000 - times_us)
    few = len(lags_us) // 10
    spread_us = int(lags_us[len(lags_us) - 1 - few] - lags_us[few])
    return 4 * spread_us < min(late_us, int(times_us[-1] - times_us[0]))


def _own_lag_us(cube: RawCube) -> int:
    """`usual_lag_us` of a cube that has one, without TAI's 37 s."""
    lag_us = usual_lag_us(cube.timing)
    assert lag_us is not None  # else no cube is usable
    return int(beyond_tai_us(np.array(lag_us)))


def _tells_utc_logging(cube: RawCube, lag_us: int) -> bool:
    """Whether name and DATE say that column 4 is UTC, so that column 5 is late by 37 s."""
    first_us, last_us = cube.span_us
    date_us = _date_us(cube)
    # DATE has whole seconds and comes after the last frame.
    dated = date_us is None or date_us >= last_us + lag_us - _NAME_SLACK_US
    named = _is_named(cube, first_us + lag_us) and not _is_named(cube, first_us)
    return named and dated


def _lags_of_cameras(cubes: Iterable[RawCube]) -> dict[Stream, int]:
    """The middle one of the lags of each camera's long cubes."""
    lags_us: dict[Stream, list[int]] = defaultdict(list)
    for cube in filter(_is_long, cubes):
        lags_us[cube.stream].append(_own_lag_us(cube))
    return {stream: sorted(own)[len(own) // 2] for stream, own in lags_us.items()}


def _is_named(cube: RawCube, time_us: int) -> bool:
    """Whether the cube's name tells this time."""
    shift_us = _name_shift_us(cube, time_us)
    return shift_us is not None and abs(shift_us) <= _NAME_SLACK_US


def _name_shift_us(cube: RawCube, time_us: int) -> int | None:
    """By how much the name's time of day (UT or HST) is later; None without one."""
    seconds = seconds_in_name(cube.path.rpartition("/")[2])
    if seconds is None:
        return None
    shift_us = (round(seconds * 1e6) - time_us + DAY_US // 2) % DAY_US - DAY_US // 2
    if abs(shift_us + _HST_US) <= _HST_SLACK_US:
        return shift_us + _HST_US
    return shift_us


def _date_shift_us(cube: RawCube, last_us: int) -> int | None:
    """By how much DATE is later than the last frame; 0 while the logger may have waited."""
    date_us = _date_us(cube)
    if date_us is None:
        return None
    shift_us = date_us - last_us
    return 0 if -_OFF_US <= shift_us <= _CLOSED_WITHIN_US else shift_us


def _date_us(cube: RawCube) -> int | None:
    text = cube.cards.string("DATE") or ""
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if "T" not in text:
        return None  # a day alone
    date = date.replace(tzinfo=date.tzinfo or UTC)
    return int(date.timestamp()) * 1_000_000


def _show(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
