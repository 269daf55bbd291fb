"""The diagram of the state machine in ``architecture.md``, made of `MOVES` and `MOVES_AT_SYNC`.

``python -m docs.state_diagram`` prints it; with ``--write`` it takes its place in the document.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from vampd.model.nights import MOVES, MOVES_AT_SYNC, EventName, State, Status

DOCUMENT = Path(__file__).parent / "architecture.md"
_BEGIN = "```mermaid\nstateDiagram-v2\n"
_END = "```\n"


def diagram() -> str:
    """The Mermaid block, fences included: an arrow from status to status with its events."""
    return "".join([_BEGIN, *(f"    {line}\n" for line in _arrows()), _END])


def replace_diagram(document: str) -> str:
    """The document with the diagram as it is now; ValueError if it has no place for one."""
    before, begin, rest = document.partition(_BEGIN)
    _, end, behind = rest.partition(_END)
    if not begin or not end:
        raise ValueError("expected a block of Mermaid that begins with stateDiagram-v2, found none")
    return f"{before}{diagram()}{behind}"


def _arrows() -> Iterator[str]:
    yield f"[*] --> {State().status}"
    events: dict[tuple[Status, Status], list[str]] = defaultdict(list)
    for (status, event), after in MOVES.items():
        events[status, after].append(event)
    for (status, event), after in MOVES_AT_SYNC.items():
        events[status, after].append(f"{event} (at {State().stage})")
    # Behind the last stage ADVANCED ends the night, which MOVES leaves to `advance`.
    for (status, after), names in events.items():
        yield f"{status} --> {after}: {', '.join(names)}"
        if EventName.ADVANCED in names:
            yield f"{status} --> {Status.DONE}: {EventName.ADVANCED} (last stage)"


def main(arguments: list[str]) -> None:
    """Print the diagram, or write it into the document."""
    if arguments == ["--write"]:
        DOCUMENT.write_text(replace_diagram(DOCUMENT.read_text()))
    elif not arguments:
        sys.stdout.write(diagram())
    else:
        sys.exit("usage: python -m docs.state_diagram [--write]")


if __name__ == "__main__":
    main(sys.argv[1:])
