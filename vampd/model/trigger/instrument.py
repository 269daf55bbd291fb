"""What the instrument's documentation says of readouts: the model's physical parameters.

Sources: the camera manual's readout of a row and the scatter of its ready pulse, FAST and SLOW.
"""

from __future__ import annotations

_ROW_US = 0.868  # us to read one row, FAST
_SLOW_FACTOR = 2.5  # a ratio: of a pair's tolerance, SLOW to FAST
_SCATTER_US, _SLOW_SCATTER_US = 7.2, 172.8  # us of a ready pulse, FAST and SLOW


def is_slow(detector_mode: str | None) -> bool:
    """Whether U_DETMOD says SLOW readout."""
    return detector_mode is not None and detector_mode.strip().lower() == "slow"


def arrival_scatter_us(detector_mode: str | None) -> float:
    """The documented width (us) of the arrivals' jitter."""
    return _SLOW_SCATTER_US if is_slow(detector_mode) else _SCATTER_US


def rows_tolerance_us(rows: int, detector_mode: str | None) -> float:
    """The documented distance of a pair's frames for a window of this many rows.

    Never less than two arrivals scatter, however small the window.
    """
    rows_us = rows * _ROW_US * (_SLOW_FACTOR if is_slow(detector_mode) else 1.0)
    return max(rows_us, 2 * arrival_scatter_us(detector_mode))
