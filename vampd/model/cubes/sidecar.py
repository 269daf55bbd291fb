"""Sidecars: the timing file of a product, in the logger's form, for exactly its frames.

The lines that begin with ``#`` also name the product and where its frames come from::

    # Telemetry stream timing data
    # identity 3f5c...
    # frames 500
    # note ...
    #
    # col1 : datacube frame index
    ...
"""

from __future__ import annotations

import re

from vampd.model.cubes.framelist import Framelist
from vampd.model.cubes.timing import HEADER_LINES

# The identity is within the first bytes, so that a survey need not read the rows.
HEAD_BYTES = 4096
_IDENTITY = re.compile(rf"{re.escape(HEADER_LINES[0])}\n# identity ([0-9a-f]{{64}})\n")


def format_sidecar(framelist: Framelist) -> str:
    """The sidecar's text, a function of the framelist alone."""
    lines = [
        HEADER_LINES[0],
        f"# identity {framelist.identity}",
        f"# frames {framelist.frames}",
        *(f"# {note}" for note in framelist.notes),
        *HEADER_LINES[1:],
    ]
    return "".join(f"{line}\n" for line in lines) + framelist.rows


def parse_sidecar_identity(head: str) -> str | None:
    """The identity in the beginning of a sidecar, None if it is not vampd's."""
    match = _IDENTITY.match(head)
    return match[1] if match else None


def parse_sidecar_notes(text: str) -> tuple[str, ...]:
    """The notes in a sidecar, as `format_sidecar` wrote them; none if it is not vampd's."""
    head, end, _ = text.partition(f"\n{HEADER_LINES[1]}\n")
    if not end or parse_sidecar_identity(text) is None:
        return ()
    return tuple(line.removeprefix("# ") for line in head.split("\n")[3:])
