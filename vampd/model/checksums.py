"""The two listings that travel with a night: ``SHA256SUMS`` and ``vbad/reasons.tsv``.

``SHA256SUMS`` is what GNU ``sha256sum`` writes and ``sha256sum -c`` reads, from within the night's
folder: hex digest, two blanks, path; a name that holds a backslash or a line end is escaped, and
its line begins with a backslash (coreutils manual, "md5sum invocation").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping

from vampd.errors import DataError
from vampd.model.cube import SetAside

SUMS_NAME = "SHA256SUMS"
_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)", re.DOTALL)
_SUMS_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_CELL_ESCAPES = {**_SUMS_ESCAPES, "\t": "\\t"}
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_REASON_COLUMNS = ("path", "frames", "code", "reason")


def format_sums(digests: Mapping[str, str]) -> str:
    """The text of SHA256SUMS from digests (hex) by path, sorted by path."""
    return "".join(_sums_line(path, digests[path]) for path in sorted(digests))


def _sums_line(path: str, sha256: str) -> str:
    escaped = _escape(path, _SUMS_ESCAPES)
    return f"{'' if escaped == path else chr(92)}{sha256}  {escaped}\n"


def parse_sums(text: str) -> dict[str, str]:
    """The digests (hex) by path; DataError ``sums_damaged`` names the first line that is none."""
    digests: dict[str, str] = {}
    for number, line in enumerate(_lines(text), start=1):
        match = _LINE.fullmatch(line)
        path = match and (_unescape(match[3], _SUMS_ESCAPES) if match[1] else match[3])
        if match is None or path is None or path in digests:
            raise DataError(
                "sums_damaged",
                f"line {number} of {SUMS_NAME} is not 'digest  path' of one more file:"
                f" {line[:120]!r}",
            )
        digests[path] = match[2]
    return digests


def text_digest(text: str) -> str:
    """The SHA-256 (hex) of a text's bytes as they are written to disk."""
    return hashlib.sha256(text_bytes(text)).hexdigest()


def text_bytes(text: str) -> bytes:
    """A text's bytes on disk; names that are not UTF-8 come back as the bytes they were."""
    return text.encode("utf-8", "surrogateescape")


def format_reasons(cubes: Iterable[SetAside]) -> str:
    r"""The text of reasons.tsv: a header line, then one line per set-aside cube, sorted by path.

    Backslashes, tabs and line ends in a cell are written as ``\\``, ``\t``, ``\n``, ``\r``.
    """
    rows = [
        (cube.path, str(cube.frames), cube.code, cube.reason)
        for cube in sorted(cubes, key=lambda cube: cube.path)
    ]
    return "".join(
        "\t".join(_escape(cell, _CELL_ESCAPES) for cell in row) + "\n"
        for row in (_REASON_COLUMNS, *rows)
    )


def parse_reasons(text: str) -> tuple[tuple[str, int, str, str], ...]:
    """The rows (path, frames, code, reason); DataError ``reasons_damaged`` if one is none."""
    header, *lines = _lines(text) or [""]
    rows = []
    for line in lines:
        cells = [_unescape(cell, _CELL_ESCAPES) for cell in line.split("\t")]
        match cells:
            case [str(path), str(frames), str(code), str(reason)] if frames.isdecimal():
                rows.append((path, int(frames), code, reason))
            case _:
                raise DataError(
                    "reasons_damaged", f"not a row of path, frames, code, reason: {line[:120]!r}"
                )
    if tuple(header.split("\t")) != _REASON_COLUMNS:
        raise DataError("reasons_damaged", f"the first line is not the header: {header[:120]!r}")
    return tuple(rows)


def _lines(text: str) -> list[str]:
    # Not splitlines(): only a line feed ends a line, whatever a name or a reason holds.
    return text.removesuffix("\n").split("\n") if text else []


def _escape(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(letter, letter) for letter in text)


def _unescape(text: str, escapes: Mapping[str, str]) -> str | None:
    letters = {escaped[1]: letter for letter, escaped in escapes.items()}
    if any(escape not in letters for escape in _ESCAPED.findall(text)):
        return None
    return _ESCAPED.sub(lambda match: letters[match[1]], text)
