"""The archive host that the configuration names for a kind of night."""

from __future__ import annotations

from vampd.adapters.archive_local import LocalArchive
from vampd.adapters.archive_ssh import SshArchive
from vampd.config import Transfer
from vampd.model.night import Kind
from vampd.ports import ArchiveHost


def open_archive_host(transfer: Transfer, kind: Kind) -> ArchiveHost:
    """Where nights of this kind go; nothing is connected before something is asked of it."""
    destination = transfer.destination(kind)
    if destination.host is None:
        return LocalArchive(destination.path, transfer)
    return SshArchive(destination.host, destination.path, transfer)
