"""The alarm's parts, from the settings: by which ways it tells whom, and what it feeds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vampd.config import Settings
from vampd.ports import AlarmWay, Heart
from vampd.wiring.connections import Connections
from vampd.wiring.world import low_space_marks

if TYPE_CHECKING:
    from vampd.daemon.alarm import Alarm
    from vampd.engine.alarm.morning import MorningMail
    from vampd.engine.alarm.teller import Teller


def make_ways(settings: Settings, cut: threading.Event) -> tuple[AlarmWay, ...]:
    """All that tell of trouble; commands are ended when ``cut`` is set."""
    from vampd.adapters.alarm.command import TellingCommand
    from vampd.adapters.mail import mailer_of
    from vampd.engine.alarm.mail_way import MailWay

    mail = (MailWay(settings.mail, mailer_of),) if settings.mail.warn_recipients else ()
    return (
        *mail,
        *(
            TellingCommand(one.way, one.states, one.command, one.timeout_s, cut)
            for one in settings.notify
        ),
    )


def make_heart(settings: Settings, cut: threading.Event) -> Heart | None:
    """Whom the heartbeat is sent to, None for nobody."""
    from vampd.adapters.alarm.command import HeartbeatCommand
    from vampd.adapters.alarm.ping import PingedUrl
    from vampd.adapters.credentials import read_secret

    chosen = settings.heartbeat
    if chosen.command:
        return HeartbeatCommand(chosen.command, chosen.timeout_s, cut)
    # Read each time: it may be exchanged while vampd runs.
    where: Callable[[], str]
    if chosen.url_file is not None:
        path = chosen.url_file
        where = lambda: read_secret(path)  # noqa: E731
    elif chosen.url is not None:
        url = chosen.url
        where = lambda: url  # noqa: E731
    else:
        return None
    return PingedUrl(where, chosen.timeout_s, chosen.ca_file)


def make_teller(connections: Connections, is_stopping: Callable[[], bool]) -> Teller:
    """What tells of trouble."""
    from vampd.engine.alarm.teller import Teller

    return Teller(
        connections.store,
        connections.mail_log,
        connections.alarms,
        low_space_marks(connections.settings),
        host_name(),
        is_stopping,
    )


def make_morning(connections: Connections) -> MorningMail:
    """What mails of a morning."""
    from vampd.adapters.mail import mailer_of
    from vampd.engine.alarm.morning import MorningMail

    return MorningMail(
        connections.store, connections.mail_log, connections.alarms, mailer_of, host_name()
    )


def make_alarm(connections: Connections, in_force: Callable[[], Settings | None]) -> Alarm:
    """The alarm of a vampd."""
    from vampd.daemon.alarm import Alarm, AlarmParts
    from vampd.disk.life_signs import look_for_life
    from vampd.engine.alarm.heartbeat import Beating

    stop, cut = threading.Event(), threading.Event()
    database = connections.settings.database.path
    teller = make_teller(connections, stop.is_set)
    parts = AlarmParts(
        teller,
        make_morning(connections),
        Beating(lambda: look_for_life(database, time.time()), lambda: teller.troubles, host_name()),
        lambda settings: make_ways(settings, cut),
        lambda settings: make_heart(settings, cut),
    )
    return Alarm(parts, in_force, stop, cut)


def host_name() -> str:
    """How the messages are signed."""
    return socket.gethostname().partition(".")[0] or "an unnamed host"
