"""What a new reading of an archive copy proves, and the list of what is bad there."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from vampd.errors import DataError
from vampd.model.proofs.checksums import SUMS_NAME, format_sums, parse_sums, text_digest
from vampd.model.proofs.packing_receipt import PackingReceipt
from vampd.model.proofs.receipt import Receipt

BAD_LIST = "bad_sc6_files.txt"
# What travels beside products: set-aside raw, corrections, and the table of headers.
_HAS_NO_RECEIPT = re.compile(r"vbad/|header_table_\d{8}\.csv$|corrections\.tsv$")


@dataclass(frozen=True)
class CopyVerdict:
    """Of ``checked`` paths, those with wrong bytes, and those that are missing.

    ``extra`` are files there that nothing here names (any more): they are no fault.
    """

    checked: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def bad(self) -> tuple[str, ...]:
        """All that must be sent again, by path."""
        return tuple(sorted((*self.damaged, *self.missing)))


def expected_digests(
    sums: str | None,
    here: Mapping[str, Receipt],
    there: Mapping[str, Receipt],
    receipts: Mapping[str, PackingReceipt],
) -> dict[str, str]:
    """The SHA-256 (hex) that each file must have there, by path.

    What vampd made and has sent must be what its packing receipt says, whatever has become of
    ``sums``, the text of the night's SHA256SUMS. What is set aside, the table of headers, and all
    files of a night without packing receipts, must be what ``sums`` says, else as it was read here.
    DataError ``sums_damaged`` if nothing else knows.
    """
    if not receipts:
        if sums is None:
            return {path: here[path].sha256 for path in sorted(there.keys() & here.keys())}
        return {**parse_sums(sums), SUMS_NAME: text_digest(sums)}
    try:
        summed = parse_sums(sums or "")
    except DataError:
        summed = {}
    sent = (there.keys() | summed.keys()) & receipts.keys()
    aside = {path: here[path].sha256 for path in there.keys() & here.keys()} | summed
    known = {
        path: sha256
        for path, sha256 in aside.items()
        if _HAS_NO_RECEIPT.match(path) and (path in there or not there)
    }
    known |= {path: receipts[path].sha256 for path in sent}
    expected = {path: known[path] for path in sorted(known)}
    return {**expected, SUMS_NAME: text_digest(format_sums(expected))} if expected else {}


def choose_sample(
    paths: Sequence[str], percent: float, choose: Callable[[Sequence[str], int], list[str]]
) -> tuple[str, ...]:
    """So many percent of the paths, rounded up; ``choose`` samples without repetition."""
    count = min(len(paths), math.ceil(len(paths) * percent / 100))
    return tuple(sorted(choose(paths, count)))


def judge_copy(
    expected: Mapping[str, str],
    checked: Sequence[str],
    read: Mapping[str, Receipt],
    listed: Collection[str] = (),
) -> CopyVerdict:
    """Compare what was read with what must be there; no receipt means missing.

    ``listed`` are all files that lie there.
    """
    return CopyVerdict(
        tuple(checked),
        damaged=tuple(p for p in checked if p in read and read[p].sha256 != expected[p]),
        missing=tuple(p for p in checked if p not in read),
        extra=tuple(sorted(set(listed) - expected.keys())),
    )


def format_bad_list(
    before: str | None, date: str, checked: Collection[str], bad: Collection[str]
) -> str:
    """The lines ``<date>/<path>`` of everything known to be bad, sorted.

    Entries of ``before`` stay for files that were not read this time.
    """
    listed = [line.removeprefix(f"{date}/") for line in (before or "").splitlines() if line.strip()]
    stays = {path for path in listed if path not in set(checked)}
    return "".join(f"{date}/{path}\n" for path in sorted(stays | set(bad)))
