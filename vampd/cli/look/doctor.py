"""vampctl doctor: check everything that vampd needs, line by line."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vampd import __version__
from vampd.cli.look.doctor_archive import examine_archives
from vampd.cli.look.finding import BAD, OK, WARN, Finding
from vampd.cli.shared.output import Column, write_json, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, settings_of
from vampd.cli.shared.words import count_of, format_size
from vampd.errors import EXIT_NIGHT, StateError, VampdError
from vampd.model.nights import ARCHIVE_FOLDER, Kind

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.model.resources import Space

_STYLES = {OK: "green", WARN: "yellow", BAD: "bold red"}
_COLUMNS = (Column("check"), Column("", style_of=lambda cell: _STYLES[cell]), Column("found"))
_INOTIFY = Path("/proc/sys/fs/inotify")
# Three folders per unfinished night, and some for other watchers.
_FEWEST_WATCHES, _FEWEST_INSTANCES = 8192, 16
_CLOCK_SLACK_S = 2.0
_SILENT_AFTER_S = 30.0


def doctor(
    context: typer.Context, as_json: JsonOption = False, config: ConfigOption = None
) -> None:
    """Check all that vampd needs, line by line.

    Each line is OK or says what to do. Checks configuration, programs, permissions, the database,
    free space, inotify limits, the clock, and for every archive host the login, its folder and its
    space. Changes nothing. Exits with 1 if a line is BAD, and with 78 if the configuration itself
    is unusable.
    """
    settings = settings_of(context, config)
    findings = list(examine(settings))
    if as_json:
        write_json([{"check": f.check, "state": f.state, "found": f.found} for f in findings])
    else:
        write_table(_COLUMNS, [(f.check, f.state, f.found) for f in findings])
    if any(finding.state == BAD for finding in findings):
        raise typer.Exit(EXIT_NIGHT)


def examine(settings: Settings) -> Iterator[Finding]:
    """All checks, in the order in which to fix what they find."""
    versions = f"vampd {__version__}, Python {platform.python_version()}"
    yield Finding("configuration", OK, f"valid; {versions}")
    yield from _programs(settings)
    yield from _folders(settings)
    yield from _database(settings)
    yield _root_mark(settings)
    yield from _inotify()
    yield from _clock(settings)
    yield from _authority(settings)
    yield from _mail(settings)
    yield from _archives(settings)


def _programs(settings: Settings) -> Iterator[Finding]:
    remote = any(settings.transfer.destination(kind).host for kind in Kind)
    wanted = [
        ("rsync", [settings.transfer.rsync, "--version"], True),
        ("ssh", [settings.transfer.ssh[0], "-V"], remote),
        ("setpriv", ["setpriv", "--version"], True),
        ("journalctl", ["journalctl", "--version"], False),
    ]
    for name, command, needed in wanted:
        yield _program(name, command, BAD if needed else WARN)


def _program(name: str, command: list[str], otherwise: str) -> Finding:
    try:
        shown = _output(command)
    except VampdError as error:
        return Finding(name, otherwise, error.message)
    return Finding(name, OK, shown.strip().partition("\n")[0])


def _output(command: list[str]) -> str:
    from vampd.adapters.process import run_process
    from vampd.disk.pace import SteadyPace

    ended = run_process(command, pace=SteadyPace(), silent_after_s=_SILENT_AFTER_S)
    return ended.stdout.decode("utf-8", "replace") or ended.stderr


def _folders(settings: Settings) -> Iterator[Finding]:
    from vampd.disk.file_system import space_at

    root, state = settings.watch.root, settings.database.path.parent
    for name, folder in (
        ("root", root),
        ("archive nights", root / ARCHIVE_FOLDER),
        ("state folder", state),
    ):
        yield Finding(name, *_access(folder))
        if folder.is_dir() and name != "archive nights":
            yield _space(f"space at {name}", str(folder), space_at(folder), settings)


def _access(folder: Path) -> tuple[str, str]:
    if not folder.is_dir():
        return BAD, f"{folder} is not a folder; create it, or mount its disk"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        owner = folder.stat()
        return BAD, (
            f"{folder} is not readable and writable by you (user {os.geteuid()}); it belongs to"
            f" user {owner.st_uid}, group {owner.st_gid}: run as its owner, or join its group"
        )
    return OK, f"{folder} is readable and writable"


def _space(check: str, place: str, space: Space, settings: Settings) -> Finding:
    from vampd.model.resources import Need, find_shortage, is_low

    reserve, free = settings.disk.reserve_bytes, f"{format_size(space.free_bytes)} free"
    if find_shortage(space, Need(bytes=1), reserve):
        what = f"disk.reserve_bytes requires {format_size(reserve)}: free some space"
        return Finding(check, BAD, f"{free} at {place}; {what}")
    if is_low(space, Need(), settings.disk.warn_below):
        return Finding(check, WARN, f"{free} at {place}, of {format_size(space.all_bytes)}")
    return Finding(check, OK, f"{free} of {format_size(space.all_bytes)}")


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
        yield Finding("daemon", BAD, f"{lock_path}: {error.strerror}; you are not of its group")
    else:
        yield Finding("daemon", WARN, "vampd is not running: start it, or use `vampctl run`")


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
        found = (
            f"none, as vampd may not write to {known.path}: a disk that is not mounted looks like"
            " raw data that were removed"
        )
        return Finding(check, WARN, found)
    return Finding(check, OK, f"{known.mark}, as on record")


def _inotify() -> Iterator[Finding]:
    for name, fewest in (
        ("max_user_watches", _FEWEST_WATCHES),
        ("max_user_instances", _FEWEST_INSTANCES),
    ):
        try:
            limit = int((_INOTIFY / name).read_text())
        except (OSError, ValueError) as error:
            yield Finding(f"inotify {name}", WARN, f"unknown ({error}); the scan works without")
            continue
        if limit < fewest:
            found = f"{limit:,} is low; faster with: sysctl fs.inotify.{name}={fewest}"
            yield Finding(f"inotify {name}", WARN, found)
        else:
            yield Finding(f"inotify {name}", OK, f"{limit:,}")


def _clock(settings: Settings) -> Iterator[Finding]:
    yield _synchronized()
    root = settings.watch.root
    if not (root.is_dir() and os.access(root, os.W_OK)):
        return
    # A file server has its own clock, and its times decide whether a night is quiet.
    ahead_s = _ahead_of_here(root)
    if abs(ahead_s) > _CLOCK_SLACK_S:
        found = f"the clock of {root} is {ahead_s:+.1f} s off this machine's: synchronize both"
        yield Finding("clock of the disk", BAD, found)
    else:
        yield Finding(
            "clock of the disk", OK, f"agrees with this machine's to {abs(ahead_s):.1f} s"
        )


def _ahead_of_here(folder: Path) -> float:
    from tempfile import TemporaryFile

    with TemporaryFile(dir=folder, prefix=".vampd-clock-") as file:
        before = time.time()
        file.write(b"x")
        file.flush()
        os.fsync(file.fileno())
        after, there = time.time(), os.fstat(file.fileno()).st_mtime
    # The kernel's clock for files is up to a tick behind, which the slack covers.
    return there - min(max(there, before), after)


def _synchronized() -> Finding:
    if shutil.which("timedatectl") is None:
        return Finding("clock", WARN, "not known to be synchronized: no timedatectl")
    try:
        answer = _output(["timedatectl", "show", "--property=NTPSynchronized", "--value"]).strip()
    except VampdError:
        answer = ""
    if answer == "yes":
        return Finding("clock", OK, "synchronized")
    if answer == "no":
        return Finding("clock", BAD, "not synchronized: start chrony or systemd-timesyncd")
    found = "not known to be synchronized: timedatectl does not say; is systemd running here?"
    return Finding("clock", WARN, found)


def _authority(settings: Settings) -> Iterator[Finding]:
    from vampd.config import Authority

    chosen = settings.frameids
    if chosen.authority is Authority.NONE:
        found = 'frameids.authority is "none": archive nights wait before frameids'
        yield Finding("frame IDs", WARN, found)
    else:
        yield Finding("frame IDs", OK, f"granted by {chosen.authority}")


def _mail(settings: Settings) -> Iterator[Finding]:
    from vampd.model.delivery import Way

    mail = settings.mail
    if mail.missing:
        found = f"vampd cannot send it: {', '.join(mail.missing)} not set"
        yield Finding("mail to STARS", WARN, found)
    else:
        yield Finding("mail to STARS", OK, f"from {mail.sender}, by {mail.way}")
    warned = ", ".join(mail.warn_recipients) or "no one; see mail.warn_recipients"
    yield Finding("low-space warnings", OK, warned)
    if mail.way is Way.SENDMAIL and mail.sender and not os.access(mail.sendmail, os.X_OK):
        found = f"{mail.sendmail} does not exist: install one, or set mail.way to smtp"
        yield Finding("sendmail", BAD if mail.automatic or mail.warn_recipients else WARN, found)


def _archives(settings: Settings) -> Iterator[Finding]:
    for found in examine_archives(settings):
        yield found if isinstance(found, Finding) else _space(*found, settings)
