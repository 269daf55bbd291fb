"""What `vampctl doctor` finds at the destinations, and proves by a probe there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.errors import VampdError
from vampd.model.nights import ARCHIVE_FOLDER, Kind, Status

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.model.resources import Space

_CLOCK_SLACK_S = 2.0
_LONGEST_SHOWN = 60
_UNDER_WAY = frozenset({Status.READY, Status.RUNNING, Status.WAITING, Status.HELD})
_MOST_NIGHTS = 10


def examine_archives(settings: Settings) -> Iterator[Finding | tuple[str, str, Space]]:
    """Findings, and for each destination that answers (check, place, space)."""
    from vampd.adapters.archive import open_archive_host
    from vampd.config import find_misplaced

    for kind in Kind:
        destination = settings.transfer.destination(kind)
        check, place = f"{kind} destination", destination.destination
        if problem := find_misplaced(settings, kind):
            # Nothing is written where no archive may lie.
            yield Finding(check, BAD, problem)
            continue
        try:
            space = open_archive_host(settings.transfer, kind).space()
        except VampdError as error:
            yield Finding(check, BAD, error.message)
            continue
        login = "" if destination.host is None else ", passwordless login works"
        yield Finding(check, OK, f"{place}{login}")
        yield f"space for {kind}", place, space
        mounted, mark = _mount_point(settings, kind), _recognize(settings, kind)
        yield mounted
        yield mark
        yield from _programs(settings, kind)
        if BAD in (mounted.state, mark.state):
            # Nothing is written to what is not the archive.
            yield Finding(f"{kind} probe", WARN, "not tried: this is not known to be the archive")
        else:
            yield _probe(settings, kind)


def _mount_point(settings: Settings, kind: Kind) -> Finding:
    from vampd.adapters.archive import open_archive_host

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


def _programs(settings: Settings, kind: Kind) -> Iterator[Finding]:
    from vampd.adapters.archive import ask_programs

    check = f"{kind} programs"
    try:
        there = ask_programs(settings.transfer, kind)
    except VampdError as error:
        yield Finding(check, BAD, error.message)
        return
    if there is None:
        return
    host = settings.transfer.destination(kind).host
    if there.missing:
        named = ", ".join(there.missing)
        found = (
            f"missing on {host}: {named}; install them there, or correct the PATH of its logins"
            " that are not interactive"
        )
        yield Finding(check, BAD, found)
    else:
        versions = dict(there.versions)
        shown = f"{versions['rsync']}; {versions['bash']}; {versions['sha256sum']}"
        yield Finding(check, OK, shown)
    if there.prints:
        yield Finding(
            f"{kind} login",
            BAD,
            f"a login script of {host} prints {there.prints[:_LONGEST_SHOWN]!r}: rsync takes it for"
            " its answer; let ~/.bashrc and the like print only in interactive shells",
        )
    clock = f"{kind} clock"
    if abs(there.ahead_s) > _CLOCK_SLACK_S + there.slack_s:
        found = (
            f"the clock of {host} is {there.ahead_s:+.1f} s off this machine's: synchronize both"
        )
        yield Finding(clock, BAD, found)
    else:
        within_s = abs(there.ahead_s) + there.slack_s
        yield Finding(clock, OK, f"agrees with this machine's within {within_s:.1f} s")


def _probe(settings: Settings, kind: Kind) -> Finding:
    from vampd.adapters.archive import probe_destination, remove_old_probes

    check, place = f"{kind} probe", settings.transfer.destination(kind).destination
    try:
        left = remove_old_probes(settings.transfer, kind)
        root = settings.watch.root
        probe_destination(settings.transfer, kind, (root, root / ARCHIVE_FOLDER))
        refused = _refused_nights(settings, kind)
    except VampdError as error:
        return Finding(check, BAD, error.message)
    if refused:
        return Finding(check, BAD, refused[0])
    found = f"a file was sent to {place}, synced, listed, read and removed"
    if left:
        found += f"; left there by earlier probes: {', '.join(left)}"
    return Finding(check, OK, found)


def _refused_nights(settings: Settings, kind: Kind) -> list[str]:
    """What keeps nights that are under way from being sent: folders there that are another's."""
    from vampd.adapters.archive import open_archive_host
    from vampd.wiring.connections import connect

    if not settings.database.path.exists():
        return []
    try:
        with connect(settings) as connections:
            records = connections.store.nights()
    except VampdError:
        return []  # which has a line of its own
    host = open_archive_host(settings.transfer, kind)
    nights = [r.night for r in records if r.night.kind is kind and r.state.status in _UNDER_WAY]
    found = (host.describe_refused(night) for night in nights[-_MOST_NIGHTS:])
    return [refused for refused in found if refused is not None]
