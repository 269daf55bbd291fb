"""Timing files: one row per frame, as the camera loggers write them.

A timing file holds lines that begin with ``#`` and then rows of seven columns: frame index in the
cube, main index, time since cube start (s, 9 decimals, logging), absolute time (unix s, 9 decimals,
logging), absolute acquisition time (unix s, 6 decimals, framegrabber), cnt0, cnt1.
Times are kept as integers (ns for the logging clock, us for the framegrabber): a double cannot hold
unix time to the nanosecond, and products must be a function of the raw bytes alone.

Source of the format: the milk logger's ``save_telemetry_fits_function``, as documented in its own
comment lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vampd.errors import MalformedCube

Int64 = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

# Logging times end at 8,999,999,999 s: above 9,223,372,036 s nanoseconds exceed an int64.
_ROW = re.compile(
    rb"^[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]+(-?)(\d{1,9})\.(\d{9})[ \t]+([0-8]?\d{1,9})\.(\d{9})"
    rb"[ \t]+(\d{1,10})\.(\d{6})[ \t]+(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?$",
    re.MULTILINE,
)
_SIGN = 2  # the group of the sign, before the two of the number
_CONTENT = re.compile(rb"^(?![ \t]*(?:#|\r?$)).+$", re.MULTILINE)
_SIX_COLUMNS = re.compile(rb"[ \t]*\d+(?:[ \t]+[\d.]+){5}[ \t]*\r?")
_NUMBERS = re.compile(rb"[ \t\r\d.]+")
_NAN = re.compile(rb"(?<![^ \t])[+-]?(?:nan|inf(?:inity)?)(?![^ \t\r])", re.IGNORECASE)

# The logger's own form of a row: where its numbers begin and end. Everything else is fixed.
_FIXED = b"%10s  %10s  %5s.%9s  %11s.%9s  %10s.%6s   %10s   %10s\n" % ((b"",) * 10)
# A logging time in seconds has at most ten digits, in eleven columns.
_WHOLE = ((0, 10), (12, 22), (24, 29), (42, 52), (64, 74), (84, 94), (97, 107))
_FRACTIONS = ((30, 39), (53, 62), (75, 81))
_FIELDS = tuple(sorted(_WHOLE + _FRACTIONS))
_LONGEST_LOGGED_S = 8_999_999_999
_COLUMNS = 7
_ROWS_AT_ONCE = 2_048  # in 2 MB

HEADER_LINES = (
    "# Telemetry stream timing data",
    "#",
    "# col1 : datacube frame index",
    "# col2 : Main index",
    "# col3 : Time since cube origin (logging)",
    "# col4 : Absolute time (logging)",
    "# col5 : Absolute time (acquisition)",
    "# col6 : stream cnt0 index",
    "# col7 : stream cnt1 index",
    "#",
)


@dataclass(frozen=True)
class Timing:
    """The rows of one timing file; every array is int64 of shape (frames,).

    ``elapsed_ns`` and ``logged_ns`` are the logging clock, ``acquired_us`` is the framegrabber's
    time at the end of the exposure.
    """

    frame: Int64
    main_index: Int64
    elapsed_ns: Int64
    logged_ns: Int64
    acquired_us: Int64
    cnt0: Int64
    cnt1: Int64

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, frames: Int64) -> Timing:
        """The rows at these positions, in this order."""
        return Timing(*(getattr(self, name)[frames] for name in self.__dataclass_fields__))


def parse_timing(text: bytes) -> Timing:
    """Read a timing file's bytes without loss.

    Raises MalformedCube with code ``timing_empty``, ``timing_cut`` (its last line does not end),
    ``timing_six_columns`` (the old logger, which had no acquisition time), ``timing_nan``,
    ``timing_columns`` (a row with more or fewer than seven, such as a truncated one) or
    ``timing_malformed`` (a row whose columns are not numeric, or negative but for column 3).
    """
    table = _parse_aligned_rows(text)
    if table is None:
        table = _parse_any_rows(text)
    return Timing(
        frame=table[:, 0],
        main_index=table[:, 1],
        elapsed_ns=table[:, 2] * 1_000_000_000 + table[:, 3],
        logged_ns=table[:, 4] * 1_000_000_000 + table[:, 5],
        acquired_us=table[:, 6] * 1_000_000 + table[:, 7],
        cnt0=table[:, 8],
        cnt1=table[:, 9],
    )


def _parse_aligned_rows(text: bytes) -> Int64 | None:
    """The numbers of rows that all have the logger's own form, at a tenth of the cost.

    None for anything else, which may still be a timing file. Shape (frames, 10): times are split
    at their points.
    """
    start = 0
    while text.startswith(b"#", start):
        start = text.find(b"\n", start) + 1 or len(text)
    if start == len(text) or (len(text) - start) % len(_FIXED):
        return None
    rows = np.frombuffer(text, np.uint8, offset=start).reshape(-1, len(_FIXED))
    table = np.empty((len(rows), len(_FIELDS)), dtype=np.int64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        numbers = _numbers_of(rows[some])
        if numbers is None:
            return None
        table[some] = numbers
    return table if table[:, 4].max() <= _LONGEST_LOGGED_S else None


def _numbers_of(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64] | None:
    """The numbers of some rows in the logger's own form, None of any others."""
    digits = rows - np.uint8(ord("0"))  # anything but a digit is above 9: it wraps around
    is_digit = digits < 10
    odd = ~is_digit & ((rows != _FIXED_BYTES) | _ALWAYS_DIGIT)
    odd |= is_digit & _NEVER_DIGIT
    # A blank within a number.
    odd[:, :-1] |= is_digit[:, :-1] & ~is_digit[:, 1:] & _GOES_ON[:-1]
    if odd.any():
        return None
    # Exact: sums of whole numbers below 2^53.
    return np.asarray((digits * is_digit).astype(np.float64) @ _WORTH)


