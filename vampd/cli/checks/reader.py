"""What `vampctl doctor` finds for a member of the group: whether they can look, and ask."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.cli.shared.words import count_of
from vampd.errors import VampdError
from vampd.model.escapes import shell_word

if TYPE_CHECKING:
    from pathlib import Path

    from vampd.config import Settings


def examine_as_reader(settings: Settings) -> Iterator[Finding]:
    """All that concerns who reads and asks; the rest is the owner's to see."""
    from vampd.disk.refusal import user_name
    from vampd.wiring.connections import connect_to_read
    from vampd.wiring.requests import request_folder

    path = settings.database.path
    yield Finding("root", *_readable(settings.watch.root))
    yield Finding("state folder", *_readable(path.parent))
    try:
        with connect_to_read(settings) as connections:
            nights = count_of(len(connections.store.nights()), "night")
            ids = count_of(len(connections.ledger.listing().ids), "frame ID")
    except VampdError as error:
        yield Finding("database", BAD, error.message)
    else:
        yield Finding("database", OK, f"{path} can be read: {nights}")
        yield Finding("ledger", OK, f"{ids} on record; `vampctl frameids` compares them")
    yield Finding("requests", *_askable(request_folder(settings), settings))
    owner = "OWNER"
    with suppress(OSError):
        owner = user_name(path.parent.stat().st_uid)
    yield Finding(
        "all else",
        WARN,
        "archives, space, clocks and mail are the owner's to check:"
        f" `sudo -u {shell_word(owner)} vampctl doctor`",
    )


def _readable(folder: Path) -> tuple[str, str]:
    from vampd.disk.refusal import PathAccess, describe_refused

    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
        if not folder.is_dir():
            return BAD, f"{folder} does not exist, or may not be seen; are you in its group?"
        return BAD, describe_refused(folder, PathAccess.READ)
    return OK, f"{folder} can be read"


def examine_request_folder(folder: Path) -> Finding:
    """Whether the folder of requests is vampd's own."""
    from vampd.disk.rights import find_folder_fault

    check = "requests"
    try:
        fault = find_folder_fault(folder)
    except FileNotFoundError:
        return Finding(check, WARN, f"no {folder} yet: vampd makes it when it starts")
    except OSError as error:
        return Finding(check, BAD, str(error))
    if fault is not None:
        return Finding(check, BAD, fault)
    return Finding(check, OK, f"members of the group of {folder} may ask")


def _askable(folder: Path, settings: Settings) -> tuple[str, str]:
    place = examine_request_folder(folder)
    if place.state != OK:
        return place.state, place.found
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        found = f"only members of the group of {folder} may ask: `usermod -aG`, and log in again"
        return BAD, found
    may = ", ".join(settings.requests.members_may) or "nothing"
    return OK, f"you may ask for: {may} (requests.members_may)"
