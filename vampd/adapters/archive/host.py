"""The archive host that the configuration names for a kind of night."""

from __future__ import annotations

from pathlib import Path

from vampd.adapters.archive.local import LocalArchive
from vampd.adapters.archive.night_archive import NightArchive
from vampd.adapters.archive.ssh import SshArchive
from vampd.config import Transfer
from vampd.model.nights import Kind


def open_archive_host(transfer: Transfer, kind: Kind, root: Path | None = None) -> NightArchive:
    """Where nights of this kind go; connects only when used.

    ``root`` is the data root here: what is there by another name only is no copy.
    """
    destination = transfer.destination(kind)
    if destination.host is None:
        return LocalArchive(destination.path, transfer, root=root)
    return SshArchive(destination.host, destination.path, transfer)


def open_moved_archive(
    transfer: Transfer, kind: Kind, folder: Path, root: Path | None = None
) -> NightArchive:
    """One night that is in exactly this folder of the same host; as `open_archive_host`."""
    host = transfer.destination(kind).host
    if host is None:
        return LocalArchive(folder.parent, transfer, folder.name, root)
    return SshArchive(host, folder.parent, transfer, folder.name, root)


def open_data_host(transfer: Transfer, watched: Path) -> NightArchive:
    """The machine that runs vampd, as the archive host reaches it: nights are pulled from there."""
    if transfer.pull_from is None:
        return LocalArchive(watched, transfer)
    return SshArchive(transfer.pull_from, watched, transfer)
