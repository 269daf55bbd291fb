"""Kept timing: the rows of a timing file in a few bytes each.

A night has tens of millions of rows of seven numbers, and most of these rise by one step from row
to row. For as long as a night is looked at, what is kept is the first number, the usual step, and
by how much other steps differ. A framelist keeps all steps, which compress well: a tenth of the
rows as text.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vampd.model.cubes.timing import Int64, Timing, format_rows

_FEW = 16  # steps to one that differs: of more, the positions take as much as all of them
_KINDS = (np.int8, np.int16, np.int32)
_STORED = np.dtype("<i8")
# The fastest: the best takes four times as long, and an eighth less.
_LEVEL = 1


@dataclass(frozen=True)
class _Column:
    """``rows`` numbers; ``beyond`` is what steps exceed the usual one by, those ``at`` or all."""

    rows: int
    first: int
    usual: int
    beyond: npt.NDArray[np.signedinteger[Any]]
    at: npt.NDArray[np.uint32] | None


class KeptTiming(Timing):
    """A timing whose columns are made again whenever they are read."""

    def __init__(self, timing: Timing) -> None:
        columns = {name: getattr(timing, name) for name in Timing.__dataclass_fields__}
        # The same clock's times: between them is hardly anything to keep.
        columns["elapsed_ns"] = columns["elapsed_ns"] - columns["logged_ns"]
        self.__dict__["_columns"] = {name: _keep(column) for name, column in columns.items()}

    def __len__(self) -> int:
        return int(self.__dict__["_columns"]["frame"].rows)

    def __getattr__(self, name: str) -> Int64:
        column = self.__dict__.get("_columns", {}).get(name)
        if column is None:
            raise AttributeError(name)
        values = _restore(column)
        return values + self.logged_ns if name == "elapsed_ns" else values


def pack_times(timing: Timing) -> str:
    """All seven columns as one line of text, of which `unpack_times` is the inverse.

    Base64 of what zlib compressed: column after column, each number less the one of the row before,
    as eight bytes, the lowest first.
    """
    columns = np.stack([getattr(timing, name) for name in Timing.__dataclass_fields__])
    # Differences of any int64 may wrap around, and their sums wrap back.
    steps = np.diff(columns, prepend=0)
    return base64.b64encode(zlib.compress(steps.astype(_STORED).tobytes(), _LEVEL)).decode("ascii")


def unpack_times(text: str, frames: int) -> Timing:
    """The columns of so many rows; ValueError if they are not."""
    columns = len(Timing.__dataclass_fields__)
    size = columns * frames * _STORED.itemsize
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(text, validate=True), size + 1)
    except zlib.error as error:
        raise ValueError(f"the times cannot be unpacked: {error}") from error
    if len(content) != size or not unpacking.eof:
        raise ValueError(f"the times are not those of {frames} frames")
    steps = np.frombuffer(content, _STORED).reshape(columns, frames).astype(np.int64)
    return Timing(*steps.cumsum(axis=1))


def parse_rows(text: str) -> Timing:
    """The columns of rows that `format_rows` wrote; ValueError of any others."""
    numbers = [int(number) for number in text.replace(".", "").split()]
    table = np.array(numbers, dtype=np.int64).reshape(-1, len(Timing.__dataclass_fields__))
    timing = Timing(*table.T)
    if format_rows(timing) != text:
        raise ValueError("its rows are not in the form in which they were written")
    return timing


def _keep(values: Int64) -> _Column:
    # Differences of any int64 may wrap around, and their sums wrap back.
    steps = np.diff(values)
    # Nearly always the usual one.
    usual = int(steps[len(steps) // 2]) if len(steps) else 0
    beyond = steps - usual
    at = np.flatnonzero(beyond).astype(np.uint32)
    first = int(values[0]) if len(values) else 0
    if _FEW * len(at) <= len(steps):
        return _Column(len(values), first, usual, _narrow(beyond[at]), at)
    return _Column(len(values), first, usual, _narrow(beyond), None)


def _narrow(values: Int64) -> npt.NDArray[np.signedinteger[Any]]:
    """The values in the fewest bytes that hold them."""
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    kind = next((k for k in _KINDS if np.iinfo(k).min <= low and high <= np.iinfo(k).max), None)
    return values if kind is None else values.astype(kind)


def _restore(column: _Column) -> Int64:
    values = np.full(column.rows, column.usual, dtype=np.int64)
    if column.at is None:
        values[1:] += column.beyond
    elif len(column.at):
        values[1:][column.at] += column.beyond
    values[:1] = column.first
    return values.cumsum(out=values)
