"""How often each step was taken of each night in each of its states, over all runs of the soak.

``python -m tests.support.worlds.proof.coverage`` prints the table, and which steps were drawn too
rarely in a state in which they can be drawn.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Iterator, Mapping

from tests.conftest import IN_SOAK, ROOT
from tests.support.worlds.proof.damage import BASIC, Fault

_KEPT = ROOT / "build" / "soak" / "proof-coverage-by-night.json"
_WIDTH = 22
# Counts by step and state.
_Table = dict[str, dict[str, int]]
_UNMOUNTED, _AWAY, _HELD, _LOST = "unmounted", "night away", "held", "held, lost"
_OF_DONE = frozenset({_AWAY, _HELD, _LOST})
# Every step, with the states in which the world does not let it happen.
STEPS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "acknowledge",
            "advance",
            "late camera 2",
            "listing moved away",
            "mail",
            "purge",
            "raw goes",
            "raw returns",
            "recover",
            "recover from products",
            "release",
            "restore",
            "retry",
            "verify",
            *(f"here: {fault.name.lower()}" for fault in BASIC),
        ),
        frozenset(),
    ),
    **dict.fromkeys(
        (
            "archive link ends",
            "archive links back",
            "archive moved",
            "host moves",
            "host moves back",
            "unmount",
            *(f"there: {fault.name.lower()}" for fault in BASIC),
        ),
        frozenset({_UNMOUNTED}),
    ),
    **dict.fromkeys(
        (
            "lose generation",
            "lose product",
            *(f"raw: {each.name.lower()}" for each in (Fault.FLIP, Fault.ROT, Fault.TRUNCATE)),
        ),
        _OF_DONE,
    ),
    **dict.fromkeys(("folder goes", "late data", "raw mended", "raw touched"), frozenset({_AWAY})),
    "lose database": frozenset({_AWAY, _UNMOUNTED}),
}
# Those that happen in these states alone.
ONLY_IN: Mapping[str, frozenset[str]] = {
    "folder returns": frozenset({_AWAY}),
    "mount": frozenset({_AWAY, _UNMOUNTED}),
}
# Fewer than a tenth of what chance alone gives, where that is ten or more: too rarely.
_TENTH, _ENOUGH = 10, 10
# A step is to be one of so many.
_ONE_OF = 1_000


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
    tables = [f"{night} night\n{_format(table)}" for night, table in kept.items()]
    seldom = [
        f"{night} night: {line}" for night, table in kept.items() for line in seldom_in(table)
    ]
    said = "\n".join(seldom) if seldom else "none"
    return "\n\n".join([*tables, f"DRAWN TOO RARELY:\n{said}"])


def seldom_in(table: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """The steps that were drawn too rarely, at all or in a state in which they can be drawn."""
    states: Counter[str] = Counter()
    for row in table.values():
        states.update(row)
    every = states.total()
    for step in sorted(STEPS.keys() | ONLY_IN.keys()):
        row = table.get(step, {})
        drawn = sum(row.values())
        if drawn * _ONE_OF < every:
            yield f"{step}: {drawn} of {every:,} steps"
        possible = ONLY_IN.get(step, states.keys() - STEPS.get(step, frozenset()))
        among = sum(states[state] for state in possible)
        for state in sorted(possible):
            expected = drawn * states[state] / among if among else 0
            if expected >= _ENOUGH and row.get(state, 0) * _TENTH < expected:
                yield f"{step} when {state}: {row.get(state, 0)}, about {expected:.0f} by chance"


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
