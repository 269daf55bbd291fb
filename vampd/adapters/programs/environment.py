"""What other programs are given: vampd's environment, and where they are found."""

from __future__ import annotations

import os
import shutil


def is_installed(program: str) -> bool:
    """Whether vampd finds this program."""
    return shutil.which(program, path=search_path()) is not None


def own_environment() -> dict[str, str]:
    """Without what is meant for this program's own interpreters."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}


def search_path() -> str:
    """PATH without what depends on the current folder, which may be a camera's."""
    given = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in given if os.path.isabs(folder))
