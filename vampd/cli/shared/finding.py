"""One line of `vampctl doctor`."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, BAD = "OK", "look", "BAD"


@dataclass(frozen=True)
class Finding:
    """The check, its state, and what was found or what to do."""

    check: str
    state: str
    found: str
