"""What an OSError says: the world is not ready, this user may not, or the file is so.

The one place that classifies them. Weather passes by itself, a permission needs a person, and only
the rest is a property of what lies there.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import resource
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shutil import which

from vampd.errors import DataError, DiskFull, NotPermitted, TransientError
from vampd.model.escapes import shell_word

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PERMISSION = frozenset({errno.EACCES, errno.EPERM})
_BITS = {
    "r": os.R_OK,
    "w": os.W_OK,
    "rx": os.R_OK | os.X_OK,
    "wx": os.W_OK | os.X_OK,
}
# What a path leads to, or does not. Whatever is not known here counts as weather: it is tried
# again, and nothing is concluded from it.
_PROPERTY = frozenset(
    {
        errno.EEXIST,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        errno.ENXIO,
    }
)

# No command of ours opens these to a user.
_OF_THE_SYSTEM = frozenset({Path("/"), Path("/root")})
_SET_ASIDE = "vbad"
_OWN_FOLDERS = frozenset({"vgen2", _SET_ASIDE})

# What lies there is of another kind than it must be.
_MISPLACED = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENXIO})


class Cause(StrEnum):
    """Why the kernel refused."""

    WEATHER = "weather"  # passes by itself: EIO, ESTALE, ENOMEM, EMFILE, ENOSPC, EROFS, ...
    PERMISSION = "permission"  # a person has to change something: EACCES, EPERM
    PROPERTY = "property"  # what lies there is so: ENOENT, ELOOP, ENOTDIR, ...


class PathAccess(StrEnum):
    """What was wanted of a path."""

    READ = "read"
    WRITE = "write"


def classify(error: OSError) -> Cause:
    """Why the kernel refused, by the error's number alone."""
    if error.errno in _PERMISSION:
        return Cause.PERMISSION
    return Cause.PROPERTY if error.errno in _PROPERTY else Cause.WEATHER


def translate_refusal(error: OSError, path: Path, access: PathAccess) -> TransientError:
    """The refusal in our words, with ``path`` in its context; for weather and permissions.

    DiskFull ``disk_full``, NotPermitted ``not_readable`` or ``not_writable`` with the command that
    mends it, else TransientError ``file_size_limit`` or ``io_error``. A property is the caller's to
    judge; one that comes here all the same was not expected, and is tried again.
    """
    context = str(path)
    if error.errno in FULL:
        return DiskFull(
            "disk_full",
            f"cannot write {path}: {error.strerror}; free space or inodes on its file system",
            path=context,
        )
    if error.errno == errno.EFBIG:
        return beyond_size_limit(path)
    if classify(error) is Cause.PERMISSION:
        verb = "readable" if access is PathAccess.READ else "writable"
        return NotPermitted(f"not_{verb}", describe_refused(path, access), path=context)
    return TransientError(
        "io_error", f"cannot {access} {path}: {error.strerror or error}", path=context
    )


def beyond_size_limit(path: Path) -> TransientError:
    """The error for a file that may not become as long as it must: EFBIG."""
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    whose, cure = "than its file system allows", "move it to another one"
    if limit != resource.RLIM_INFINITY:
        whose = f"than the {limit:,} bytes that this process may write"
        cure = "raise the limit (LimitFSIZE= of the service, `ulimit -f`)"
    return TransientError(
        "file_size_limit", f"{path} would be longer {whose}: {cure}", path=str(path)
    )


def misplaced(error: OSError, path: Path) -> DataError | None:
    """The error for something else that has the name of a file or folder of vampd's; None if not.

    No waiting mends that; what else helps, `add_cure` knows. ENXIO, of a pipe or device, is also
    what a disk that has gone answers.
    """
    if error.errno not in _MISPLACED or (error.errno == errno.ENXIO and not _is_channel(path)):
        return None
    return DataError(
        "not_a_file",
        f"{path}: {error.strerror}: something else lies where vampd has a file or a folder, here or"
        " above; move it away",
        path=str(path),
    )


