"""Credentials files, readable by their owner only: a user and a password, or one secret line."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from vampd.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST_BYTES = 4096


@dataclass(frozen=True)
class Credentials:
    """A login; its repr hides the password."""

    user: str
    password: str = field(repr=False)


def read_credentials(path: Path) -> Credentials:
    """Read a user and a password, one per line; no message ever quotes them.

    The errors of `read_secret`.
    """
    return Credentials(*_read_lines(path, 2, "two lines, the user and the password"))


def read_secret(path: Path) -> str:
    """Read a file of one line; no message ever quotes it.

    ConfigError ``credentials_unreadable``, ``credentials_unsafe`` if it is not a regular file of
    the user who reads it (or of root) that no one else may read, ``credentials_malformed``. A file
    that systemd has passed to this service (LoadCredential=) is as safe as that: its mode shows the
    mask of its access list.
    """
    (line,) = _read_lines(path, 1, "one line")
    return line


def refuse_unsafe(path: Path) -> None:
    """ConfigError ``credentials_unreadable`` or ``credentials_unsafe``, as of `read_secret`."""
    _read_safely(path)


def _read_lines(path: Path, number: int, what: str) -> list[str]:
    text = _read_safely(path)
    try:
        lines = text.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = []
    if len(lines) != number or not all(lines):
        raise ConfigError("credentials_malformed", f"{path} must hold {what}; found something else")
    return lines


def _read_safely(path: Path) -> bytes:
    try:
        file_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(
            "credentials_unreadable", f"cannot read the credentials {path}: {error.strerror}"
        ) from error
    try:
        # Of the open file: its name may refer to another one by now.
        _refuse_unsafe(path, os.fstat(file_fd))
        return os.read(file_fd, _LARGEST_BYTES)
    finally:
        os.close(file_fd)


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        problem = "is not a regular file"
    elif status.st_uid not in (0, os.geteuid()):
        problem = f"belongs to user {status.st_uid}; chown it to the user who runs this"
    elif status.st_mode & _OTHERS and not (_is_passed(path) and not status.st_mode & stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        problem = f"may be read or changed by others (mode {mode:o}); run: chmod 600 {path}"
    else:
        return
    raise ConfigError("credentials_unsafe", f"the credentials {path} are not safe: it {problem}")


def _is_passed(path: Path) -> bool:
    passed = os.environ.get("CREDENTIALS_DIRECTORY")
    return passed is not None and path.parent == Path(passed)
