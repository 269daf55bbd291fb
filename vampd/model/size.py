"""Sizes formatted for people."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def format_size(size_bytes: int) -> str:
    """A size with about three digits, in powers of 1000: ``6.93 GB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in _UNITS:
        size /= 1000
        # 999.5 would be written as 1000.
        if size < 999.5 or unit == _UNITS[-1]:
            break
    decimals = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{decimals}f} {unit}"
