"""Where the configuration lies."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG_VARIABLE = "VAMPD_CONFIG"
MACHINE_CONFIG = Path("/etc/vampd/vampd.toml")  # where `make install` puts it


def config_path(given: Path | None) -> Path | None:
    """The configuration file: the one given, else VAMPD_CONFIG's, else the machine's, if any."""
    named = os.environ.get(CONFIG_VARIABLE)
    if given or named:
        return given or Path(str(named))
    return MACHINE_CONFIG if MACHINE_CONFIG.exists() else None
