"""Sites as earlier versions of vampd left them: ``tests/past/VERSION/site.tar.xz``, see the README.

    past = extract_site("0.1.0", tmp_path)
    settle(past.site)
    assert past.told["status"] == ...

A further version is a further folder there; nothing here names one.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.daemon.site import Site
from vampd.model.nights import Kind, NightId

_KEPT = Path(__file__).parents[2] / "past"
_ARCHIVE = "site.tar.xz"
# What the configuration that is kept has in place of the site's folder.
_PLACEHOLDER = "@SITE@"

PAST_VERSIONS = tuple(sorted(path.parent.name for path in _KEPT.glob(f"*/{_ARCHIVE}")))


@dataclass(frozen=True)
class PastSite:
    """A site of a past version, and what that version's ``vampctl ... --json`` told of it."""

    version: str
    site: Site
    told: Mapping[str, Any]

    @property
    def nights(self) -> Mapping[NightId, Mapping[str, Any]]:
        """What ``status`` told of each night."""
        return {NightId(one["date"], Kind(one["kind"])): one for one in self.told["status"]}

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
    site.config.write_text(site.config.read_text().replace(_PLACEHOLDER, str(base)))
    told = {path.stem: json.loads(path.read_text()) for path in (base / "told").iterdir()}
    return PastSite(version, site, told)


def extract_database(version: str, path: Path) -> None:
    """The version's database alone."""
    with tarfile.open(_KEPT / version / _ARCHIVE) as archive:
        content = archive.extractfile("state/vampd.db")
        assert content is not None
        path.write_bytes(content.read())


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
