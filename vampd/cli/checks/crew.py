"""What `vampctl doctor` finds of the crew: its engine, its mounts, its certificates, its hosts."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vampd import __version__
from vampd.cli.checks.crew_hosts import OTHER_ROOT, OTHER_VERSION, SILENT, look_at_hosts
from vampd.cli.checks.crew_probe import probe_hosts
from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.cli.shared.words import count_of, format_duration
from vampd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from vampd.config import CrewSettings, Settings

_SCHEDULER_WITHIN_S = 5.0
_FEW_DAYS = 30
_NFS = frozenset({"nfs", "nfs4"})
# What makes a client answer by itself what only the server can know, or give up a write; nfs(5).
_UNSOUND = {
    "soft": "a write that takes too long is lost without a word: mount it `hard`",
    "softerr": "a write that takes too long is lost: mount it `hard`",
    "nocto": "an old framelist may be packed: mount it `cto`",
    "nolock": "no lock reaches another host: mount it `lock`",
    "vers=2": "files end at 2 GB, and none can be created for oneself: mount `vers=4.2`",
    "local_lock=all": "no lock reaches another host: mount it `local_lock=none`",
    "local_lock=flock": "no lock reaches another host: mount it `local_lock=none`",
}
_LONG_CACHE_S = 60
_CURES = {
    SILENT: "look at vampd-worker there; remove its file in .vampd/crew if it is no more",
    OTHER_VERSION: f"install vampd {__version__} there",
    OTHER_ROOT: "mount the root of the nights there",
}


def examine_crew(settings: Settings) -> Iterator[Finding]:
    """Nothing where this machine alone packs."""
    from vampd.config import CrewEngine
    from vampd.disk.machine import find_mount
    from vampd.wiring.crew import missing_parts

    crew = settings.crew
    if crew.engine is CrewEngine.LOCAL:
        return
    if missing := missing_parts():
        found = f"{', '.join(missing)} is not installed here: `make install CREW=1`"
        yield Finding("crew engine", BAD, found)
        return
    yield Finding("crew engine", OK, f"{crew.engine} at {crew.scheduler}")
    _, kind, options = find_mount(settings.watch.root)
    yield judge_mount(kind, options.split(","))
    yield from _certificates(crew)
    yield from _key(crew.key)
    yield _scheduler(crew)
    yield from _hosts(settings)


def judge_mount(kind: str, options: list[str]) -> Finding:
    """Whether hosts can share a root of this type, mounted so."""
    check = "crew root"
    if kind == "lustre" and "flock" not in options:
        found = "no lock reaches another host: mount it with `flock`"
        return Finding(check, BAD, found)
    if kind not in _NFS:
        return Finding(check, OK, f"{kind}: each host is to mount the same")
    bad = [f"{option}: {why}" for option, why in _UNSOUND.items() if option in options]
    if bad:
        return Finding(check, BAD, "; ".join(bad))
    cached = dict(option.split("=", 1) for option in options if "=" in option)
    longest = cached.get("acdirmax", str(_LONG_CACHE_S))
    if longest.isdecimal() and int(longest) > _LONG_CACHE_S:
        found = f"acdirmax={longest}: a product may be seen too late; mount it with 60 or less"
        return Finding(check, WARN, found)
    if "lookupcache=all" in options:
        found = "lookupcache=all: what was missing once may look missing; `positive` is safer"
        return Finding(check, WARN, found)
    return Finding(check, OK, f"{kind}, mounted so that hosts see what others write")


def _certificates(crew: CrewSettings) -> Iterator[Finding]:
    from vampd.adapters.crew import end_of_certificate

    for name, path in (("ca_file", crew.ca_file), ("certificate", crew.certificate)):
        check = f"crew {name.removesuffix('_file')}"
        if path is None:
            continue
        try:
            left = (end_of_certificate(path) - datetime.now(UTC)).days
        except (OSError, ValueError) as error:
            yield Finding(check, BAD, f"{path}: {error}; correct crew.{name}")
            continue
        state = BAD if left < 0 else WARN if left < _FEW_DAYS else OK
        cure = "" if state == OK else ": make one by `vampctl crew certificates`"
        yield Finding(check, state, f"{path} has {count_of(left, 'day')} left{cure}")


def _key(path: Path | None) -> Iterator[Finding]:
    """Whoever reads it has programs run as the owner of the nights."""
    from vampd.adapters.credentials import refuse_unsafe

    if path is None:
        return
    try:
        refuse_unsafe(path)
    except ConfigError as error:
        yield Finding("crew key", BAD, error.message)
    else:
        yield Finding("crew key", OK, f"{path} is its owner's alone")


def _scheduler(crew: CrewSettings) -> Finding:
    check, place = "crew scheduler", crew.scheduler
    try:
        with socket.create_connection(crew.place, timeout=_SCHEDULER_WITHIN_S) as plain:
            if crew.is_encrypted:
                _greet(plain, crew)
    except ssl.SSLError as error:
        found = (
            f"{place} and this machine do not take each other's certificates"
            f" ({error.reason or error}): both, and their keys, are to be of one"
            " `vampctl crew certificates`"
        )
        return Finding(check, BAD, found)
    except OSError as error:
        why = error.strerror or str(error)
        found = f"{place} does not answer ({why}): look at vampd-scheduler there"
        return Finding(check, BAD, found)
    return Finding(check, OK, f"{place} answers")


def _greet(plain: socket.socket, crew: CrewSettings) -> None:
    """Meet the scheduler as the engine does. OSError, of which SSLError is one."""
    assert crew.ca_file is not None
    assert crew.certificate is not None
    # As the engine has it, a certificate is good for any host: names are not compared.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(crew.ca_file)
    context.load_cert_chain(crew.certificate, crew.key)
    with context.wrap_socket(plain) as met:
        # The scheduler speaks first, or refuses our certificate now.
        if not met.recv(1):
            raise ConnectionResetError(errno.ECONNRESET, "it ended the connection")


def _hosts(settings: Settings) -> Iterator[Finding]:
    try:
        hosts = look_at_hosts(settings)
    except OSError as error:
        yield Finding("crew hosts", BAD, f"{error.filename}: {error.strerror}")
        return
    if not hosts:
        yield Finding("crew hosts", BAD, "none has left a sign: start vampd-worker on one")
    for seen in hosts:
        member = seen.member
        found = (
            f"vampd {member.version}, {member.places} of {member.slots} places, seen"
            f" {format_duration(seen.age_s)} ago"
        )
        cure = f"{seen.problem}: {found}; {_CURES[seen.problem]}" if seen.problem else found
        yield Finding(f"crew host {member.host}", BAD if seen.problem else OK, cure)
    packing = [seen.member.host for seen in hosts if not seen.problem]
    yield from probe_hosts(settings.watch.root, packing, judge_mount)
