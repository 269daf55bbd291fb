"""What `vampctl doctor` finds of the alarm: who would be told; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vampd.cli.shared.finding import BAD, OK, WARN, Finding
from vampd.errors import VampdError

if TYPE_CHECKING:
    from pathlib import Path

    from vampd.config import Settings

_TRY = "`vampctl alarm --test` tries it"


def examine_alarm(settings: Settings) -> Iterator[Finding]:
    """One line each of trouble, the heartbeat and the mail of a morning."""
    mail, beat = settings.mail, settings.heartbeat
    if warned := ", ".join(mail.warn_recipients):
        yield Finding("alarm by mail", OK, f"{warned}; {_TRY}")
    for one in settings.notify:
        yield _program(f"alarm by {one.way}", one.command)
    if not (mail.warn_recipients or settings.notify):
        yield Finding("alarm", OK, "no one is told; see mail.warn_recipients and [[notify]]")
    if beat.command:
        yield _program("heartbeat", beat.command)
    elif beat.url_file is not None:
        yield _secret(beat.url_file)
    elif beat.is_set:
        yield Finding("heartbeat", OK, f"a URL, every {beat.every_s:g} s; {_TRY}")
    else:
        yield Finding("heartbeat", OK, "none: no one is told if vampd does not run")
    morning = ", ".join(mail.morning_recipients)
    at = f"{mail.morning_at:%H:%M} {mail.morning_zone or 'in this zone'}"
    found = f"{morning} at {at}" if morning else "no one; see mail.morning_recipients"
    yield Finding("morning mail", OK, found)


def _program(check: str, command: tuple[str, ...]) -> Finding:
    from vampd.adapters.programs import is_installed

    if is_installed(command[0]):
        return Finding(check, OK, f"{command[0]}; {_TRY}")
    found = f"{command[0]} is not installed or not executable: nobody would be told"
    return Finding(check, BAD, found)


def _secret(path: Path) -> Finding:
    from vampd.adapters.credentials import read_secret
    from vampd.config.alarm import parse_url

    if str(path).startswith("/run/credentials/") and not path.exists():
        return Finding("heartbeat", WARN, f"{path} is there only while the service runs")
    try:
        parse_url(read_secret(path))
    except VampdError as error:
        return Finding("heartbeat", BAD, error.message)
    except ValueError as error:
        return Finding("heartbeat", BAD, f"what {path} holds {error}")
    return Finding("heartbeat", OK, f"the URL in {path}; {_TRY}")
