"""What is kept of the project, and what only lies beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


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