def _columns_of_rows() -> tuple[Booleans, Booleans, Booleans]:
    """Which columns always hold a digit, never do, and hold a digit that another one follows."""
    always, inside, goes_on = (np.zeros(len(_FIXED), dtype=np.bool_) for _ in range(3))
    for first, end in _FIELDS:
        always[end - 1] = inside[first:end] = goes_on[first : end - 1] = True
    for first, end in _FRACTIONS:
        always[first:end] = True
    return always, ~inside, goes_on


def _worth_of_columns() -> npt.NDArray[np.float64]:
    """What a digit of each column counts in each number: (columns, numbers)."""
    worth = np.zeros((len(_FIXED), len(_FIELDS)))
    for number, (first, end) in enumerate(_FIELDS):
        worth[first:end, number] = 10.0 ** np.arange(end - first - 1, -1, -1)
    return worth


_FIXED_BYTES = np.frombuffer(_FIXED, np.uint8)
_ALWAYS_DIGIT, _NEVER_DIGIT, _GOES_ON = _columns_of_rows()
_WORTH = _worth_of_columns()


def _parse_any_rows(text: bytes) -> Int64:
    """The numbers of rows in any unambiguous form, or what is wrong with them."""
    rows = _ROW.findall(text)
    content = _CONTENT.findall(text)
    if not content:
        raise MalformedCube("timing_empty", "the timing file has no rows")
    # The last row may look complete and still end within its last number.
    ended = content if text.endswith(b"\n") else content[:-1]
    bad = [line for line in ended if not _ROW.fullmatch(line)] if len(rows) < len(content) else []
    if bad:
        raise _malformed(bad, len(ended))
    if len(ended) < len(content):
        raise MalformedCube("timing_cut", "the last line of the timing file is cut off")
    cells = np.array(rows, dtype="S20")
    table: Int64 = np.delete(cells, _SIGN, axis=1).astype(np.int64)
    # Column 3 where the host's clock was set back within the cube.
    table[cells[:, _SIGN] == b"-", _SIGN : _SIGN + 2] *= -1
    return table


def _malformed(bad: list[bytes], rows: int) -> MalformedCube:
    # Only a whole file in the old form is the old form; one bad row is a malformed file.
    if len(bad) == rows and all(_SIX_COLUMNS.fullmatch(line) for line in bad):
        return MalformedCube(
            "timing_six_columns", "the timing file has six columns: no acquisition time"
        )
    not_a_number = [line for line in bad if _NAN.search(line)]
    other_columns = [
        line for line in bad if _NUMBERS.fullmatch(line) and len(line.split()) != _COLUMNS
    ]
    shown = (not_a_number or other_columns or bad)[0][:80].decode("ascii", "replace").strip()
    if not_a_number:
        return MalformedCube(
            "timing_nan", f"{len(not_a_number)} of {rows} timing rows hold NaN, first: {shown!r}"
        )
    if other_columns:
        return MalformedCube(
            "timing_columns",
            f"{len(other_columns)} of {rows} timing rows have not {_COLUMNS} columns,"
            f" first: {shown!r}",
        )
    return MalformedCube(
        "timing_malformed",
        f"{len(bad)} of {rows} timing rows cannot be read, first: {shown!r}",
    )


def check_timing(timing: Timing, frames: int) -> None:
    """Refuse rows that do not describe a cube of this many frames.

    Raises MalformedCube with code ``timing_rows`` (their number differs), ``timing_duplicated``
    (a row occurs twice) or ``timing_order`` (rows are not in the order of the frames).
    """
    index_steps = np.diff(timing.frame)
    # Before their number, which a duplicate row would spoil.
    if (index_steps == 0).any():
        raise MalformedCube("timing_duplicated", "two rows have the same frame index")
    if len(timing) != frames:
        raise MalformedCube(
            "timing_rows", f"the cube has {frames} frames, its timing file {len(timing)} rows"
        )
    if (index_steps != 1).any():
        # Which row belongs to which frame is unknown, even if the times rise.
        raise MalformedCube(
            "timing_order", "the frame indices of the timing rows do not rise by one"
        )


def format_rows(timing: Timing) -> str:
    """The rows in the logger's own form, one line per frame, each ending in a newline.

    ``format_rows(parse_timing(text))`` gives the rows of a logger's file back byte for byte.
    """
    giga, mega = 1_000_000_000, 1_000_000
    lines = [
        f"{frame:10d}  {main:10d}  {_elapsed(elapsed)}"
        f"  {logged // giga:11d}.{logged % giga:09d}  {acquired // mega:10d}.{acquired % mega:06d}"
        f"   {cnt0:10d}   {cnt1:10d}\n"
        for frame, main, elapsed, logged, acquired, cnt0, cnt1 in zip(
            timing.frame.tolist(),
            timing.main_index.tolist(),
            timing.elapsed_ns.tolist(),
            timing.logged_ns.tolist(),
            timing.acquired_us.tolist(),
            timing.cnt0.tolist(),
            timing.cnt1.tolist(),
            strict=True,
        )
    ]
    return "".join(lines)


def _elapsed(elapsed_ns: int) -> str:
    """Column 3, below zero where the host's clock was set back since the first frame."""
    if elapsed_ns < 0:
        return f"-{_elapsed(-elapsed_ns).lstrip()}".rjust(15)
    return f"{elapsed_ns // 1_000_000_000:5d}.{elapsed_ns % 1_000_000_000:09d}"
