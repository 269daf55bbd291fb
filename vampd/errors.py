"""What can go wrong, grouped by what happens next.

Every error carries a stable ``code`` (lower-case, underscores; it is stored in the events, shown by
``vampctl`` and searched in the journal) and a context of plain values. Its message says what was
expected, what was found, and what to do.
"""

from __future__ import annotations

from typing import ClassVar

# The code of ArchiveUnknown.
ARCHIVE_UNKNOWN = "archive_unknown"
# The code of RootUnknown.
ROOT_UNKNOWN = "root_unknown"

EXIT_OK = 0
EXIT_NIGHT = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78


class VampdError(Exception):
    """Any error that vampd expects: a code, a message for people, and its context."""

    exit_status: ClassVar[int] = EXIT_NIGHT

    def __init__(self, code: str, message: str, **context: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.context = context

    def __reduce__(self) -> tuple[object, ...]:
        # The default pickling of exceptions would lose the keyword arguments on the way back from a
        # worker process.
        return _rebuild, (type(self), self.code, self.message, self.context)


def _rebuild(
    kind: type[VampdError], code: str, message: str, context: dict[str, object]
) -> VampdError:
    return kind(code, message, **context)


class ConfigError(VampdError):
    """The configuration cannot be used: exit status 78, and systemd does not restart."""

    exit_status = EXIT_CONFIG


class UsageError(VampdError):
    """A command was asked for something that does not exist or does not apply."""

    exit_status = EXIT_USAGE


class TransientError(VampdError):
    """The world was not ready: the night waits, and is retried with backoff."""


def no_threads(what: str, error: RuntimeError) -> TransientError:
    """The error for a thread that the system has no room for."""
    return TransientError(
        "no_threads",
        f"no thread for {what}: {error}; allow the service more processes and threads (TasksMax=,"
        " `ulimit -u`)",
    )


class RemoteUnavailable(TransientError):
    """The archive host, or the folder there, could not be reached."""


class ArchiveUnknown(RemoteUnavailable):
    """A destination that is not known to be the archive: unmounted, exchanged, or never seen.

    Nothing is written there; the night waits, however long, until a person has looked.
    """


class ArchiveUnreadable(TransientError):
    """A file of the archive copy that cannot be read there now; whether it is damaged is open."""


class RootUnknown(TransientError):
    """The root of the nights is not the one on record: unmounted, exchanged, or never seen.

    Nothing is concluded from what lies there, or does not; nights wait until it is back.
    """


class DiskFull(TransientError):
    """A file system has no space or no inodes left."""


class NotPermitted(TransientError):
    """This user may not do that with a file or folder: a person has to change it, or its owner."""


class FrameIdsUnavailable(TransientError):
    """The frame-ID authority gave no IDs."""


class WorkerLost(TransientError):
    """A worker process died or exceeded its deadline; its action costs a retry."""


class DataError(VampdError):
    """The data are not what they must be: a cube is set aside, or the night is held."""


class MalformedCube(DataError):
    """One raw cube cannot be used; it alone is set aside, with ``code`` as the reason."""


class DigestMismatch(DataError):
    """Bytes that must be equal are not."""


class FrameIdConflict(DataError):
    """Two records of the frame IDs contradict each other; no ID may be granted."""


class Stuck(DataError):
    """Executing a plan did not change what remains to be done."""


class StateError(VampdError):
    """A move that the state machine lacks: the work is dropped."""


class IllegalTransition(StateError):
    """The event does not apply in this status."""


class ClaimLost(StateError):
    """The night was taken from this attempt (held, retried) while it ran."""


class StoreError(VampdError):
    """The database cannot be opened or trusted. vampd stops; it never creates a new one."""
