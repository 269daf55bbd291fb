"""A batch system of this machine: `sbatch` and `scancel` that start and end a script at once."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_SBATCH = """#!/bin/sh
test ! -e {folder}/refuses || {{ echo "sbatch: error: no such queue" >&2; exit 1; }}
name=$(mktemp -p {folder} job-XXXXXX)
cp "$1" "$name"
setsid sh "$name" >>"$name.log" 2>&1 </dev/null &
echo $! >"$name.pid"
echo "Submitted batch job $!"
"""
_SCANCEL = """#!/bin/sh
for job in "$@"; do kill -TERM -- "-$job"; done
"""


class Batch:
    """Scripts of jobs lie in ``folder``, and what they say beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "bin"
        self.programs.mkdir(parents=True)
        for name, text in (("sbatch", _SBATCH), ("scancel", _SCANCEL)):
            (self.programs / name).write_text(text.format(folder=folder))
            (self.programs / name).chmod(0o755)

    @property
    def environ(self) -> dict[str, str]:
        """For whoever submits."""
        resources = {"CORES": "1", "MEMORY": "2GB", "WALLTIME": "01:00:00"}
        described = {f"DASK_JOBQUEUE__SLURM__{key}": text for key, text in resources.items()}
        return {"PATH": f"{self.programs}:{os.environ['PATH']}", **described}

    def refuse(self) -> None:
        """Take no job."""
        (self.folder / "refuses").touch()

    def take(self) -> None:
        """Take jobs again."""
        (self.folder / "refuses").unlink()

    def jobs(self) -> list[int]:
        """The processes of the jobs that run."""
        pids = [int(path.read_text()) for path in sorted(self.folder.glob("job-*.pid"))]
        return [pid for pid in pids if Path(f"/proc/{pid}/exe").exists()]

    def scripts(self) -> list[str]:
        """What was submitted."""
        files = self.folder.glob("job-??????")
        return [path.read_text() for path in files]

    def close(self) -> None:
        """End what was started."""
        for job in self.jobs():
            with suppress(ProcessLookupError):
                os.killpg(job, signal.SIGKILL)
