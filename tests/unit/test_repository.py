"""What is kept of the project, and what only lies beside it."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_MOST_MODULES = 16
# One a step that databases out there have taken or are to take: a list that only grows.
_GROWS = {"vampd/store/migrations/versions"}
_MOST_LINES = {"vampd": 300, "docs": 300, "tests": 400}


def test_nothing_that_is_ignored_is_kept() -> None:
    """What builds and commands leave in the tree is in no commit, neither by force nor by merge."""
    if not (ROOT / ".git").exists():
        pytest.skip("no repository")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    assert listed.stdout.split() == []


def test_no_room_holds_more_modules_than_one_can_survey() -> None:
    """Beyond that, some of them are a room of their own."""
    rooms = {
        folder.relative_to(ROOT).as_posix(): len(
            [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        )
        for top in ("vampd", "tests", "docs")
        for folder in [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())]
    }
    assert {room for room, modules in rooms.items() if modules > _MOST_MODULES} <= _GROWS


def test_a_long_module_says_why_it_is_one() -> None:
    for top, most in _MOST_LINES.items():
        for path in (ROOT / top).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if len(text.splitlines()) > most:
                said = ast.get_docstring(ast.parse(text)) or ""
                assert "however long" in " ".join(said.split()), path
