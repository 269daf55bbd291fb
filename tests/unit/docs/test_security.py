"""The page on security names the tests that attack its promises, and these exist."""

from __future__ import annotations

import re

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text()
NAMES = re.compile(r"`(test_\w+)`")


def _defined() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def test_every_test_that_is_named_exists() -> None:
    named = set(NAMES.findall(PAGE))
    assert len(named) > 60
    assert not named - _defined()


def test_every_row_of_promises_names_a_test() -> None:
    for heading in re.findall(r"^\| promise \|.*?\n\n", PAGE, re.MULTILINE | re.DOTALL):
        for row in heading.splitlines()[2:]:
            if row.strip():
                assert NAMES.search(row) or "the same" in row, row
