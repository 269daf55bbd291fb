"""``vbad/reasons.tsv``: the cubes that were set aside, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vampd.errors import DataError
from vampd.model.cubes.cube import FrameCount, SetAside
from vampd.model.escapes import escape_cell, text_lines, unescape_cell

_AT_LEAST = ">="
_COUNT = re.compile(rf"(?:{_AT_LEAST})?[0-9]{{1,18}}")
_REASON_COLUMNS = ("path", "frames", "code", "reason")


def format_reasons(cubes: Iterable[SetAside]) -> str:
    r"""The text of reasons.tsv: a header line, then one line per set-aside cube, sorted by path.

    A number of frames that is no more than a lower bound has ``>=`` before it. Backslashes, tabs
    and line ends in a cell are written as ``\\``, ``\t``, ``\n``, ``\r``, other characters that are
    not seen as they are by their number: ``\x1b``, ``\u202e``, ``\U000e0041``; a byte that is not
    UTF-8 as ``\udc80`` to ``\udcff``.
    """
    rows = [
        (cube.path, _count_cell(cube.count), cube.code, cube.reason)
        for cube in sorted(cubes, key=lambda cube: cube.path)
    ]
    return "".join("\t".join(map(escape_cell, row)) + "\n" for row in (_REASON_COLUMNS, *rows))


def _count_cell(count: FrameCount) -> str:
    return f"{'' if count.is_certain else _AT_LEAST}{count.frames}"


def parse_reasons(text: str) -> tuple[tuple[str, int, str, str], ...]:
    """The rows (path, frames, code, reason); DataError ``reasons_damaged`` if one is malformed."""
    header, *lines = text_lines(text) or [""]
    rows = []
    for line in lines:
        cells = [unescape_cell(cell) for cell in line.split("\t")]
        match cells:
            case [str(path), str(frames), str(code), str(reason)] if _COUNT.fullmatch(frames):
                rows.append((path, int(frames.removeprefix(_AT_LEAST)), code, reason))
            case _:
                raise DataError(
                    "reasons_damaged", f"not a row of path, frames, code, reason: {line[:120]!r}"
                )
    if tuple(header.split("\t")) != _REASON_COLUMNS:
        raise DataError("reasons_damaged", f"the first line is not the header: {header[:120]!r}")
    return tuple(rows)
