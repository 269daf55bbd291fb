"""Names of products in few words."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DIGITS = 8
_FRAME_ID = re.compile(rf"VMPA\d{{{_DIGITS}}}")
_SPAN = 2


def name_spans(names: Iterable[str]) -> str:
    """Sorted names, frame IDs that follow each other as ``VMPA00000001 to VMPA00000009``."""
    spans: list[list[str]] = []
    for name in names:
        if spans and _follows(spans[-1][-1], name):
            spans[-1].append(name)
        else:
            spans.append([name])
    return ", ".join(
        f"{span[0]} to {span[-1]}" if len(span) > _SPAN else ", ".join(span) for span in spans
    )


def _follows(name: str, other: str) -> bool:
    ids = (_FRAME_ID.fullmatch(name), _FRAME_ID.fullmatch(other))
    return None not in ids and int(other[-_DIGITS:]) == int(name[-_DIGITS:]) + 1
