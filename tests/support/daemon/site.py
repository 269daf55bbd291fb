"""A site to run vampd at: its folders and its configuration."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vampd.model.nights import NightId

QUIET_S = 0.3


@dataclass(frozen=True)
class Site:
    """A watched root, an archive host that is a folder, a state folder, and the configuration."""

    base: Path

    @property
    def root(self) -> Path:
        return self.base / "fuuu"

    @property
    def destination(self) -> Path:
        """Engineering nights travel here, archive nights to a folder in it."""
        return self.base / "archive"

    @property
    def archive_destination(self) -> Path:
        return self.destination / "2_ARCHIVED_DATA"

    @property
    def database(self) -> Path:
        return self.base / "state" / "vampd.db"

    @property
    def config(self) -> Path:
        return self.base / "vampd.toml"

    @property
    def log(self) -> Path:
        return self.base / "vampd.log"

    @property
    def ledger(self) -> Path:
        return self.root / "ARCHIVED_DATA" / "frameids.ledger"

    def folder(self, night: NightId) -> Path:
        """The night's folder here."""
        return self.root / night.folder

    def copy(self, night: NightId) -> Path:
        """The night's folder on the archive host."""
        return self.destination / (
            Path("2_ARCHIVED_DATA", night.date) if len(night.folder.parts) > 1 else night.date
        )


def make_site(base: Path, **tables: Mapping[str, Any]) -> Site:
    """Folders and a configuration with the issue's contract keys; ``tables`` join or replace."""
    site = Site(base)
    for folder in (site.root / "ARCHIVED_DATA", site.archive_destination, site.database.parent):
        folder.mkdir(parents=True, exist_ok=True)
    configure(site, **tables)
    return site


def configure(site: Site, **tables: Mapping[str, Any]) -> None:
    """Write the whole configuration; a table is named as in the file, with ``_`` for ``.``."""
    contract: dict[str, dict[str, Any]] = {
        "watch": {
            "root": str(site.root),
            "quiet_after_s": QUIET_S,
            # A cube that never gets its timing file delays no test.
            "stale_after_s": QUIET_S,
        },
        "schedule": {"archive_not_before": "20:00"},
        "database": {"url": f"sqlite:///{site.database}"},
        "sync": {"hold_when_unexpected": True},
        "frameids": {"authority": "local", "first": "VMPA90000001"},
        "transfer": {},
        "transfer.archive": {"destination": str(site.archive_destination)},
        "transfer.engineering": {"destination": str(site.destination)},
    }
    for name, table in tables.items():
        key = name.replace("_", ".")
        contract[key] = {**contract.get(key, {}), **table}
    # JSON's scalars and lists are TOML's too.
    lines = [
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in contract.items()
    ]
    site.config.write_text("\n".join(lines))


def copy_site(site: Site, base: Path) -> Site:
    """A copy of a site that a test may change."""
    own = Site(base)
    shutil.copytree(site.base, own.base, symlinks=True)
    configure(own)
    # The copy's archive is the copy: as if it had always been where it is.
    if not own.database.exists():
        return own
    old, new = str(site.base), str(own.base)
    with closing(sqlite3.connect(own.database)) as connection, connection:
        for table in ("destinations", "receipts"):
            connection.execute(
                f"UPDATE {table} SET destination = replace(destination, ?, ?)", (old, new)
            )
    return own
