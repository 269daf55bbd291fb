"""Python scripts in processes of their own, which a failpoint may kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run_script(
    script: str, *arguments: object, failpoint: str = "", log: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end or to the failpoint, which kills it with its whole process group."""
    variables = {"VAMPD_FAILPOINT": failpoint, "VAMPD_FAILPOINT_LOG": str(log or "")}
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env=os.environ | {name: value for name, value in variables.items() if value},
        cwd=ROOT,
        start_new_session=True,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def hits_of(script: str, *arguments: object, log: Path) -> list[str]:
    """Every failpoint that the script passes, in order, as ``name#k``."""
    done = run_script(script, *arguments, log=log)
    assert done.returncode == 0, done.stderr
    return log.read_text().split()


def was_killed(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a failpoint ended the script."""
    return done.returncode == -signal.SIGKILL