def _is_channel(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def naming_raw(error: TransientError, cube: str) -> TransientError:
    """The refusal with the raw cube that a release lets the night go on without."""
    context = {**error.context, "refused": (cube,)}
    return type(error)(error.code, error.message, **context)


def joining_raw(error: Exception, others: Iterable[Exception]) -> Exception:
    """The error with the raw cubes of all these refusals, so that one release lets all go."""
    if not isinstance(error, TransientError) or not _raw_of(error):
        return error
    every = {cube for each in (error, *others) for cube in _raw_of(each)}
    context = {**error.context, "refused": tuple(sorted(every))}
    return type(error)(error.code, error.message, **context)


def _raw_of(error: Exception) -> tuple[str, ...]:
    named = error.context.get("refused", ()) if isinstance(error, TransientError) else ()
    return named if isinstance(named, tuple) else ()


@dataclass(frozen=True)
class Closed:
    """The path that keeps a user out, and the mode bits (of ``rwx``) that are wanted of it."""

    path: Path
    wanted: str


def describe_refused(path: Path, access: PathAccess) -> str:
    """Who may not do it, because of which path, its mode and owner, and the command that mends it.

    Looks at the folders that lead there first: the first one that may not be entered is the cause.
    """
    closed = _find_closed(path, access)
    if closed is None:
        return (
            f"{user_name(os.geteuid())} may not {access} {path}, although every mode on the way"
            " allows it: look at access lists, flags and the file server (getfacl, lsattr -d,"
            f" findmnt -T {shell_word(str(path))})"
        )
    said = describe_closed(path, access, closed)
    if closed.path in _OF_THE_SYSTEM:
        return f"{said}: name another place, as that folder is the system's"
    try:
        return f"{said}; `{mending_command(closed, closed.path.stat())}`"
    except OSError:
        return said


def describe_closed(path: Path, access: PathAccess, closed: Closed | None = None) -> str:
    """The same without a command, for what is not to be opened."""
    user = user_name(os.geteuid())
    found = closed or _find_closed(path, access) or Closed(path, "")
    at = "" if found.path == path else f", because of {found.path}"
    return f"{user} may not {access} {path}{at} ({describe_owner(found.path)})"


def describe_owner(path: Path) -> str:
    """Mode, owner and group of a path, or why they cannot be had."""
    try:
        return _owner_of(path.stat())
    except OSError as error:
        return error.strerror or str(error)


def _owner_of(status: os.stat_result) -> str:
    return (
        f"mode {stat.S_IMODE(status.st_mode):03o}, owner {user_name(status.st_uid)},"
        f" group {group_name(status.st_gid)}"
    )


def mending_command(closed: Closed, status: os.stat_result) -> str:
    """The command that lets this process in: for reading, a chmod of the class that it is in.

    What is to be written becomes its user's own, unless a folder is some other user's, such as the
    loggers': no group and no others may write for that. A folder that only vampd writes to, such as
    ``vgen2``, is given back at once: whoever may not enter it needs all of it.
    """
    if "w" in closed.wanted and status.st_uid != os.geteuid():
        user, path = _user_word(os.geteuid()), shell_word(str(closed.path))
        is_folder = stat.S_ISDIR(status.st_mode)
        if status.st_uid and is_folder and not _is_own_folder(closed.path):
            # Where access lists were never used, Debian has no program for them yet.
            install = "" if which("setfacl") else "sudo apt-get install acl && "
            return f"{install}sudo setfacl -m u:{user}:rwx {path}"
        bits = "rwx" if is_folder else "rw"
        owners = sum(getattr(stat, f"S_I{bit.upper()}USR") for bit in bits)
        # Its owner may have fewer rights than the one whom it is given to needs.
        opening = "" if status.st_mode & owners == owners else f" && sudo chmod u+{bits} {path}"
        return f"sudo chown {user} {path}{opening}"
    if status.st_uid == os.geteuid():
        who, sudo = "u", ""
    elif status.st_gid in {os.getegid(), *os.getgroups()}:
        who, sudo = "g", "sudo "
    else:
        who, sudo = "o", "sudo "
    return f"{sudo}chmod {who}+{closed.wanted} {shell_word(str(closed.path))}"


def may_read(path: Path) -> bool:
    """Whether modes and access lists let this process read a path, or its folder be searched."""
    return _find_closed(path, PathAccess.READ) is None


def user_name(uid: int) -> str:
    """A user's name, or the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _user_word(uid: int) -> str:
    try:
        return shell_word(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    """A group's name, or the number where it has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return f"gid {gid}"


def _find_closed(path: Path, access: PathAccess) -> Closed | None:
    """The first path on the way that refuses; None if its mode is not what refuses."""
    real = Path(os.path.realpath(path))
    for folder in reversed(real.parents):
        if not _may(folder, os.X_OK):
            # One command lets in and write: the folder itself needs both.
            needs = "wx" if access is PathAccess.WRITE and folder == real.parent else "x"
            return Closed(folder, "rwx" if _is_own_folder(folder) else needs)
    if access is PathAccess.WRITE:
        # A name is made or removed in its folder; of a file that is there, its own mode counts.
        if not _may(real.parent, _BITS["wx"]):
            return Closed(real.parent, "wx")
        if not os.path.lexists(real):
            return None
        wanted = "wx" if real.is_dir() else "w"
        return None if _may(real, _BITS[wanted]) else Closed(real, wanted)
    if not os.path.lexists(real):
        return None
    wanted = "rx" if real.is_dir() else "r"
    if _may(real, _BITS[wanted]):
        return None
    return Closed(real, "rwx" if real.is_dir() and _is_own_folder(real) else wanted)


def _is_own_folder(folder: Path) -> bool:
    """Whether it is, by its name, one of those in a night that vampd makes."""
    return folder.name in _OWN_FOLDERS or folder.parent.name == _SET_ASIDE


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)
