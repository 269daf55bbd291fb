"""Files that come with vampd."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def packaged_file(name: str) -> Path:
    """A file of the repository's ``config`` folder, installed or in a checkout."""
    installed = Path(str(resources.files("vampd"))) / "_config" / name
    checkout = Path(str(resources.files("vampd"))).parent / "config" / name
    return installed if installed.exists() else checkout
