r"""``corrections.tsv``: cards that a person corrects on the record, before sync cuts.

A header line, then a line per correction, columns separated by tabs, cells escaped as in
reasons.tsv: ``files`` (a raw cube's path, or ``FROM..TO`` in UT), ``keyword``, ``old``, ``new``,
``reason``. An empty ``old`` is a card that is missing or undefined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from vampd.errors import DataError
from vampd.model.cubes import Number, Value, render_card, render_string
from vampd.model.escapes import escape_cell, text_lines, unescape_cell
from vampd.model.headers.condition import is_angle, is_number, parse_span, says
from vampd.model.proofs import text_digest

CORRECTIONS = "corrections.tsv"
_COLUMNS = ("files", "keyword", "old", "new", "reason")
_PATH = re.compile(r"vcam[12]/[^/]+\.fits")
_TEXT = re.compile(r"[ -~]*")


@dataclass(frozen=True)
class Correction:
    """One line; the cells as a person wrote them."""

    files: str
    keyword: str
    old: str
    new: str
    reason: str

    @property
    def span_us(self) -> tuple[int, int] | None:
        """From when to when (us since 1970) it holds, both included; None: it names a cube."""
        try:
            return parse_span(self.files)
        except ValueError as error:
            raise _malformed(str(error)) from error

    def field_for(self, value: Value | None) -> str:
        """The new value's field on a card, in the type that ``value``, the old one, has.

        DataError ``corrections_malformed`` if it cannot be one.
        """
        # A card that is missing shows no type.
        is_numeric = isinstance(value, Number) or is_angle(self.keyword)
        if is_numeric and not is_number(self.new):
            raise _malformed(f"{self.keyword} is a number, and {self.new!r} is none")
        field = self.new if is_numeric else render_string(self.new)
        try:
            render_card(self.keyword, field)
        except ValueError as error:
            raise _malformed(str(error)) from error
        return field

    def agrees_with(self, value: Value | None) -> bool:
        """Whether a card says the old value."""
        return says(self.keyword, value, self.old)


@dataclass(frozen=True)
class Corrections:
    """All of a night's, with the SHA-256 of their text; none, without a digest.

    ``proposed_by`` is who wrote a file that is not the owner's: nothing of it is believed.
    ``written_at`` (unix seconds) is when the file was last written.
    """

    rows: tuple[Correction, ...] = ()
    sha256: str = ""
    proposed_by: str = ""
    written_at: float = field(default=0.0, compare=False)


def format_corrections(rows: Iterable[Correction]) -> str:
    """The text of corrections.tsv."""
    cells = [(row.files, row.keyword, row.old, row.new, row.reason) for row in rows]
    return "".join("\t".join(map(escape_cell, row)) + "\n" for row in (_COLUMNS, *cells))


def parse_corrections(text: str) -> Corrections:
    """Read them; DataError ``corrections_malformed`` names the first line that is none."""
    header, *lines = text_lines(text.replace("\r\n", "\n")) or [""]
    if tuple(header.split("\t")) != _COLUMNS:
        raise _malformed(f"the first line must name {', '.join(_COLUMNS)}, it is {header[:120]!r}")
    rows = []
    for number, line in enumerate(lines, start=2):
        cells = [unescape_cell(cell) for cell in line.split("\t")]
        if not line.strip():
            continue
        if len(cells) != len(_COLUMNS) or None in cells:
            raise _malformed(f"it has not {len(_COLUMNS)} cells: {line[:120]!r}", number)
        row = Correction(*(cell or "" for cell in cells))
        _check(row, number)
        rows.append(row)
    return Corrections(tuple(rows), text_digest(text))


def refuse_keywords(corrections: Corrections, allowed: Iterable[str]) -> None:
    """DataError ``corrections_malformed`` for a card that may not be corrected."""
    may = frozenset(allowed)
    for row in corrections.rows:
        if row.keyword not in may:
            raise _malformed(
                f"{row.keyword} may not be corrected; headers.may_correct allows"
                f" {', '.join(sorted(may)) or 'none'}"
            )


def _check(row: Correction, number: int) -> None:
    if not row.reason.strip():
        raise _malformed("it gives no reason", number)
    if not (_TEXT.fullmatch(row.new) and row.new.strip()):
        raise _malformed("the new value must be printable ASCII", number)
    if _PATH.fullmatch(row.files):
        return
    span = row.span_us
    if span is None or span[0] > span[1]:
        raise _malformed(
            "expected a cube such as vcam1/NAME.fits, or FROM..TO in UT such as"
            f" 2025-11-06T10:20:00..2025-11-06T10:25:30, found {row.files[:120]!r}",
            number,
        )


def _malformed(why: str, line: int | None = None) -> DataError:
    place = CORRECTIONS if line is None else f"{CORRECTIONS}: line {line}"
    return refused_correction("corrections_malformed", place, why)


def refused_correction(code: str, place: str, why: str) -> DataError:
    """The error of a file that does not fit; its context has ``why``, for who wrote no file."""
    return DataError(
        code,
        f"{place}: {why}. Nothing of it was applied: mend the file, then `vampctl retry NIGHT"
        " --from sync`",
        why=why,
    )
