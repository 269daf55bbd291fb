"""Every event of the log is a constant that grep finds, dotted and in the past tense."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import vampd

ROOT = Path(vampd.__path__[0])
LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})
FORM = re.compile(r"[a-z_]+(\.[a-z_]+)+")
# What is said of a state and not of a change: older than the rule, and read by machines.
STATES = frozenset({"disk.low", "night.unreadable", "night.waits"})


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of the log: of `_log`, `get_log()`, or a level taken from one of them."""
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = node.func.value
            logs = (isinstance(of, ast.Name) and of.id == "_log") or (
                isinstance(of, ast.Call)
                and isinstance(of.func, ast.Name)
                and of.func.id == "get_log"
            )
            if logs and node.func.attr in LEVELS:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def names(node: ast.expr) -> list[str]:
    """The constants that an event can be; an expression that hides them is none."""
    match node:
        case ast.Constant(value=str(event)):
            return [event]
        case ast.IfExp(body=one, orelse=other):
            return names(one) + names(other)
        case _:
            return []


def test_every_event_is_a_constant_in_the_form_of_events() -> None:
    seen = 0
    for place, call in calls():
        events = names(call.args[0])
        assert events, f"{place}: the event is not a constant"
        for event in events:
            assert FORM.fullmatch(event), f"{place}: {event}"
            assert event in STATES or re.search(
                r"(ed|en|ran|began|sent|kept|lost|held|done)$", event
            ), place
        seen += 1
    assert seen > 25  # that there is something to judge


def test_tables_of_events_hold_constants_too() -> None:
    for path in (ROOT / "daemon" / "night_watcher.py", ROOT / "engine" / "attempt.py"):
        tables = [
            node.value
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "_LOGGED"
        ]
        (table,) = tables
        assert isinstance(table, ast.Dict)
        assert all(FORM.fullmatch(event) for value in table.values for event in names(value))
