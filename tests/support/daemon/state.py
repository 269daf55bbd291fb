"""What a site holds: its store, its ledger and its folders, with the daemon up or down."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site
from vampd.config import load_settings
from vampd.model.nights import Event, EventName, EventRecord, Kind, NightId, NightRecord, StageName
from vampd.store.database.opening import Access, open_store
from vampd.wiring.connections import Connections, connect

_PLACE = re.compile(rb"^[^,\n]*/(?=\d{8}/vgen2/)", re.MULTILINE)
_TABLE_LINE = re.compile(rb"^[0-9a-f]{64}  header_table_\d{8}\.csv\n", re.MULTILINE)


@contextmanager
def connected(site: Site) -> Iterator[Connections]:
    """The site's store, with the daemon up or down."""
    with connect(load_settings(site.config)) as connections:
        yield connections


def record_of(site: Site, night: NightId) -> NightRecord:
    """What the store knows of a night; it must know it."""
    with connected(site) as connections:
        record = connections.store.night(night)
    assert record is not None, f"{night} was never discovered"
    return record


def history_of(site: Site, night: NightId) -> tuple[EventRecord, ...]:
    """The night's events, oldest first."""
    with connected(site) as connections:
        return connections.store.history(night)


def tell(site: Site, night: NightId, event: EventName, stage: StageName | None = None) -> None:
    """A person's word, as vampctl writes it into the store."""
    with connected(site) as connections:
        connections.store.apply(night, Event(event, stage), at=time.time(), actor="a person")


def accept_archive(site: Site, kind: Kind) -> None:
    """A person's word that what lies there is the archive, whose database was lost."""
    open_store(f"sqlite:///{site.database}", Access.MIGRATE).close()
    done = vampctl(site, "archive", "accept", str(kind), "--yes")
    assert done.returncode == 0, done.stderr


def audit(site: Site, night: NightId) -> dict[str, Any]:
    """What `vampctl audit --json` counts."""
    done = vampctl(site, "audit", night.date, "--kind", str(night.kind), "--json")
    assert done.returncode in (0, 1), done.stderr
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def digest_of(path: Path) -> str:
    """The SHA-256 of a file of a night, whatever the site's own place.

    The table of headers counts without the place of its archive, SHA256SUMS without that table.
    """
    content = path.read_bytes()
    if path.name.startswith("header_table_"):
        content = _PLACE.sub(b"", content)
    elif path.name == "SHA256SUMS":
        content = _TABLE_LINE.sub(b"", content)
    return hashlib.sha256(content).hexdigest()


def product_tree(folder: Path) -> dict[str, str]:
    """What a night's folder holds besides the raw streams: SHA-256 or link target, by path.

    Hidden names are listed too: a tree with leftovers is not the tree of an uninterrupted run.
    """
    tree = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(("vcam1", "vcam2")):
            continue
        if path.is_symlink():
            tree[name] = f"link to {os.readlink(path)}"
        elif path.is_file():
            tree[name] = digest_of(path)
        else:
            tree[name] = "folder"
    return tree


def raw_state(folder: Path) -> dict[str, tuple[object, ...]]:
    """All that may be seen of the raw streams: content, mtime, inode, links, permissions, owner."""
    state: dict[str, tuple[object, ...]] = {}
    for stream in ("vcam1", "vcam2"):
        for path in sorted([folder / stream, *(folder / stream).rglob("*")]):
            status = path.lstat()
            content = (
                hashlib.sha256(path.read_bytes()).hexdigest()
                if path.is_file() and not path.is_symlink()
                else os.readlink(path)
                if path.is_symlink()
                else None
            )
            state[path.relative_to(folder).as_posix()] = (
                content,
                status.st_mtime_ns,
                status.st_ino,
                status.st_nlink,
                status.st_mode,
                status.st_uid,
                status.st_gid,
            )
    return state


@dataclass(frozen=True)
class LedgerRow:
    """A frame ID in the database."""

    number: int
    identity: str | None
    applied: bool


def ledger_rows(site: Site) -> list[LedgerRow]:
    """The ledger as the database has it, read past vampd's own code."""
    with closing(sqlite3.connect(f"file:{site.database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT number, identity, applied FROM frame_ids ORDER BY number"
        ).fetchall()
    return [LedgerRow(number, identity, bool(applied)) for number, identity, applied in rows]
