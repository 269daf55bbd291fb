"""``messages.md``: every code with its cause and its cure, made of `vampd.cli.explanations`.

``python -m docs.messages`` prints it; with ``--write`` it is written.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from vampd.cli.explanations import explanations

DOCUMENT = Path(__file__).parent / "messages.md"
_HEAD = """# Messages

Every code that a night, a cube, a command or the log can show, with what it means and what to do.
`vampctl explain CODE` prints the same; both are made of `vampd/cli/explanations`. The codes are
stable, the words are not. Exit status of commands: 0 done, 1 something is wrong with a night,
2 usage, 78 configuration.
"""


def page() -> str:
    """The whole document."""
    parts = [_HEAD]
    for subject, group in groupby(explanations(), lambda one: one.subject):
        rows = "".join(f"| `{one.code}` | {one.cause} | {one.cure} |\n" for one in group)
        parts.append(f"\n## {subject}\n\n| code | meaning | what to do |\n|---|---|---|\n{rows}")
    return "".join(parts)


def main(arguments: list[str]) -> None:
    """Print the document, or write it."""
    if arguments == ["--write"]:
        DOCUMENT.write_text(page())
    elif not arguments:
        sys.stdout.write(page())
    else:
        sys.exit("usage: python -m docs.messages [--write]")


if __name__ == "__main__":
    main(sys.argv[1:])
