"""Manifests: the lists that tell STARS which files of a night to pull, and from where.

One line per packed frame, ``FRAMEID|absolute path|size in bytes``, sorted by frame ID. The form
``plain`` has nothing else; ``mkbulk`` begins with ``#FRAMEID|path|size_bytes`` and may add columns
of digests. The first manifest of a night is ``manifest_VMP_<date>.csv``; late products are in
supplements ``manifest_VMP_<date>_s1.csv``, ``_s2`` ... None ever changes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from vampd.errors import DataError
from vampd.model.frame_ids import FrameId

_NAME = re.compile(r"manifest_VMP_(?P<date>[0-9]{8})(?:_s(?P<number>[1-9][0-9]{0,8}))?\.csv")
_HEADER = ("#FRAMEID", "path", "size_bytes")
_SIZE = re.compile(r"[0-9]{1,18}")


class Style(StrEnum):
    """Whether a header line names the columns."""

    PLAIN = "plain"
    MKBULK = "mkbulk"


class DigestColumn(StrEnum):
    """Columns that the form ``mkbulk`` may add, as its header names them."""

    SHA256 = "sha256sum"
    MD5 = "md5sum"


class LineEnd(StrEnum):
    """How lines end."""

    CRLF = "crlf"
    LF = "lf"

    @property
    def text(self) -> str:
        """The characters."""
        return "\r\n" if self is LineEnd.CRLF else "\n"


@dataclass(frozen=True)
class ManifestForm:
    """How a manifest is written; ValueError for columns without a header that names them."""

    style: Style = Style.PLAIN
    columns: tuple[DigestColumn, ...] = ()
    line_end: LineEnd = LineEnd.CRLF

    def __post_init__(self) -> None:
        if self.columns and self.style is Style.PLAIN:
            raise ValueError('columns need the form "mkbulk", whose header names them')
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("a column may occur only once")


@dataclass(frozen=True)
class ManifestLine:
    """A packed frame: its ID, its absolute path as STARS sees it, its size in bytes.

    The digests (hex) are None if unknown.
    """

    frame_id: FrameId
    path: str
    size: int
    sha256: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Manifest:
    """A manifest's form and its lines, in their order."""

    form: ManifestForm
    lines: tuple[ManifestLine, ...]

    @property
    def files(self) -> int:
        """How many files it lists."""
        return len(self.lines)

    @property
    def bytes(self) -> int:
        """Their total size."""
        return sum(line.size for line in self.lines)


def manifest_name(date: str, supplement: int) -> str:
    """The file's name; supplement 0 is the first manifest itself."""
    return f"manifest_VMP_{date}{f'_s{supplement}' if supplement else ''}.csv"


def supplement_number(name: str, date: str) -> int | None:
    """Which supplement of that night's manifest a file name denotes, None if none."""
    match = _NAME.fullmatch(name)
    if match is None or match["date"] != date:
        return None
    return int(match["number"] or "0")


def format_manifest(manifest: Manifest) -> str:
    """The manifest's text, sorted by frame ID.

    ValueError for a path that it cannot hold or an unknown digest.
    """
    form = manifest.form
    rows = [_cells(line, form) for line in sorted(manifest.lines, key=_by_frame_id)]
    if form.style is Style.MKBULK:
        rows.insert(0, [*_HEADER, *form.columns])
    return "".join("|".join(row) + form.line_end.text for row in rows)


def parse_manifest(text: str) -> Manifest:
    """A manifest in any of its forms; unknown columns are ignored.

    DataError ``manifest_damaged`` names the first line that cannot be read.
    """
    names: Sequence[str] | None = None
    lines: list[ManifestLine] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line.startswith("#") and names is None and not lines:
            names = line.split("|")
            _require(tuple(names[:3]) == _HEADER, number, line)
        elif line:
            lines.append(_parse_line(line, names or _HEADER, number))
    columns = tuple(column for column in DigestColumn if column in (names or ()))
    style = Style.PLAIN if names is None else Style.MKBULK
    line_end = LineEnd.LF if "\n" in text and "\r\n" not in text else LineEnd.CRLF
    # The header's own order, so that the text comes back as it was.
    ordered = tuple(sorted(columns, key=(names or ()).index))
    return Manifest(ManifestForm(style, ordered, line_end), tuple(lines))


def combine_manifests(manifests: Sequence[Manifest]) -> Manifest:
    """All lines in one manifest, by frame ID, in the richest form that suits all of them.

    DataError ``manifest_duplicate`` if a frame ID or a path occurs twice.
    """
    lines = sorted((line for m in manifests for line in m.lines), key=_by_frame_id)
    for one, other in pairwise(lines):
        if one.frame_id == other.frame_id:
            raise _duplicate(str(one.frame_id))
    paths = sorted(line.path for line in lines)
    for path, next_path in pairwise(paths):
        if path == next_path:
            raise _duplicate(path)
    return Manifest(_common_form([m.form for m in manifests]), tuple(lines))


def _common_form(forms: Sequence[ManifestForm]) -> ManifestForm:
    line_ends = {form.line_end for form in forms}
    line_end = line_ends.pop() if len(line_ends) == 1 else LineEnd.CRLF
    if not forms or any(form.style is Style.PLAIN for form in forms):
        return ManifestForm(Style.PLAIN, (), line_end)
    columns = tuple(c for c in forms[0].columns if all(c in form.columns for form in forms))
    return ManifestForm(Style.MKBULK, columns, line_end)


def _duplicate(what: str) -> DataError:
    return DataError(
        "manifest_duplicate",
        f"{what} occurs twice in these manifests; a frame is announced once: leave one of them out,"
        " and find out which night it belongs to",
    )


def _by_frame_id(line: ManifestLine) -> FrameId:
    return line.frame_id


def _cells(line: ManifestLine, form: ManifestForm) -> list[str]:
    if not line.path.startswith("/") or set(line.path) & set("|\r\n"):
        raise ValueError(f"a manifest names absolute paths without '|', not {line.path!r}")
    cells = [str(line.frame_id), line.path, str(line.size)]
    for column in form.columns:
        digest = line.sha256 if column is DigestColumn.SHA256 else line.md5
        if digest is None:
            raise ValueError(f"the {column} of {line.frame_id} is unknown")
        cells.append(digest)
    return cells


def _parse_line(line: str, names: Sequence[str], number: int) -> ManifestLine:
    cells = line.split("|")
    # A plain manifest may have further columns without a header.
    _require(len(cells) >= len(names), number, line)
    named = dict(zip(names, cells, strict=False))
    path, size = named[_HEADER[1]], named[_HEADER[2]]
    _require(path.startswith("/") and _SIZE.fullmatch(size) is not None, number, line)
    try:
        frame_id = FrameId.parse(cells[0])
    except ValueError as error:
        raise _damaged(number, line) from error
    return ManifestLine(
        frame_id, path, int(size), named.get(DigestColumn.SHA256), named.get(DigestColumn.MD5)
    )


def _require(condition: bool, number: int, line: str) -> None:
    if not condition:
        raise _damaged(number, line)


def _damaged(number: int, line: str) -> DataError:
    return DataError(
        "manifest_damaged",
        f"line {number} of a manifest is not 'FRAMEID|path|size': {line[:120]!r}",
    )
