"""vampctl doctor: check everything that vampd needs, line by line."""

from __future__ import annotations

import os
import platform
import socket
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from vampd import __version__
from vampd.cli.checks.alarm import examine_alarm
from vampd.cli.checks.archive import examine_archives
from vampd.cli.checks.crew import examine_crew
from vampd.cli.checks.here import (
    examine_clock,
    examine_folders,
    examine_journal,
    examine_limits,
    examine_temporary,
    output_of,
)
from vampd.cli.checks.old_tools import examine_old_tools
from vampd.cli.checks.open_modes import examine_open_modes
from vampd.cli.checks.owner import check_as_owner
from vampd.cli.checks.reader import examine_as_reader, examine_request_folder
from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.cli.shared.output import Column, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.shared.words import count_of, format_size
from vampd.errors import EXIT_NIGHT, StateError, VampdError
from vampd.model.nights import Kind

if TYPE_CHECKING:
    from pathlib import Path

    from vampd.config import Settings
    from vampd.model.resources import Space

_STYLES = {OK: "green", WARN: "yellow", BAD: "bold red"}
_COLUMNS = (Column("check"), Column("", style_of=lambda cell: _STYLES[cell]), Column("found"))
# Gen2's remote objects look for their name service for a while.
_GEN2_WITHIN_S, _MAIL_WITHIN_S = 20.0, 5.0


