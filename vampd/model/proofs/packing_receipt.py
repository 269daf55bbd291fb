"""Packing receipts: what the files of a night were when they were proven; the truth from then on.

What vampd made has its receipt for good. A raw file under ``vbad`` has one since it was first read
to be sent: it may grow, and a person may say that other bytes are right; then it has another.

``vgen2/receipts.tsv`` holds them beside the data: a header line, then one line per file, sorted by
path, columns separated by tabs. It is a function of the receipts alone: no time, no order of work.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vampd.errors import DataError
from vampd.model.escapes import CELL_ESCAPES, escape, text_lines, unescape
from vampd.model.sharing import shared

RECEIPTS_PATH = "vgen2/receipts.tsv"
REASONS_PATH = "vbad/reasons.tsv"
_SET_ASIDE = "vbad/"

# The number of the form that new products have. It rises when the same decision of sync and the
# same raw bytes would give other bytes; a product of a form that is not written any more cannot be
# made again. Form 2 says its number in HISTORY and in the generation; form 1 says none. Form 3 has
# cards that every reader accepts, and rows that count the product's own frames.
FIRST_FORM = 1
READABLE_FORM = 3
PRODUCT_FORM = READABLE_FORM
WRITTEN_FORMS = frozenset({FIRST_FORM, 2, PRODUCT_FORM})

_COLUMNS = ("path", "size", "sha256", "identity", "form")
# As many digits as any file can have bytes.
_NUMBER = re.compile(r"[0-9]{1,18}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# What has a receipt lies in vgen2 or below vbad: nothing else may be believed of the listing.
_PATH = re.compile(r"(vgen2|vbad|vbad/vcam[12])/(?!\.)[^/\0]+", re.DOTALL)
_NO_IDENTITY = "-"


@dataclass(frozen=True, order=True, slots=True)
class PackingReceipt:
    """The bytes that a file of the night has for good: their number and SHA-256 (hex).

    ``path`` is relative to the night's folder. ``identity`` is a product's, None for sidecars and
    generations; ``form`` is that of the product, and of its sidecar, 1 for all other files.
    """

    path: str
    size: int
    sha256: str
    identity: str | None
    form: int = FIRST_FORM


@dataclass(frozen=True, slots=True)
class RecordedReceipt:
    """A packing receipt on record since ``at`` (unix seconds).

    ``ended_at`` and ``ended_by`` are None while it stands. What vampd made has it until a person
    says otherwise: by a restore, the release of a lost product, or `recover --from-products`. A
    set-aside raw file has it until it has another: at a person's word, or as it has grown; or until
    a person gives it up.
    """

    receipt: PackingReceipt
    at: float
    ended_at: float | None = None
    ended_by: str | None = None


def refuse_other_form(form: int, what: str) -> None:
    """DataError ``other_form`` if this version of vampd does not write products of this form."""
    if form not in WRITTEN_FORMS:
        raise DataError(
            "other_form",
            f"{what} has form {form}, and this version of vampd writes forms"
            f" {', '.join(map(str, sorted(WRITTEN_FORMS)))}: equal bytes cannot be made",
            form=form,
        )


def is_set_aside(path: str) -> bool:
    """Whether this is a raw file that travels as it is, and nothing that vampd made."""
    return path.startswith(_SET_ASIDE) and path != REASONS_PATH


def own_receipts(receipts: Mapping[str, PackingReceipt]) -> dict[str, PackingReceipt]:
    """Those of what vampd made."""
    return {path: receipt for path, receipt in receipts.items() if not is_set_aside(path)}


def aside_receipts(receipts: Mapping[str, PackingReceipt]) -> dict[str, PackingReceipt]:
    """Those of set-aside raw files."""
    return {path: receipt for path, receipt in receipts.items() if is_set_aside(path)}


def live_receipts(recorded: Iterable[RecordedReceipt]) -> dict[str, PackingReceipt]:
    """The receipts that have not ended, by path."""
    return {each.receipt.path: each.receipt for each in recorded if each.ended_at is None}


def ended_receipts(recorded: Iterable[RecordedReceipt]) -> tuple[RecordedReceipt, ...]:
    """Those that count no more."""
    return tuple(each for each in recorded if each.ended_at is not None)


def refuse_other_receipt(known: PackingReceipt | None, new: PackingReceipt) -> None:
    """DataError ``receipts_disagree`` if a path already has another receipt: none is replaced."""
    if known is not None and known != new:
        raise DataError(
            "receipts_disagree",
            f"{new.path} has a packing receipt for {known.size} bytes with SHA-256 {known.sha256},"
            f" and is now said to have {new.size} bytes with SHA-256 {new.sha256}; a packing"
            " receipt is written once: find out which bytes are right before anything else",
            path=new.path,
        )


def refuse_renewal(known: PackingReceipt | None, new: PackingReceipt) -> None:
    """`refuse_other_receipt` for what vampd made, which has one receipt for good."""
    if not is_set_aside(new.path):
        refuse_other_receipt(known, new)


def find_twins(receipts: Mapping[str, PackingReceipt]) -> tuple[tuple[str, str], ...]:
    """Pairs of products with one content or one identity; there should be none."""
    products = [receipts[path] for path in sorted(receipts) if receipts[path].identity]
    twins = []
    for key in ("sha256", "identity"):
        first: dict[str, str] = {}
        for receipt in products:
            path = first.setdefault(getattr(receipt, key), receipt.path)
            if path != receipt.path:
                twins.append((path, receipt.path))
    return tuple(sorted(set(twins)))


def format_receipts(receipts: Collection[PackingReceipt]) -> str:
    """The text of receipts.tsv."""
    rows = [
        (each.path, str(each.size), each.sha256, each.identity or _NO_IDENTITY, str(each.form))
        for each in sorted(receipts, key=lambda each: each.path)
    ]
    return "".join(
        "\t".join(escape(cell, CELL_ESCAPES) for cell in row) + "\n" for row in (_COLUMNS, *rows)
    )


def parse_receipts(text: str) -> dict[str, PackingReceipt]:
    """The receipts by path; DataError ``receipts_damaged`` names the first malformed line."""
    receipts: dict[str, PackingReceipt] = {}
    header, *lines = text_lines(text) or [""]
    if tuple(header.split("\t")) != _COLUMNS:
        raise _damaged(1, header)
    for number, line in enumerate(lines, start=2):
        receipt = _parse_line(line)
        if receipt is None or receipt.path in receipts:
            raise _damaged(number, line)
        receipts[receipt.path] = receipt
    return receipts


def _parse_line(line: str) -> PackingReceipt | None:
    match [unescape(cell, CELL_ESCAPES) for cell in line.split("\t")]:
        case [str(path), str(size), str(sha256), str(identity), str(form)] if (
            _NUMBER.fullmatch(size)
            and _NUMBER.fullmatch(form)
            and _PATH.fullmatch(path)
            and _DIGEST.fullmatch(sha256)
            and (identity == _NO_IDENTITY or _DIGEST.fullmatch(identity))
        ):
            named = None if identity == _NO_IDENTITY else shared(identity)
            return PackingReceipt(shared(path), int(size), shared(sha256), named, int(form))
        case _:
            return None


def _damaged(number: int, line: str) -> DataError:
    return DataError(
        "receipts_damaged",
        f"line {number} of {RECEIPTS_PATH} is not the receipt of one more file: {line[:120]!r};"
        " where the database is whole, move the file out of the night's folder and `vampctl retry"
        " NIGHT` writes it again",
        path=RECEIPTS_PATH,
    )
