"""Where requests lie: two folders that vampd makes, and uses only as it has made them."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from vampd.disk.durable import make_folder
from vampd.disk.refusal import user_name
from vampd.disk.rights.ownership import PRIVATE_FOLDER
from vampd.errors import StateError, VampdError
from vampd.model.escapes import shell_word

# Sticky.
_MODE = 0o1770
_CLAIMED = ".claimed"


def claimed_folder(folder: Path) -> Path:
    """Where requests lie while they are acted on, beside the folder."""
    return folder.with_name(f"{folder.name}{_CLAIMED}")


def prepare_request_folder(folder: Path) -> None:
    """Make the folder, with its mode; StateError ``requests_unusable`` if it is not ours."""
    state = folder.parent.stat()
    for one, mode in _modes(folder):
        make_folder(one)
        found = _find_stranger(one, state.st_uid)
        if found is not None:
            raise StateError("requests_unusable", found, path=str(one))
        with suppress(PermissionError):
            os.chown(one, state.st_uid if os.geteuid() == 0 else -1, state.st_gid)
        if _mode_of(one) != mode:
            one.chmod(mode)


def find_folder_fault(folder: Path) -> str | None:
    """Why it is not as `prepare_request_folder` leaves it, with what to do; None if it is.

    FileNotFoundError for one that is missing.
    """
    owner = folder.parent.stat().st_uid
    for one, mode in _modes(folder):
        found = _find_stranger(one, owner)
        if found is None and _mode_of(one) != mode:
            found = (
                f"{one} has mode {_mode_of(one):04o}, so that others than a request's writer might"
                f" change or remove it: `chmod {mode:04o} {shell_word(str(one))}`; vampd does so"
                " while it runs"
            )
        if found is not None:
            return found
    return None


def _modes(folder: Path) -> tuple[tuple[Path, int], ...]:
    return (folder, _MODE), (claimed_folder(folder), PRIVATE_FOLDER)


def _mode_of(folder: Path) -> int:
    return stat.S_IMODE(folder.lstat().st_mode) & ~stat.S_ISGID


def _find_stranger(folder: Path, owner: int) -> str | None:
    """Why what lies there is not a folder of vampd's user, None if it is."""
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        found = "a link"
    elif not stat.S_ISDIR(status.st_mode):
        found = "no folder"
    elif status.st_uid not in (os.geteuid(), owner):
        found = f"a folder of {user_name(status.st_uid)}"
    elif status.st_dev != folder.parent.stat().st_dev:
        # A request is moved out of the reach of its writer, and no rename leads elsewhere.
        found = "a file system of its own"
    else:
        return None
    return (
        f"{folder} is {found}, and vampd takes requests only from a folder that it made: move it"
        " away (or unmount it), and vampd makes its own within a second"
    )


class RequestPlace:
    """The folder of requests while vampd runs: made and mended as at its start, or not used.

    What is wrong with it is told once, and again if it is something else.
    """

    def __init__(self, folder: Path) -> None:
        self.is_usable = False
        self._folder = folder
        # Four times a second: paths that are made each time cost as much as all else at rest.
        self._paths = (os.fspath(folder), os.fspath(claimed_folder(folder)))
        self._found_good: tuple[tuple[int, ...], ...] | None = None
        self._refused = ""
        self._has_begun = False

    def examine(self) -> str | None:
        """Make or mend what is not as it should be; what is to be told of that."""
        seen = self._look()
        if self.is_usable and seen is not None and seen == self._found_good:
            return None
        self._found_good = seen
        try:
            fault = self._find_fault()
            if fault is not None:
                prepare_request_folder(self._folder)
        except (VampdError, OSError) as error:
            self.is_usable = False
            before, self._refused = self._refused, str(error)
            return self._refused if self._refused != before else None
        # At the start a folder is made, or corrected, as a matter of course.
        told = self._refused or (fault if self._has_begun else None)
        self.is_usable = self._has_begun = True
        self._refused = ""
        return told

    def _look(self) -> tuple[tuple[int, ...], ...] | None:
        """What both folders are, all of which a fault would change; None if that cannot be seen."""
        try:
            found = [os.lstat(path) for path in self._paths]
        except OSError:
            return None
        return tuple((one.st_dev, one.st_ino, one.st_mode, one.st_uid) for one in found)

    def _find_fault(self) -> str | None:
        try:
            return find_folder_fault(self._folder)
        except FileNotFoundError:
            return f"{self._folder} was missing"
