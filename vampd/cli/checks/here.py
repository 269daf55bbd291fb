"""What `vampctl doctor` finds on this machine: folders, mounts, limits, journal and clock."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.errors import VampdError
from vampd.model.nights import ARCHIVE_FOLDER

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.model.resources import Space

_INOTIFY = Path("/proc/sys/fs/inotify")
# Three folders per unfinished night, and some for other watchers.
_FEWEST_WATCHES, _FEWEST_INSTANCES = 8192, 16
_CLOCK_SLACK_S = 2.0
_SILENT_AFTER_S = 30.0
# Threads count as processes: those of some attempts, their workers, rsync and ssh.
_FEWEST_PROCESSES, _FEWEST_FILES = 512, 1024
# Products have as many bytes as half a raw cube and more, the database some hundred MB.
_SHORTEST_FILE = 1 << 34
_JOURNAL = Path("/run/systemd/journal/socket")
_JOURNAL_ON_DISK = Path("/var/log/journal")


def examine_folders(settings: Settings) -> Iterator[Finding | tuple[str, str, Space]]:
    """Owner, modes and mounts of root and state, and the space there as (check, place, space)."""
    from vampd.disk.machine import space_at

    root, state = settings.watch.root, settings.database.path.parent
    for name, folder in (
        ("root", root),
        ("archive nights", root / ARCHIVE_FOLDER),
        ("state folder", state),
    ):
        yield Finding(name, *_access(folder))
        if folder.is_dir() and name != "archive nights":
            yield f"space at {name}", str(folder), space_at(folder)
            yield Finding(f"mount of {name}", *_mount(folder))


def _access(folder: Path) -> tuple[str, str]:
    from vampd.disk.refusal import PathAccess, describe_refused, group_name, user_name

    try:
        status = folder.stat()
    except FileNotFoundError:
        return BAD, f"{folder} does not exist; create it, or mount its disk"
    except OSError:
        return BAD, describe_refused(folder, PathAccess.READ)
    if not stat.S_ISDIR(status.st_mode):
        return BAD, f"{folder} is not a folder; move away what lies there"
    for mode, access in ((os.R_OK, PathAccess.READ), (os.W_OK, PathAccess.WRITE)):
        if not os.access(folder, mode | os.X_OK, effective_ids=True):
            return BAD, f"{describe_refused(folder, access)}, or run this as its owner"
    mode = stat.S_IMODE(status.st_mode)
    whose = f"owner {user_name(status.st_uid)}, group {group_name(status.st_gid)}, mode {mode:03o}"
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        return WARN, f"{folder} can be written to by anyone ({whose}): `chmod o-w {folder}`"
    return OK, f"{folder} is readable and writable; {whose}"


def _mount(folder: Path) -> tuple[str, str]:
    from vampd.disk.machine import find_mount

    point, kind, options = find_mount(folder)
    if "ro" in options.split(","):
        return (
            BAD,
            f"{point} ({kind}) is mounted read-only: look into `dmesg`, mount it for writing",
        )
    if point == "/":
        return OK, f"on the disk of the system ({kind})"
    return OK, f"{point} ({kind})"


def examine_limits() -> Iterator[Finding]:
    """What the kernel lets this user have."""
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
    for check, number, fewest, key in (
        ("processes", resource.RLIMIT_NPROC, _FEWEST_PROCESSES, "LimitNPROC"),
        ("open files", resource.RLIMIT_NOFILE, _FEWEST_FILES, "LimitNOFILE"),
        ("size of a file", resource.RLIMIT_FSIZE, _SHORTEST_FILE, "LimitFSIZE"),
    ):
        soft, _ = resource.getrlimit(number)
        shown = "no limit" if soft == resource.RLIM_INFINITY else f"{soft:,} in this session"
        if soft != resource.RLIM_INFINITY and soft < fewest:
            found = f"{shown} is low; the service needs {fewest:,}: {key}= in its drop-in"
            yield Finding(check, WARN, found)
        else:
            yield Finding(check, OK, shown)


def examine_temporary() -> Finding:
    """The folder of temporary files, in which the workers' sockets lie."""
    from vampd.disk.machine import LONGEST_TMPDIR_BYTES

    check = "TMPDIR"
    try:
        folder = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        why = error.strerror or str(error)
        return Finding(check, BAD, f"no temporary file can be written: {why}; set TMPDIR")
    if len(os.fsencode(folder)) > LONGEST_TMPDIR_BYTES:
        found = (
            f"{folder} has {len(os.fsencode(folder))} bytes, too many for the workers' sockets; set"
            f" TMPDIR to a folder of at most {LONGEST_TMPDIR_BYTES}, such as /tmp"
        )
        return Finding(check, BAD, found)
    return Finding(check, OK, f"{folder} is writable")


def examine_journal() -> Finding:
    """Whether there is a journal, and whether it outlives a restart of the machine."""
    check = "journal"
    if not _JOURNAL.exists():
        found = (
            "no journald here: vampd logs to its standard error, and `vampctl log` shows nothing"
        )
        return Finding(check, WARN, found)
    if not _JOURNAL_ON_DISK.is_dir():
        found = (
            f"kept in memory only: `mkdir {_JOURNAL_ON_DISK}` and restart systemd-journald to keep"
            " it"
        )
        return Finding(check, WARN, found)
    return Finding(check, OK, "journald keeps it on the disk")


def examine_clock(settings: Settings) -> Iterator[Finding]:
    """This machine's clock, and that of the root's file system."""
    from vampd.disk.machine import clock_ahead_s

    yield _synchronized()
    root = settings.watch.root
    if not (root.is_dir() and os.access(root, os.W_OK)):
        return
    # A file server has its own clock, and its times decide whether a night is quiet.
    try:
        ahead_s = clock_ahead_s(root)
    except OSError as error:
        why = error.strerror or str(error)
        yield Finding("clock of the disk", BAD, f"no file can be written to {root}: {why}")
        return
    if abs(ahead_s) > _CLOCK_SLACK_S:
        found = f"the clock of {root} is {ahead_s:+.1f} s off this machine's: synchronize both"
        yield Finding("clock of the disk", BAD, found)
    else:
        yield Finding(
            "clock of the disk", OK, f"agrees with this machine's to {abs(ahead_s):.1f} s"
        )


def _synchronized() -> Finding:
    if shutil.which("timedatectl") is None:
        return Finding("clock", WARN, "not known to be synchronized: no timedatectl")
    try:
        answer = output_of(["timedatectl", "show", "--property=NTPSynchronized", "--value"]).strip()
    except VampdError:
        answer = ""
    if answer == "yes":
        return Finding("clock", OK, "synchronized")
    if answer == "no":
        return Finding("clock", BAD, "not synchronized: start chrony or systemd-timesyncd")
    found = "not known to be synchronized: timedatectl does not say; is systemd running here?"
    return Finding("clock", WARN, found)


def output_of(command: list[str]) -> str:
    """What a program prints; VampdError."""
    from vampd.adapters.programs import run_process
    from vampd.disk.pace import SteadyPace

    ended = run_process(command, pace=SteadyPace(), silent_after_s=_SILENT_AFTER_S)
    return ended.stdout.decode("utf-8", "replace") or ended.stderr
