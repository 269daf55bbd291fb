"""Whether a night may begin is judged in one place: model/nights/readiness.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import vampd

HOME = Path(vampd.__path__[0])
# What the rules of waiting are made of.
SETTINGS = frozenset(
    {"archive_not_before", "pause_after_write_s", "quiet_after_s", "stale_after_s", "stale_s"}
)
RULES = "engine/nights/rules.py"
# `why` says how long incomplete cubes block.
OTHERS = {("cli/look/why.py", "stale_s")}
# What is said where nothing could be seen, a folder that is gone among it, or of a night that has
# begun: no judgement of its state.
UNJUDGED = {"BUG", "DAMAGED_HERE", "NO_CUBES", "NOT_READABLE", "ROOT_UNKNOWN", "UNLISTED"}
# The page says again what is on record.
RECORDED = {"WaitCode(record.note_code)"}


def elsewhere(word: str) -> Iterator[tuple[str, ast.AST]]:
    """Each node of the modules that hold this word, but for the rule's room and the settings'."""
    for path in sorted(HOME.rglob("*.py")):
        place, text = path.relative_to(HOME).as_posix(), path.read_text("utf-8")
        if not place.startswith(("model/nights/", "config/")) and re.search(word, text):
            yield from ((place, node) for node in ast.walk(ast.parse(text)))


def test_the_settings_of_waiting_become_rules_in_one_place() -> None:
    read = {
        (place, node.attr)
        for place, node in elsewhere("|".join(SETTINGS))
        if isinstance(node, ast.Attribute) and node.attr in SETTINGS
    }
    assert {one for one in read if one[0] != RULES} == OTHERS
    assert {name for place, name in read if place == RULES} == SETTINGS - {"stale_after_s"}


def test_only_what_could_not_be_seen_waits_by_another_word_than_the_rules() -> None:
    made = {
        ast.unparse(node.args[0]).removeprefix("WaitCode.")
        for _, node in elsewhere(r"\bWait\(")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Wait"
    }
    assert made == UNJUDGED | RECORDED
