"""Whatever is left to the soak, one of its suites runs."""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.soak import SUITES, Suite
from tests.support.worlds.proof.coverage import ONLY_IN, STEPS, seldom_in

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


def test_a_step_that_is_drawn_too_rarely_is_named() -> None:
    often = {"safe": 300, "held": 100, "unmounted": 100, "night away": 100}
    table = {
        step: {state: n for state, n in often.items() if state not in impossible}
        for step, impossible in STEPS.items()
    }
    table |= {step: {state: often[state] for state in states} for step, states in ONLY_IN.items()}
    assert list(seldom_in(table)) == []
    # Where it can be drawn, and is not; and one that was never drawn.
    table["verify"] = {"safe": 500, "held": 3}
    del table["mount"]
    named = [line.partition(":")[0] for line in seldom_in(table)]
    assert named == [
        "mount",
        "verify when held",
        "verify when night away",
        "verify when unmounted",
    ]
    # Of a few steps nothing is said of states.
    few = {step: dict.fromkeys(row, 1) for step, row in table.items()}
    assert [line.partition(":")[0] for line in seldom_in(few)] == ["mount"]


def test_every_step_of_the_sequences_is_one_that_is_counted() -> None:
    folder = ROOT / "tests/support/worlds/proof"
    source = "".join((folder / name).read_text() for name in ("world.py", "wide_world.py"))
    counted = set(re.findall(r'(?:_count|_act|_told|tell)\("([a-z0-9 ]+)"', source))
    counted |= set(re.findall(r'_count\("([a-z ]+)" if [^)]* else "([a-z ]+)"\)', source)[0])
    literal = {step for step in STEPS if ": " not in step} | ONLY_IN.keys()
    assert literal == counted | {"retry"}
