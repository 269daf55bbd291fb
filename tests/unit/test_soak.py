"""Whatever is left to the soak, one of its suites runs."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.soak import SUITES, Suite

_LEFT = re.compile(
    r"\bsoak\b|others_in_soak|SOON_OR_AS_IT_IS|examples\(|seeds_of_round", re.IGNORECASE
)
LEAVING = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "tests").rglob("test_*.py")
    if _LEFT.search(path.read_text()) and path.name != "test_soak.py"
)


def runs(suite: Suite, test: Path) -> bool:
    """Whether pytest collects the file, as this suite names and ignores folders and files."""
    ignored = [t.removeprefix("--ignore=") for t in suite.tests if t.startswith("--ignore=")]
    named = [t for t in suite.tests if t.startswith("tests/")]
    return any(test.is_relative_to(t) for t in named) and not any(
        test.is_relative_to(t) for t in ignored
    )


@pytest.mark.parametrize("test", LEAVING, ids=str)
def test_what_is_left_to_the_soak_is_in_one_of_its_suites(test: Path) -> None:
    assert [suite.name for suite in SUITES.values() if runs(suite, test)]


def test_suites_name_what_there_is() -> None:
    for suite in SUITES.values():
        for named in suite.tests:
            path = named.removeprefix("--ignore=")
            assert not path.startswith("tests/") or (ROOT / path).exists(), path
