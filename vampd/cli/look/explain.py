"""vampctl explain: what a code means, and what to do."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer

from vampd.cli.explanations import CodeExplanation, explanations, find_explanation, near_codes
from vampd.cli.shared.output import Column, write, write_json, write_table
from vampd.cli.shared.session import JsonOption
from vampd.errors import UsageError

CodeArgument = Annotated[
    str | None,
    typer.Argument(metavar="CODE", help="As `why` and the log show it.", show_default=False),
]


def explain(code: CodeArgument = None, as_json: JsonOption = False) -> None:
    """Show what the code of a message means, and what to do.

    Without CODE, it lists all of them. The codes are those of `vampctl why`, of `status --json`
    and of the log. Needs no database.
    """
    found = tuple(explanations()) if code is None else (_find(code),)
    if as_json:
        write_json([asdict(one) for one in found])
    elif code is None:
        for subject, group in groupby(found, lambda one: one.subject):
            write(f"{subject}")
            write_table((Column(), Column()), [(f"  {one.code}", one.cause) for one in group])
    else:
        (one,) = found
        rows = [("  means", one.cause), ("  to do", one.cure)]
        write(one.code)
        write_table((Column(), Column()), rows)


def _find(code: str) -> CodeExplanation:
    found = find_explanation(code)
    if found is None:
        near = near_codes(code)
        meant = f"; did you mean {' or '.join(near)}?" if near else "; `vampctl explain` lists all"
        raise UsageError("code_unknown", f"there is no code {code}{meant}", code_asked=code)
    return found
