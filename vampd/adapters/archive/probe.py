"""A probe of a destination: a small hidden file goes there as products do, and is removed.

What no right and no listing shows is found: a folder of another user, a disk that is read-only or
without inodes, a missing program, a login that prints. The probe lies in a hidden folder of its own
beside the nights, which no listing of theirs sees.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from vampd.adapters.archive.host import open_archive_host, open_moved_archive
from vampd.adapters.archive.night_archive import NightArchive
from vampd.adapters.archive.scripts import PROBE_PREFIX, PROBES, PROGRAMS, REMOVE_PROBE
from vampd.adapters.archive.ssh import SshArchive
from vampd.config import Transfer
from vampd.disk.pace import SteadyPace
from vampd.disk.reading import hash_file
from vampd.errors import ConfigError, DigestMismatch, TransientError, VampdError
from vampd.model.nights import Kind, NightId
from vampd.model.plan import Compare

_FILE = "vgen2/probe.fits.fz"
_BYTES = 100_000
# The night that the probe stands for; its folder has the probe's name.
_DATE = "20000101"
_NAMED = re.compile(re.escape(PROBE_PREFIX) + r"(?P<host>.+)-(?P<pid>\d+)-[0-9a-f]{8}")
_CLOCK = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")
_MISSING = "-"


@dataclass(frozen=True)
class HostPrograms:
    """A host's programs, by name with the line of their version; its clock and its login.

    ``ahead_s`` is how far its clock is ahead of this one; ``slack_s`` is what is not known of that.
    ``prints`` is what the login printed on its own.
    """

    versions: tuple[tuple[str, str], ...]
    ahead_s: float
    slack_s: float
    prints: str

    @property
    def missing(self) -> tuple[str, ...]:
        """The programs that are not there."""
        return tuple(name for name, version in self.versions if version == _MISSING)


def ask_programs(transfer: Transfer, kind: Kind) -> HostPrograms | None:
    """What a host has; None for a folder of this machine, which needs nothing. VampdError."""
    host = open_archive_host(transfer, kind)
    if not isinstance(host, SshArchive):
        return None
    before = time.time()
    answer = host.ask(PROGRAMS)
    after = time.time()
    there, *pairs = [record.decode("utf-8", "replace").strip() for record in answer.records] or [""]
    if not _CLOCK.fullmatch(there) or len(pairs) % 2:
        raise host.garbled(b" ".join(answer.records))
    return HostPrograms(
        versions=tuple(zip(pairs[::2], pairs[1::2], strict=True)),
        ahead_s=float(there) - (before + after) / 2,
        slack_s=(after - before) / 2,
        prints=answer.before.decode("utf-8", "replace").strip(),
    )


def probe_destination(transfer: Transfer, kind: Kind, nights_here: Iterable[Path] = ()) -> None:
    """Write, sync, list, hash and remove a small file there, as transfer would.

    VampdError; ConfigError ``destination_is_source`` if it shows in a folder here that holds the
    nights, whatever machine or mount lies between.
    """
    name = f"{PROBE_PREFIX}{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    path = transfer.destination(kind).path / name
    host, night, pace = open_moved_archive(transfer, kind, path), NightId(_DATE, kind), SteadyPace()
    with TemporaryDirectory(prefix="vampctl-probe-") as made:
        folder = Path(os.path.realpath(made))
        file = folder / _FILE
        file.parent.mkdir()
        file.write_bytes(os.urandom(_BYTES))
        _, _, sha256 = hash_file(file, pace)
        try:
            host.send(night, folder, (_FILE,), Compare.SIZE_AND_TIME, pace)
            listed = host.files(night)
            read = host.digests(night, (_FILE,), pace)
            for folder in nights_here:
                if (folder / name).exists():
                    raise ConfigError(
                        "destination_is_source",
                        f"it leads to {folder}, which holds the nights themselves: configure"
                        " another disk",
                    )
        except BaseException:
            with suppress(VampdError):
                _remove(host, name, path)
            raise
        _remove(host, name, path)
    if _FILE not in listed or not read:
        raise TransientError(
            "probe_lost", f"a file that was sent to {path} is not there: look at that file system"
        )
    if read[0].sha256 != sha256:
        raise DigestMismatch(
            "probe_damaged", f"a file that was sent to {path} came back changed: look at that disk"
        )


def remove_old_probes(transfer: Transfer, kind: Kind) -> tuple[str, ...]:
    """Remove what killed probes of this machine have left there; the names of all that were there.

    VampdError.
    """
    host, destination = open_archive_host(transfer, kind), transfer.destination(kind).path
    found = _probes(host, destination)
    for name in found:
        match = _NAMED.fullmatch(name)
        ours = match is not None and match["host"] == socket.gethostname()
        if match is not None and ours and not Path("/proc", match["pid"]).exists():
            _remove(host, name, destination / name)
    return found


def _probes(host: NightArchive, destination: Path) -> tuple[str, ...]:
    names: Sequence[str]
    if isinstance(host, SshArchive):
        names = [os.fsdecode(record) for record in host.ask(PROBES).records]
    else:
        names = [path.name for path in destination.glob(f"{PROBE_PREFIX}*")]
    return tuple(sorted(names))


def _remove(host: NightArchive, name: str, path: Path) -> None:
    if isinstance(host, SshArchive):
        host.ask(REMOVE_PROBE, name)
        return
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise TransientError(
            "probe_stays", f"the probe {path} cannot be removed: {error.strerror}"
        ) from error
