"""Python scripts in processes of their own, which a failpoint may kill."""

import os
import signal
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from tests.support.tools.warm_start import start


def run_script(
    script: str, *arguments: object, failpoint: str = "", log: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end or to the failpoint, which kills it with its whole process group."""
    variables = {"VAMPD_FAILPOINT": failpoint, "VAMPD_FAILPOINT_LOG": str(log or "")}
    environ = os.environ | {name: value for name, value in variables.items() if value}
    with (
        NamedTemporaryFile("w", suffix=".py") as file,
        TemporaryFile() as out,
        TemporaryFile() as err,
    ):
        file.write(script)
        file.flush()
        command = [file.name, *map(str, arguments)]
        status = start(command, environ, out, err).wait(120)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(
            command, status, out.read().decode(), err.read().decode()
        )


def hits_of(script: str, *arguments: object, log: Path) -> list[str]:
    """Every failpoint that the script passes, in order, as ``name#k``."""
    done = run_script(script, *arguments, log=log)
    assert done.returncode == 0, done.stderr
    return log.read_text().split()


def was_killed(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a failpoint ended the script."""
    return done.returncode == -signal.SIGKILL
