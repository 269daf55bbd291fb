"""The root of the nights as it is on record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KnownRoot:
    """The folder that nights appear in, and its mark; ``at`` is unix seconds."""

    path: Path
    mark: str
    # Whether the mark is known to have been there. A kill between the record and the mark leaves
    # it False, and so does a root that vampd may not write to.
    is_placed: bool
    actor: str
    at: float
