"""A host whose locks no other one sees, by a shim below its C library."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

_SOURCE = Path(__file__).with_name("own_locks_shim.c")


def locks_of_its_own(root: Path, folder: Path, tool: Callable[[str], str]) -> dict[str, str]:
    """The environment of a host that is so below this root; the shim is compiled into a folder."""
    library = folder / "own_locks_shim.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    subprocess.run([tool("cc"), *flags, "-o", str(library), str(_SOURCE)], check=True)
    return {"LD_PRELOAD": str(library), "VAMPD_TEST_OWN_LOCKS": str(root)}
