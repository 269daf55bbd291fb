"""What a new reading of an archive copy proves, and the list of what is bad there."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from vampd.model.proofs.checksums import SUMS_NAME, parse_sums, text_digest
from vampd.model.proofs.receipt import Receipt

BAD_LIST = "bad_sc6_files.txt"


@dataclass(frozen=True)
class CopyVerdict:
    """Of ``checked`` paths, those with wrong bytes, and those that are missing."""

    checked: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def bad(self) -> tuple[str, ...]:
        """All that must be sent again, by path."""
        return tuple(sorted((*self.damaged, *self.missing)))


def expected_digests(
    sums: str | None, here: Mapping[str, Receipt], there: Mapping[str, Receipt]
) -> dict[str, str]:
    """The SHA-256 (hex) that each file must have there, by path.

    ``sums`` is the text of the night's SHA256SUMS; without it, what was once sent is expected as it
    was read here. DataError ``sums_damaged``.
    """
    if sums is None:
        return {path: here[path].sha256 for path in sorted(there.keys() & here.keys())}
    return {**parse_sums(sums), SUMS_NAME: text_digest(sums)}


def choose_sample(
    paths: Sequence[str], percent: float, choose: Callable[[Sequence[str], int], list[str]]
) -> tuple[str, ...]:
    """So many percent of the paths, rounded up; ``choose`` samples without repetition."""
    count = min(len(paths), math.ceil(len(paths) * percent / 100))
    return tuple(sorted(choose(paths, count)))


def judge_copy(
    expected: Mapping[str, str], checked: Sequence[str], read: Mapping[str, Receipt]
) -> CopyVerdict:
    """Compare what was read with what must be there; no receipt means missing."""
    return CopyVerdict(
        tuple(checked),
        damaged=tuple(p for p in checked if p in read and read[p].sha256 != expected[p]),
        missing=tuple(p for p in checked if p not in read),
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
