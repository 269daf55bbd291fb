"""How often each step was taken of each night in each of its states, over all runs of the soak.

``python -m tests.support.worlds.proof.coverage`` prints the table.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Mapping

from tests.conftest import IN_SOAK, ROOT

_KEPT = ROOT / "build" / "soak" / "proof-coverage-by-night.json"
_WIDTH = 22
# Counts by step and state.
_Table = dict[str, dict[str, int]]


def add_to_coverage(counts: Mapping[tuple[str, str, str], int]) -> None:
    """Add the counts of a round, by night, step and state; nothing outside the soak."""
    if not IN_SOAK:
        return
    _KEPT.parent.mkdir(parents=True, exist_ok=True)
    with _KEPT.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        kept: dict[str, _Table] = json.loads(file.read() or "{}")
        for (night, step, state), count in counts.items():
            row = kept.setdefault(night, {}).setdefault(step, {})
            row[state] = row.get(state, 0) + count
        file.seek(0)
        file.truncate()
        json.dump(kept, file, indent=1, sort_keys=True)


def format_coverage() -> str:
    """A table of steps and states for each night, '' without counts."""
    if not _KEPT.exists():
        return ""
    kept: dict[str, _Table] = json.loads(_KEPT.read_text())
    return "\n\n".join(f"{night} night\n{_format(table)}" for night, table in kept.items())


def _format(table: _Table) -> str:
    states = sorted({state for row in table.values() for state in row})
    total: Counter[str] = Counter()
    for row in table.values():
        total.update(row)
    numbered = [f"{number + 1:>6}" for number in range(len(states))]
    lines = [f"{number + 1:>2} {state}" for number, state in enumerate(states)]
    lines += ["", f"{'step':{_WIDTH}}" + "".join(numbered)]
    for step, row in [*sorted(table.items()), ("all", total)]:
        lines.append(f"{step:{_WIDTH}}" + "".join(f"{row.get(state, 0):>6}" for state in states))
    return "\n".join(lines)


if __name__ == "__main__":
    print(format_coverage())
