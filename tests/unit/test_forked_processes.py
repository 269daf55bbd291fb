"""The processes that run the tests are forked from one that has imported them, and none stays."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.support.daemon.running import wait_until

TESTS = """
import os
import pytest

IMPORTED_BY = os.getpid()

@pytest.mark.parametrize("number", range(6))
def test_is_forked(number):
    assert os.getpid() != IMPORTED_BY

def test_fails():
    print("as it was told")
    assert IMPORTED_BY < 0

# Whoever it is, also the one that was begun first.
@pytest.mark.parametrize("number", range(3))
def test_dies(number):
    os._exit(3)

def test_is_run_after_that():
    assert os.getpid() != IMPORTED_BY
"""


def processes_named(word: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in command:
            found.append(command)
    return found


def test_each_is_forked_and_what_fails_or_dies_is_told_and_none_is_left(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    worker = f"2*popen//python={sys.executable} -m tests.support.forked.worker {tmp_path}"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--dist", "worksteal",
         "--tx", worker, tmp_path],
        cwd=ROOT, env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "4 failed, 7 passed" in run.stdout, run.stdout + run.stderr
    assert "as it was told" in run.stdout
    # In CI, pytest's summary says it once more.
    died = set(re.findall(r"crashed while running 'test_some.py::test_dies\[(.)\]'", run.stdout))
    assert died == {"0", "1", "2"}
    wait_until(lambda: not processes_named(str(tmp_path)), "the end of all processes")
