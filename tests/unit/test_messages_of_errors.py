"""Messages of errors say what was found; whether it is tried again is for the state to say."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import vampd
from vampd import errors
from vampd.model.nights import (
    Event,
    EventName,
    Kind,
    NightId,
    NightRecord,
    StageName,
    State,
    Status,
    moved,
    noted,
)

ROOT = Path(vampd.__path__[0])
ERRORS = {name for name in vars(errors) if isinstance(getattr(errors, name), type)}
PROMISES = re.compile(
    r"(?:is|be|are) (?:retried|tried again|asked again)|(?:resumes|goes on) by itself"
    r"|the next survey"
)


def messages() -> Iterator[tuple[str, str]]:
    """The constant words of every error that is raised, with their place."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ERRORS
            ):
                words = "".join(
                    part.value
                    for argument in node.args[1:]
                    for part in ast.walk(argument)
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
                yield f"{path.relative_to(ROOT)}:{node.lineno}", words


def test_no_message_promises_another_attempt_since_the_night_may_be_held_with_it() -> None:
    shown = list(messages())
    assert len(shown) > 150
    assert [(place, words) for place, words in shown if PROMISES.search(words)] == []


# What is typed for one night.
OF_A_NIGHT = (
    "retry release recover restore hold why audit acknowledge mail history summary transfer purge"
    " run"
)
CURES = re.compile(rf"`vampctl (?:{OF_A_NIGHT.replace(' ', '|')})\b[^`]*`")
NAMES_A_NIGHT = re.compile(r"NIGHT|\{\}|\d{8}")
# These name a command, and ask no one to type it.
MENTIONED = {"`vampctl run`", "`vampctl hold`", "`vampctl history`"}


@cache
def cures() -> list[tuple[str, str]]:
    """Each cure that the package speaks of, with its place."""
    return [(place, cure) for place, words in texts() for cure in CURES.findall(words)]


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the package but docstrings, its values as ``{}``, with its place."""
    for path in ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text())
        shown = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                shown |= {id(part) for part in node.values}
                words = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value
            else:
                continue
            if id(node) not in shown:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", words


def test_every_cure_names_the_night_that_it_is_for() -> None:
    assert len(cures()) > 60
    assert [
        (place, cure)
        for place, cure in cures()
        if not NAMES_A_NIGHT.search(cure) and cure not in MENTIONED
    ] == []


def test_no_placeholder_is_left_in_a_cure_that_is_reported() -> None:
    for_a_night = {cure for _, cure in cures() if "NIGHT" in cure}
    assert len(for_a_night) > 15
    night = NightId("20251106", Kind.ARCHIVE)
    running = NightRecord(night, State(StageName.TRANSFER, Status.RUNNING))
    for cure in for_a_night:
        shown = f"NIGHT: {cure}"
        event = Event(EventName.HELD)
        held = moved(running, event, at=1.0, code="stuck", message=shown)
        line = noted(running, held, event, at=1.0, actor="vampd", code="stuck", message=shown)
        assert held.error == line.message == f"NIGHT: {cure.replace('NIGHT', '20251106')}"