def doctor(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Check all that vampd needs, line by line.

    Each line is OK or says what to do. Checks configuration, programs, owners and modes, mounts,
    limits, the database, free space, the clocks, the journal, mail and Gen2. At every destination
    a small hidden file is written, synced, listed, hashed and removed, as transfer would; changes
    nothing else. Exits with 1 if a line is BAD, and with 78 if the configuration itself is
    unusable. For whoever is not the owner it checks what they need: to read, and to ask. Root's
    checks are done with the rights of the owner.
    """
    settings = settings_of(context, config)
    user = check_as_owner(settings.database.path.parent)
    findings = [*([user] if user else []), *examine(settings)]
    if as_json:
        write_json([{"check": f.check, "state": f.state, "found": f.found} for f in findings])
    else:
        write_table(_COLUMNS, [(f.check, f.state, f.found) for f in findings])
    if any(finding.state == BAD for finding in findings):
        raise typer.Exit(EXIT_NIGHT)


def examine(settings: Settings) -> Iterator[Finding]:
    """All checks, in the order in which to fix what they find."""
    from vampd.wiring.connections import may_write
    from vampd.wiring.requests import request_folder

    versions = f"vampd {__version__}, Python {platform.python_version()}"
    yield Finding("configuration", OK, f"valid; {versions}")
    yield from _programs(settings)
    if not may_write(settings.database.path):
        yield from examine_as_reader(settings)
        return
    for found in examine_folders(settings):
        yield found if isinstance(found, Finding) else _space(*found, settings)
    yield examine_open_modes(settings)
    yield from _database(settings)
    yield examine_request_folder(request_folder(settings))
    yield _root_mark(settings)
    yield from examine_limits()
    yield examine_temporary()
    yield examine_journal()
    yield from examine_clock(settings)
    yield from _authority(settings)
    yield from _mail(settings)
    yield from examine_alarm(settings)
    yield from examine_crew(settings)
    yield from examine_old_tools(settings)
    for found in examine_archives(settings):
        yield found if isinstance(found, Finding) else _space(*found, settings)


def _programs(settings: Settings) -> Iterator[Finding]:
    remote = any(settings.transfer.destination(kind).host for kind in Kind)
    wanted = [
        ("rsync", [settings.transfer.rsync, "--version"], remote),
        ("ssh", [settings.transfer.ssh[0], "-V"], remote),
        ("setpriv", ["setpriv", "--version"], True),
        ("journalctl", ["journalctl", "--version"], False),
    ]
    for name, command, needed in wanted:
        yield _program(name, command, BAD if needed else WARN)


def _program(name: str, command: list[str], otherwise: str) -> Finding:
    try:
        shown = output_of(command)
    except VampdError as error:
        return Finding(name, otherwise, error.message)
    return Finding(name, OK, shown.strip().partition("\n")[0])


def _space(check: str, place: str, space: Space, settings: Settings) -> Finding:
    from vampd.model.resources import Need, find_shortage, is_low

    reserve, free = settings.disk.reserve_bytes, f"{format_size(space.free_bytes)} free"
    names = "" if space.free_names is None else f", {space.free_names:,} inodes free"
    if space.free_names == 0:
        return Finding(check, BAD, f"no inodes free at {place}: remove some files there")
    if find_shortage(space, Need(bytes=1), reserve):
        what = f"disk.reserve_bytes requires {format_size(reserve)}: free some space"
        return Finding(check, BAD, f"{free} at {place}; {what}")
    if is_low(space, Need(), settings.disk.warn_below):
        return Finding(check, WARN, f"{free} at {place}, of {format_size(space.all_bytes)}")
    return Finding(check, OK, f"{free} of {format_size(space.all_bytes)}{names}")


def _database(settings: Settings) -> Iterator[Finding]:
    from vampd.disk.lock import Lock
    from vampd.wiring.connections import connect

    path = settings.database.path
    if not path.exists():
        yield Finding("database", WARN, f"none at {path} yet: vampd creates it")
        return
    try:
        with connect(settings) as connections:
            nights = connections.store.nights()
            listing = connections.ledger.listing()
    except VampdError as error:
        yield Finding("database", BAD, error.message)
        return
    yield Finding("database", OK, f"{path}, {count_of(len(nights), 'night')}")
    ids = count_of(len(listing.ids), "frame ID")
    yield Finding("ledger", OK, f"{ids} on record; `vampctl frameids` compares it with the folders")
    lock_path = path.with_name(f"{path.name}.lock")
    try:
        if lock_path.exists():
            with Lock(lock_path):
                pass
    except StateError as error:
        yield Finding("daemon", OK, f"running: {error.context.get('holder') or 'no name'}")
    except OSError as error:
        yield Finding("daemon", BAD, _describe(error, lock_path))
    else:
        yield Finding("daemon", WARN, "vampd is not running: start it, or use `vampctl run`")


def _describe(error: OSError, path: Path) -> str:
    from vampd.disk.refusal import PathAccess, translate_refusal

    return translate_refusal(error, path, PathAccess.WRITE).message


def _root_mark(settings: Settings) -> Finding:
    from vampd.wiring.connections import connect

    check = "root mark"
    if not settings.database.path.exists():
        return Finding(check, WARN, "unknown without a database; vampd places one when it starts")
    try:
        with connect(settings) as connections:
            known = connections.root.recognize()
    except VampdError as error:
        return Finding(check, BAD, error.message)
    if known is None:
        return Finding(check, OK, "none yet: vampd places one when it starts")
    if not known.is_placed:
        may = os.access(known.path, os.W_OK, effective_ids=True)
        why = "it could not be written, as on a full disk," if may else "vampd may not write"
        found = (
            f"none, as {why} to {known.path}: a disk that is not mounted looks like raw data that"
            " were removed"
        )
        return Finding(check, WARN, found)
    return Finding(check, OK, f"{known.mark}, as on record")


def _authority(settings: Settings) -> Iterator[Finding]:
    from vampd.config import Authority, Gen2Way

    chosen = settings.frameids
    if chosen.authority is Authority.NONE:
        found = 'frameids.authority is "none": archive nights wait before frameids'
        yield Finding("frame IDs", WARN, found)
    else:
        yield Finding("frame IDs", OK, f"granted by {chosen.authority}")
    if chosen.authority is Authority.GEN2:
        yield _gen2(chosen.gen2_hosts)
        if chosen.way is Gen2Way.INSTRUMENT:
            yield _gen2_answer(settings)


def _gen2(hosts: tuple[str, ...]) -> Finding:
    from vampd.adapters.authorities import look_for_gen2
    from vampd.disk.pace import SteadyPace

    named = ", ".join(hosts)
    for host in hosts:
        try:
            socket.getaddrinfo(host, None)
        except OSError:
            found = f"no host {host} is known here: correct frameids.gen2_hosts"
            return Finding("Gen2 name service", BAD, found)
    refused = look_for_gen2(hosts, SteadyPace(), _GEN2_WITHIN_S)
    if refused is not None:
        return Finding("Gen2 name service", BAD, f"{refused}; looked for it at: {named}")
    return Finding("Gen2 name service", OK, f"knows VAMPIRES (hosts: {named}); no ID was taken")


def _gen2_answer(settings: Settings) -> Finding:
    """Whether the answer file can be removed once its copy is durable."""
    from vampd.adapters.authorities import answer_of
    from vampd.disk.refusal import user_name

    chosen = settings.frameids
    answer = answer_of(chosen.gen2_answer, chosen.numbers)
    risk = 'another client may take it for its own: set frameids.way = "frames", if Gen2 allows it'
    try:
        folder = answer.parent.stat()
    except OSError as error:
        return Finding("Gen2 answer file", BAD, f"{answer.parent}: {error.strerror}")
    owner = chosen.gen2_owner or str(os.geteuid())
    is_ours = owner in (str(os.geteuid()), user_name(os.geteuid()))
    if folder.st_mode & stat.S_ISVTX and not is_ours and folder.st_uid != os.geteuid():
        why = f"{answer.parent} is sticky, and {owner} owns the file"
        return Finding("Gen2 answer file", WARN, f"{answer} stays there ({why}); {risk}")
    if not os.access(answer.parent, os.W_OK, effective_ids=True):
        why = f"{answer.parent} may not be written"
        return Finding("Gen2 answer file", WARN, f"{answer} stays there ({why}); {risk}")
    return Finding("Gen2 answer file", OK, f"{answer} is removed once its copy is durable")


def _mail(settings: Settings) -> Iterator[Finding]:
    from vampd.model.delivery import Way

    mail = settings.mail
    if mail.missing:
        found = f"vampd cannot send it: {', '.join(mail.missing)} not set"
        yield Finding("mail to STARS", WARN, found)
    else:
        yield Finding("mail to STARS", OK, f"from {mail.sender}, by {mail.way}")
    if mail.way is Way.SENDMAIL and mail.sender and not os.access(mail.sendmail, os.X_OK):
        found = f"{mail.sendmail} does not exist: install one, or set mail.way to smtp"
        yield Finding("sendmail", BAD if mail.sends_by_itself else WARN, found)
    if mail.way is Way.SMTP and mail.host is not None:
        yield _mail_host(mail.host, mail.port)


def _mail_host(host: str, port: int) -> Finding:
    try:
        socket.create_connection((host, port), timeout=_MAIL_WITHIN_S).close()
    except OSError as error:
        why = error.strerror or str(error)
        found = f"{host}:{port} does not answer ({why}): correct mail.host and mail.port"
        return Finding("mail host", BAD, found)
    return Finding("mail host", OK, f"{host}:{port} answers")
