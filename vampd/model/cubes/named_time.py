"""When a raw cube began, according to its name: all that is known of an unreadable one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.nights import DAY_US, seconds_in_name

Int64 = npt.NDArray[np.int64]


def time_in_name(path: str, times_us: Int64) -> int | None:
    """The UT in a cube's name, on the day that brings it nearest to these sorted times.

    ``times_us`` has at least one time; None if the name has none.
    """
    seconds = seconds_in_name(path.rpartition("/")[2])
    if seconds is None:
        return None
    days = np.unique(times_us // DAY_US)
    days = np.unique(np.concatenate([days - 1, days, days + 1]))
    possible_us = days * DAY_US + round(seconds * 1e6)
    after = np.searchsorted(times_us, possible_us).clip(1, len(times_us))
    distance_us = np.minimum(
        np.abs(times_us[after - 1] - possible_us),
        np.abs(times_us[after.clip(max=len(times_us) - 1)] - possible_us),
    )
    return int(possible_us[np.argmin(distance_us)])
