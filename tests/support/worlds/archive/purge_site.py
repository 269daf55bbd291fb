"""A safe night whose raw may go, and what a purge must leave of it."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from tests.support.worlds.archive.safe_night import SafeNight
from vampd.model.nights import Kind, NightId

DATE = "20251106"
NIGHT = NightId(DATE, Kind.ARCHIVE)


def make_announced(
    base: Path,
    kind: Kind = Kind.ARCHIVE,
    **tables: dict[str, object],
) -> SafeNight:
    """A site with the smallest night: done, safe and, if that is due, acknowledged."""
    site = make_site(base, **tables)
    night, _ = make_smallest(site.root, kind=kind)
    settle_here(site)
    acknowledge(site, night)
    return SafeNight.of(site, night)


def acknowledge(site: Site, night: NightId) -> None:
    if night.kind is Kind.ARCHIVE:
        assert vampctl(site, "mail", night.date, "--mark-sent").returncode == 0
        assert vampctl(site, "acknowledge", night.date).returncode == 0


def purge(night: SafeNight, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`vampctl purge`, agreed to; the test's archive is on the disk of its raw data."""
    words = ("purge", night.night.date, "--yes", "--same-disk", night.night.date)
    return vampctl(night.site, *words, *options, uid=None, gids=(), **environ)


def raw_files(night: SafeNight) -> list[Path]:
    return sorted(path for path in night.folder.glob("vcam?/*"))


def raw_bytes(night: SafeNight) -> dict[str, bytes]:
    """The raw files' contents, by path."""
    return {
        path.relative_to(night.folder).as_posix(): path.read_bytes() for path in raw_files(night)
    }


def kept_members(night: SafeNight) -> dict[str, bytes]:
    """What the raw records at the archive hold, by member."""
    members = {}
    for path in sorted(night.copy.glob("vgen2/raw_records_*.tar.gz")):
        with tarfile.open(path) as tar:
            for member in tar:
                content = tar.extractfile(member)
                assert content is not None
                members[member.name] = content.read()
    return members


def assert_kept(night: SafeNight, raw: dict[str, bytes]) -> None:
    """Every header and timing file of these raw files, and every set-aside file, is there."""
    members = kept_members(night)
    for path, content in raw.items():
        copy = night.copy / "vbad" / path
        if copy.exists():
            assert copy.read_bytes() == content, path
        elif path.endswith(".fits"):
            header = members[f"{path}.header"]
            assert content.startswith(header), path
            assert len(header) % 2880 == 0
            assert header.rstrip().endswith(b"END"), path
        else:
            assert members[path] == content


def purged_paths(night: SafeNight) -> set[str]:
    """The raw files that are on record as purged."""
    with connected(night.site) as connections:
        return {each.file.path for each in connections.purged_files.of(night.night)}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
