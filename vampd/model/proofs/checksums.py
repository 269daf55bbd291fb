"""``SHA256SUMS``, the digests that are sent with a night.

Its form is what GNU ``sha256sum`` writes and ``sha256sum -c`` reads, from within the night's
folder: hex digest, two blanks, path; a name with a backslash or a line end is escaped, and
its line begins with a backslash (coreutils manual, "md5sum invocation").
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from vampd.errors import DataError
from vampd.model.escapes import LINE_ESCAPES, escape, text_lines, unescape
from vampd.model.sharing import shared

SUMS_NAME = "SHA256SUMS"
# Characters.
_TOGETHER = 1 << 20
_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)", re.DOTALL)


def format_sums(digests: Mapping[str, str]) -> str:
    """The text of SHA256SUMS from digests (hex) by path, sorted by path."""
    return "".join(_sums_line(path, digests[path]) for path in sorted(digests))


def _sums_line(path: str, sha256: str) -> str:
    escaped = escape(path, LINE_ESCAPES)
    return f"{'' if escaped == path else chr(92)}{sha256}  {escaped}\n"


def parse_sums(text: str) -> dict[str, str]:
    """The digests (hex) by path; DataError ``sums_damaged`` names the first malformed line."""
    digests: dict[str, str] = {}
    for number, line in enumerate(text_lines(text), start=1):
        match = _LINE.fullmatch(line)
        path = match and (unescape(match[3], LINE_ESCAPES) if match[1] else match[3])
        if match is None or path is None or path in digests:
            raise DataError(
                "sums_damaged",
                f"line {number} of {SUMS_NAME} is not 'digest  path' of one more file:"
                f" {line[:120]!r}",
            )
        digests[shared(path)] = shared(match[2])
    return digests


def text_digest(text: str, end: int | None = None) -> str:
    """The SHA-256 (hex) of a text's bytes, up to a character, as they are written to disk."""
    digest = hashlib.sha256()
    end = len(text) if end is None else end
    for start in range(0, end, _TOGETHER):  # no second copy of a long one
        digest.update(text_bytes(text[start : min(start + _TOGETHER, end)]))
    return digest.hexdigest()


def text_bytes(text: str) -> bytes:
    """A text's bytes on disk; names that are not UTF-8 come back as the bytes they were."""
    return text.encode("utf-8", "surrogateescape")
