"""Signs of life: written by vampd beside its database, and held against what runs here.

Looking takes no lock, changes nothing, and may be done by whoever may read the database.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from vampd.model.life_sign import (
    LONGEST_SIGN_BYTES,
    Life,
    LifeSign,
    LifeState,
    ProcessMark,
    Surroundings,
    judge_life,
    parse_sign,
    write_sign,
)

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = "/proc/self/ns/pid"
# In what follows the name of the program in /proc/PID/stat: its state, and when it began.
_STATE, _BEGAN = 0, 19
_ENDED = frozenset("ZXx")


def sign_path(database: Path) -> Path:
    """Where the sign of the vampd of this database lies."""
    return database.with_name(f"{database.name}.daemon")


def own_mark() -> ProcessMark:
    """This process. OSError without /proc."""
    words = _words_of(os.getpid())
    if not words:
        raise FileNotFoundError(errno.ENOENT, "no process of this number", f"/proc/{os.getpid()}")
    return ProcessMark(
        pid=os.getpid(),
        began=int(words[_BEGAN]),
        boot=_boot(),
        namespace=os.readlink(_NAMESPACE),
        host=os.uname().nodename,
    )


def inode_of(database: Path) -> int | None:
    """The number of the database's file, None before there is one."""
    try:
        return database.stat().st_ino
    except FileNotFoundError:
        return None


def leave_sign(path: Path, sign: LifeSign) -> None:
    """Put the sign whole in the place of the last one. OSError.

    Not fsynced: after a power cut the machine has another boot, and any sign says the same.
    """
    # Slow to import, and whoever looks needs none of it.
    from vampd.disk.rights import READABLE, give_to_owner

    temporary = path.with_name(f".{path.name}.new")
    # A killed one may have left it; whoever may write here is the only writer.
    with suppress(FileNotFoundError):
        temporary.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    file_fd = os.open(temporary, flags, READABLE)
    with os.fdopen(file_fd, "wb") as file:
        give_to_owner(path.parent, file_fd, READABLE)
        file.write(write_sign(sign))
    temporary.rename(path)


def look_for_life(database: Path, now: float) -> Life:
    """Whether the vampd of this database runs; what may not be read cannot be told."""
    try:
        sign = _read_sign(sign_path(database), database)
        if sign is None:
            return Life(LifeState.NEVER_SEEN)
        return judge_life(sign, _look_around(sign.process.pid, database), now)
    except OSError as error:
        return Life(LifeState.UNKNOWN, why=f"{error.filename}: {error.strerror}")


def _look_around(pid: int, database: Path) -> Surroundings:
    began, is_hidden = _look_at(pid)
    return Surroundings(
        boot=_boot(),
        namespace=os.readlink(_NAMESPACE),
        host=os.uname().nodename,
        database=inode_of(database),
        began=began,
        is_hidden=is_hidden,
    )


def _read_sign(path: Path, database: Path) -> LifeSign | None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        file_fd = os.open(path, flags)
    except FileNotFoundError:
        return None
    with os.fdopen(file_fd, "rb") as file:
        status = os.fstat(file_fd)
        # In a folder such as /tmp anyone may leave one.
        owners = {0, os.stat(database).st_uid, os.stat(path.parent).st_uid}
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in owners:
            return None
        content = file.read(LONGEST_SIGN_BYTES + 1)
    return parse_sign(content) if len(content) <= LONGEST_SIGN_BYTES else None


def _look_at(pid: int) -> tuple[int | None, bool]:
    """When the process of this number began, None for none; whether that is hidden."""
    words = _words_of(pid)
    if words:
        return (None if words[_STATE] in _ENDED else int(words[_BEGAN])), False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None, False
    except PermissionError:
        pass
    return None, True


def _words_of(pid: int) -> list[str]:
    """What the kernel says of a process after its name; nothing if there is none, or it hides."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []
    return text.rpartition(b")")[2].decode("ascii").split()


def _boot() -> str:
    return _BOOT.read_text().strip()
