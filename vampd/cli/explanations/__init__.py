"""Every message that a person can meet, by its code: what it means, and what to do.

The one place: `vampctl explain` prints it, and ``docs/messages.md`` is made from it. An entry is
the code, and two indented lines: the cause and the cure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from vampd.cli.explanations.archive import ARCHIVE
from vampd.cli.explanations.cubes import CUBES
from vampd.cli.explanations.machine import MACHINE
from vampd.cli.explanations.nights import NIGHTS
from vampd.cli.explanations.people import PEOPLE
from vampd.cli.explanations.records import RECORDS

_SUBJECTS = (
    ("Nights", NIGHTS),
    ("Cubes and frames", CUBES),
    ("Transfer, archive and products", ARCHIVE),
    ("Frame IDs, manifests and mail", RECORDS),
    ("Owner and members", PEOPLE),
    ("Machine, configuration and commands", MACHINE),
)
# Why frames have no certain FLC state: codes that sync makes of its reasons.
_DUBIOUS = "dubious_"


@dataclass(frozen=True)
class CodeExplanation:
    """A code, what it means, and what to do."""

    code: str
    subject: str
    cause: str
    cure: str


def explanations() -> Iterator[CodeExplanation]:
    """All of them, by subject."""
    for subject, text in _SUBJECTS:
        lines = text.strip().split("\n")
        for code, cause, cure in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
            yield CodeExplanation(code, subject, cause.strip(), cure.strip())


def find_explanation(code: str) -> CodeExplanation | None:
    """That of one code; None if there is none."""
    if code.startswith(_DUBIOUS):
        code = f"{_DUBIOUS}ambiguous"
    return next((one for one in explanations() if one.code == code), None)


def near_codes(code: str) -> list[str]:
    """Codes that are written much like this one, the nearest first."""
    codes = [one.code for one in explanations()]
    parts = [one for one in codes if code and code in one]
    return list(dict.fromkeys([*difflib.get_close_matches(code, codes), *parts]))[:4]
