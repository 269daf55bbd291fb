"""Settings for tests: the smallest valid configuration, with what a test changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vampd.config import Settings


def make_settings(root: Path = Path("/data"), **tables: dict[str, Any]) -> Settings:
    """Valid settings; each keyword is a table whose keys replace or join the given ones."""
    base: dict[str, dict[str, Any]] = {
        "watch": {"root": root},
        "database": {"url": "sqlite:////data/vampd.db"},
        "transfer": {
            "archive": {"destination": "archive-host:/archive"},
            "engineering": {"destination": "archive-host:/engineering"},
        },
    }
    for name, table in tables.items():
        base[name] = {**base.get(name, {}), **table}
    return Settings.model_validate(base)
