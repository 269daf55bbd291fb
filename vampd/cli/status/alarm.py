"""vampctl alarm: whom vampd tells of trouble, what it told, and whether that works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vampd.cli.shared.output import Column, write, write_json, write_lines, write_prose, write_table
from vampd.cli.shared.session import ConfigOption, JsonOption, connected, reading
from vampd.cli.shared.words import format_minute, format_time, format_time_or_none
from vampd.errors import EXIT_NIGHT, UsageError, VampdError

if TYPE_CHECKING:
    from vampd.config import Settings
    from vampd.model.alarm import Told
    from vampd.wiring.connections import Connections

_SENT, _FAILED = "sent", "FAILED"
_WAYS = (Column("way"), Column("tells"), Column("told last, UT"))
_TOLD = (Column("told, UT"), Column("way"), Column("of"), Column("code"))
_OUTCOMES = (
    Column("way"),
    Column("", style_of=lambda cell: "bold red" if cell == _FAILED else "green"),
    Column("what came of it"),
)


def alarm(
    context: typer.Context,
    tests: Annotated[
        bool, typer.Option("--test", help="Send a test by each of them, and say what came of it.")
    ] = False,
    shows_morning: Annotated[
        bool, typer.Option("--morning", help="Show the mail of a morning as it would be now.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show whom vampd tells of trouble, and what it told.

    The ways are mail.warn_recipients, each [[notify]], [heartbeat] and mail.morning_recipients;
    without any, nobody is told. A night is told of once by each way and code, again after a day,
    and when it is over for ten minutes. With --test, which is the owner's, exit status 1 if one of
    them failed; the heartbeat's test says what is so, success or that vampd does not run.
    """
    if tests and (shows_morning or as_json):
        raise UsageError("one_of_them", "--test, --morning or --json, not two of them")
    if tests:
        with connected(context, config) as connections:
            outcomes = list(_test(connections.settings))
        if not outcomes:
            write_prose(_NOBODY)
            return
        write_table(_OUTCOMES, outcomes)
        if any(state == _FAILED for _, state, _ in outcomes):
            raise typer.Exit(EXIT_NIGHT)
        return
    with reading(context, config) as connections:
        if shows_morning:
            write_lines(_morning(connections))
            return
        told = connections.alarms.told()
    ways = list(_describe_ways(connections.settings))
    live = [one for one in told if one.over_at is None]
    if as_json:
        write_json(_object(ways, told))
        return
    if not ways:
        write_prose(_NOBODY)
        return
    last = {one.way: one for one in told}
    write_table(_WAYS, [(name, what, _last(last.get(name))) for name, what in ways])
    if live:
        write("\ntold, and not over:")
        rows = [(format_minute(o.at), o.way, f"{o.subject} {o.state}", o.code) for o in live]
        write_table(_TOLD, rows)


_NOBODY = (
    "nobody is told: the configuration has no [[notify]], no [heartbeat], no mail.warn_recipients"
    " and no mail.morning_recipients"
)


def _last(told: Told | None) -> str:
    if told is None:
        return "-"
    over = told.over_at is not None and told.over_at > told.at
    return f"{format_minute(told.at)} {told.subject} {told.state}{', over' if over else ''}"


def _describe_ways(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each way, and what it tells whom."""
    from vampd.model.alarm import MORNING

    mail, beat = settings.mail, settings.heartbeat
    if mail.warn_recipients:
        yield "mail", ", ".join(mail.warn_recipients)
    for one in settings.notify:
        yield one.way, f"{' '.join(one.states)}: by {one.command[0]}"
    if beat.is_set:
        by = beat.command[0] if beat.command else "a file's URL" if beat.url_file else "its URL"
        yield "heartbeat", f"{' '.join(beat.signals)} every {beat.every_s:g} s, by {by}"
    if mail.morning_recipients:
        zone = mail.morning_zone or "in this machine's zone"
        whom = ", ".join(mail.morning_recipients)
        yield MORNING, f"{whom} at {mail.morning_at:%H:%M} {zone}"


def _object(ways: Sequence[tuple[str, str]], told: Sequence[Told]) -> dict[str, Any]:
    return {
        "ways": [{"way": name, "tells": what} for name, what in ways],
        "told": [
            {
                "way": one.way,
                "state": one.state,
                "about": one.subject,
                "code": one.code,
                "told_at": format_time(one.at),
                "over_at": format_time_or_none(one.over_at),
            }
            for one in told
        ],
    }


def _test(settings: Settings) -> Iterator[tuple[str, str, str]]:
    from vampd.adapters.mail import mailer_of
    from vampd.engine.mailing.warnings import send_warning
    from vampd.model.alarm import MORNING, tell_test
    from vampd.wiring.alarm import host_name, make_heart, make_ways

    stop, mail = threading.Event(), settings.mail
    message = tell_test(host_name())
    described = dict(_describe_ways(settings))
    for way in make_ways(settings, stop):
        yield _outcome(way.name, described[way.name], partial(way.tell, message))
    if (heart := make_heart(settings, stop)) is not None:
        signal, text = _signal(settings)
        if signal in settings.heartbeat.signals:
            yield _outcome("heartbeat", f"{signal}: {text}", lambda: heart.beat(signal, text))
        else:
            yield "heartbeat", _SENT, f"nothing: {signal} is not among heartbeat.signals"
    if whom := mail.morning_recipients:
        subject, body = message.subject, message.body
        yield _outcome(
            MORNING,
            described[MORNING],
            lambda: send_warning(mail, whom, mailer_of, subject, body, time.time()),
        )


def _signal(settings: Settings) -> tuple[str, str]:
    from vampd.config import Signal
    from vampd.disk.life_signs import look_for_life
    from vampd.model.life_sign import LifeState

    life = look_for_life(settings.database.path, time.time())
    if life.state is LifeState.RUNNING:
        return Signal.SUCCESS, "vampd runs; this is a test"
    return Signal.FAIL, "vampd does not run; this is a test"


def _outcome(name: str, what: str, send: Callable[[], object]) -> tuple[str, str, str]:
    try:
        send()
    except VampdError as error:
        return name, _FAILED, error.message
    except OSError as error:
        return name, _FAILED, str(error)
    return name, _SENT, what


def _morning(connections: Connections) -> list[str]:
    from vampd.model.alarm import MORNING, find_troubles, morning_since, write_morning
    from vampd.wiring.alarm import host_name
    from vampd.wiring.world import low_space_marks

    records, now = connections.store.nights(), time.time()
    correspondence = connections.mail_log.correspondence().by_night()
    troubles = find_troubles(
        records,
        correspondence,
        low_space_marks(connections.settings).places(),
        connections.store.unreadable_nights(),
    )
    told = [one for one in connections.alarms.told() if one.way == MORNING]
    since = morning_since(now, told)
    host = host_name()
    written = write_morning(records, correspondence, troubles, since=since, now=now, host=host)
    if written is None:
        return ["no mail: there was no night, and nothing needs a person"]
    subject, body = written
    return [f"Subject: {subject}", "", *body.rstrip("\n").split("\n")]
