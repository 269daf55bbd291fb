"""Messages of errors say what was found; whether it is tried again is for the state to say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import vampd
from vampd import errors

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
    told = list(messages())
    assert len(told) > 150
    assert [(place, words) for place, words in told if PROMISES.search(words)] == []
