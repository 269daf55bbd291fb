"""Sites as earlier versions of vampd left them: ``tests/past/VERSION/site.tar.xz``, see the README.

    past = extract_site("0.1.0", tmp_path)
    settle(past.site)
    assert past.shown["status"] == ...

A further version is a further folder there; nothing here names one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tarfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.daemon.site import Site
from vampd.model.nights import Kind, NightId

_KEPT = Path(__file__).parents[3] / "past"
_ARCHIVE = "site.tar.xz"
# What configuration, database and told texts have in place of the site's folder.
_PLACEHOLDER = "@SITE@"

PAST_VERSIONS = tuple(sorted(path.parent.name for path in _KEPT.glob(f"*/{_ARCHIVE}")))


@dataclass(frozen=True)
class PastSite:
    """A site of a past version, and what that version's ``vampctl ... --json`` told of it."""

    version: str
    site: Site
    shown: Mapping[str, Any]

    @property
    def nights(self) -> Mapping[NightId, Mapping[str, Any]]:
        """What ``status`` told of each night."""
        return {NightId(one["date"], Kind(one["kind"])): one for one in self.shown["status"]}

    @property
    def stay_open(self) -> frozenset[tuple[str, ...]]:
        """(date, kind, stage, status) of the nights that a daemon of today does not finish."""
        lines = (_KEPT / self.version / "stay_open.tsv").read_text().splitlines()
        return frozenset(tuple(line.split("\t")[:4]) for line in lines[1:])


def extract_site(version: str, base: Path) -> PastSite:
    """The version's site in a folder, every mtime exact to the nanosecond, as receipts have it."""
    with tarfile.open(_KEPT / version / _ARCHIVE) as archive:
        members = archive.getmembers()
        for member in members:
            _extract(archive, member, base / member.name)
    # Contents before their folders, whose own mtime they change.
    for member in reversed(members):
        at_ns = _mtime_ns(member)
        os.utime(base / member.name, ns=(at_ns, at_ns), follow_symlinks=False)
    site = Site(base)
    shown = base / "told"
    for path in (site.config, *shown.iterdir()):
        path.write_text(path.read_text().replace(_PLACEHOLDER, str(base)))
    _place_in_database(site.database, base)
    return PastSite(
        version, site, {path.stem: json.loads(path.read_text()) for path in shown.iterdir()}
    )


def extract_database(version: str, path: Path, base: Path) -> None:
    """The version's database alone, as that of a site at ``base``."""
    with tarfile.open(_KEPT / version / _ARCHIVE) as archive:
        content = archive.extractfile("state/vampd.db")
        assert content is not None
        path.write_bytes(content.read())
    _place_in_database(path, base)


def _place_in_database(database: Path, base: Path) -> None:
    """Destinations, the root and messages name the site's folder, from 0.3.0 on."""
    if _PLACEHOLDER.encode() not in database.read_bytes():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        triggers = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:  # history is append-only
            connection.execute(f'DROP TRIGGER "{name}"')
        columns = connection.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
            " WHERE m.type = 'table' AND (c.type LIKE '%CHAR%' OR c.type = 'TEXT')"
        ).fetchall()
        for table, column in columns:
            connection.execute(
                f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'
                f' WHERE instr("{column}", ?)',
                (_PLACEHOLDER, str(base), _PLACEHOLDER),
            )
        for _, sql in triggers:
            connection.execute(sql)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    # Not TarFile.extract: what it asks for, takes away and warns of differs between Pythons.
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        path.symlink_to(member.linkname)
    else:
        content = archive.extractfile(member)
        assert content is not None
        path.write_bytes(content.read())
    if not member.issym():
        path.chmod(member.mode)


def _mtime_ns(member: tarfile.TarInfo) -> int:
    # tarfile's own is a float, which has no room for nanoseconds.
    seconds, _, fraction = member.pax_headers["mtime"].partition(".")
    return int(seconds) * 10**9 + int(fraction)
