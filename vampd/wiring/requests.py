"""Where requests lie, and who acts on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vampd.config import Settings
from vampd.wiring.connections import Connections

if TYPE_CHECKING:
    from vampd.engine.deeds import Deeds
    from vampd.engine.requests import RequestDesk


def request_folder(settings: Settings) -> Path:
    """The folder that members of the group put requests into."""
    return settings.database.path.parent / "requests"


def open_request_desk(connections: Connections, deeds: Deeds | None = None) -> RequestDesk:
    """What acts on requests, for whoever holds the lock of the database.

    Without ``deeds``, what takes long waits for the daemon.
    """
    from vampd.engine.requests import RequestDesk

    settings = connections.settings
    desk = RequestDesk(
        request_folder(settings),
        connections.answers,
        connections.destinations,
        connections.make_reader(settings),
        deeds,
    )
    desk.prepare()
    return desk
