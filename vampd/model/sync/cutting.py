"""Cutting: where one product ends and the next begins.

A cut comes at 00:00 UT, where a header changes, at a gap of more than ``gap_us`` (next acquisition
time - EXPTIME - previous acquisition time), and when a cube would span more than ``span_us``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vampd.model.nights import DAY_US

Int64 = npt.NDArray[np.int64]


def gaps_before(acquired_us: Int64, exposure_us: Int64, gap_us: int) -> npt.NDArray[np.bool_]:
    """For each frame but the first, whether the camera stood idle for longer before it."""
    idle_us = acquired_us[1:] - exposure_us[1:] - acquired_us[:-1]
    return np.asarray(idle_us > gap_us)


def split_at(boundaries: npt.NDArray[np.bool_], count: int) -> list[Int64]:
    """Positions 0..count-1 in pieces; ``boundaries[i]`` cuts between i and i + 1."""
    if not count:
        return []
    return np.split(np.arange(count, dtype=np.int64), np.flatnonzero(boundaries) + 1)


def cut_cubes(
    acquired_us: Int64,
    exposure_us: Int64,
    headers: tuple[Int64, ...],
    *,
    gap_us: int,
    span_us: int | None,
) -> list[Int64]:
    """The positions of each cube, for frames in time order.

    ``headers`` holds one array of header numbers per camera; a change in any of them cuts.
    ``span_us`` None: a cube may last until something else cuts.
    """
    boundaries = gaps_before(acquired_us, exposure_us, gap_us)
    boundaries |= np.diff(acquired_us // DAY_US) != 0
    for header in headers:
        boundaries |= np.diff(header) != 0
    pieces = split_at(boundaries, len(acquired_us))
    if span_us is None:
        return pieces
    return [part for piece in pieces for part in _cut_by_span(piece, acquired_us, span_us)]


def _cut_by_span(piece: Int64, acquired_us: Int64, span_us: int) -> list[Int64]:
    times = acquired_us[piece]
    parts: list[Int64] = []
    start = 0
    while start < len(piece):
        stop = int(np.searchsorted(times, times[start] + span_us, side="right"))
        parts.append(piece[start:stop])
        start = stop
    return parts
