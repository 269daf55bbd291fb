"""The locks of a night: one for the process that works on it, one to keep the daemon from it."""

from __future__ import annotations

from vampd.config import Settings
from vampd.disk.lock import Lock
from vampd.disk.rights import make_private_folder
from vampd.errors import StateError
from vampd.model.nights import NightId


def night_lock(settings: Settings, night: NightId) -> Lock:
    """The lock of the process that works on this night, vampd or a command; not yet acquired."""
    folder = settings.database.path.parent / "locks"
    make_private_folder(folder)
    return Lock(folder / lock_name(night))


def lock_name(night: NightId) -> str:
    """The name of a night's lock file."""
    return f"{night.date}-{night.kind}.lock"


def foreground_lock(settings: Settings, night: NightId) -> Lock:
    """The lock of a command that keeps the daemon from this night; not yet acquired."""
    lock = night_lock(settings, night)
    return Lock(lock.path.with_suffix(".hand.lock"))


def is_held(lock: Lock) -> bool:
    """Whether this lock is held now."""
    try:
        with lock:
            return False
    except StateError:
        return True
