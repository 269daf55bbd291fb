"""What `vampctl doctor` finds at the destinations: login, space, mark and mount point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vampd.cli.look.finding import BAD, OK, WARN, Finding
from vampd.errors import VampdError
from vampd.model.nights import Kind

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.model.resources import Space


def examine_archives(settings: Settings) -> Iterator[Finding | tuple[str, str, Space]]:
    """Findings, and for each destination that answers (check, place, space)."""
    from vampd.adapters.archive_host import open_archive_host

    for kind in Kind:
        destination = settings.transfer.destination(kind)
        check, place = f"{kind} destination", destination.destination
        try:
            space = open_archive_host(settings.transfer, kind).space()
        except VampdError as error:
            yield Finding(check, BAD, error.message)
            continue
        login = "" if destination.host is None else ", passwordless login works"
        yield Finding(check, OK, f"{place}{login}")
        yield f"space for {kind}", place, space
        yield _mount_point(settings, kind)
        yield _recognize(settings, kind)


def _mount_point(settings: Settings, kind: Kind) -> Finding:
    from vampd.adapters.archive_host import open_archive_host

    check, point = f"{kind} mount point", settings.transfer.destination(kind).mount_point
    if point is None:
        found = f"the mark alone guards; see transfer.{kind}.mount_point"
        return Finding(check, WARN, found)
    try:
        is_mounted = open_archive_host(settings.transfer, kind).is_mount_point(point)
    except VampdError as error:
        return Finding(check, BAD, error.message)
    if not is_mounted:
        return Finding(check, BAD, f"nothing is mounted at {point}: mount the archive's disk")
    return Finding(check, OK, f"{point} is one")


def _recognize(settings: Settings, kind: Kind) -> Finding:
    from vampd.wiring.connections import connect

    check = f"{kind} mark"
    if not settings.database.path.exists():
        return Finding(check, WARN, "unknown without a database; the first transfer looks at it")
    try:
        with connect(settings) as connections:
            known = connections.archive(kind).recognize()
    except VampdError as error:
        return Finding(check, BAD, error.message)
    if known is None or not known.is_placed:
        return Finding(check, OK, "none yet: the first transfer places one")
    return Finding(check, OK, f"{known.mark}, as on record")
