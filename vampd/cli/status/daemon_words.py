"""What is known of vampd itself: in one line, in words, and as an object for programs."""

from __future__ import annotations

from typing import Any

from vampd.cli.shared.words import (
    format_duration,
    format_minute,
    format_moment,
    format_time,
    format_time_or_none,
)
from vampd.model.life_sign import Life, LifeState

_STYLES = {
    LifeState.RUNNING: "green",
    LifeState.SILENT: "bold red",
    LifeState.STOPPED: "bold red",
    LifeState.KILLED: "bold red",
    LifeState.NEVER_SEEN: "bold red",
    LifeState.UNKNOWN: "yellow",
}
_NEVER_SEEN = "none has left a sign beside its database"


def style_of_life(life: Life) -> str:
    """The color of its line; one that is paused, or whose file is refused, as a waiting night."""
    waits = life.sign is not None and (life.sign.is_paused or life.sign.refused is not None)
    return "yellow" if life.state is LifeState.RUNNING and waits else _STYLES[life.state]


def describe_life(life: Life, now: float) -> str:
    """The last line of `status`."""
    sign = life.sign
    if sign is None:
        return _without_sign(life)
    since = _minute(sign.up_since)
    last_sign = f"its last sign of life is of {format_duration(now - sign.seen_at)} ago"
    match life.state:
        case LifeState.RUNNING:
            scanned = sign.scanned_at
            parts = (
                f"vampd {sign.version} up since {since}",
                "paused while cameras write" if sign.is_paused else "",
                "configuration refused" if sign.refused else "",
                "no scan yet" if scanned is None else f"scanned {_ago(scanned, now)}",
                f"crew: {sign.crew}" if sign.crew else "",
            )
            return ", ".join(part for part in parts if part)
        case LifeState.SILENT:
            return f"vampd {sign.version} runs but stands still: {last_sign}"
        case LifeState.UNKNOWN:
            return f"whether vampd runs cannot be told here: {life.why}; {last_sign}"
        case _:
            ended = sign.seen_at if life.ended_at is None else life.ended_at
            how = f": {life.why}" if life.why else ""
            return f"vampd is NOT running since {_minute(ended)}, {_ago(ended, now)}{how}"


def format_rate(bytes_per_s: int) -> str:
    """How fast a host packs: raw in MB/s, without the unit."""
    return f"{bytes_per_s / 1e6:.1f}"


def _without_sign(life: Life) -> str:
    if life.state is LifeState.UNKNOWN:
        return f"whether vampd runs cannot be told: {life.why}"
    return f"vampd is NOT running: {_NEVER_SEEN}"


def life_rows(life: Life, now: float) -> list[tuple[str, str]]:
    """What `vampctl daemon` tells of it, name by name."""
    sign = life.sign
    if sign is None:
        return [("state", _without_sign(life))]
    ended_at = life.ended_at
    rows = [
        ("state", ": ".join(part for part in (_STATES[life.state], life.why) if part)),
        ("version", sign.version),
        ("process", f"{sign.process.pid} on {sign.process.host}"),
        ("up since", format_moment(sign.up_since, now)),
        ("ended", "" if ended_at is None else format_moment(ended_at, now)),
        ("last scan", "" if sign.scanned_at is None else format_moment(sign.scanned_at, now)),
        ("last sign", format_moment(sign.seen_at, now)),
        ("paused", "while cameras write" if sign.is_paused else ""),
        ("does", sign.doing if life.is_running else ""),
        ("crew", (sign.crew or "") if life.is_running else ""),
        ("configuration", sign.configuration or "the demo's"),
        ("refused", sign.refused or ""),
    ]
    return [(name, value) for name, value in rows if value]


_STATES = {
    LifeState.RUNNING: "running",
    LifeState.SILENT: "stands still",
    LifeState.STOPPED: "NOT running, stopped",
    LifeState.KILLED: "NOT running",
    LifeState.UNKNOWN: "cannot be told here",
}


def daemon_object(life: Life, now: float) -> dict[str, Any]:
    """The same for programs; ``running`` is null where it cannot be told."""
    sign = life.sign
    return {
        "state": str(life.state),
        "running": life.is_running,
        "needs_person": life.needs_person(now),
        "why": life.why or None,
        "version": None if sign is None else sign.version,
        "host": None if sign is None else sign.process.host,
        "pid": None if sign is None else sign.process.pid,
        "configuration": None if sign is None else sign.configuration,
        "configuration_refused": None if sign is None else sign.refused,
        "up_since": None if sign is None else format_time(sign.up_since),
        "ended_at": format_time_or_none(life.ended_at),
        "seen_at": None if sign is None else format_time(sign.seen_at),
        "scanned_at": None if sign is None else format_time_or_none(sign.scanned_at),
        "paused": None if sign is None else sign.is_paused,
        "doing": None if sign is None else sign.doing,
        "crew": None if sign is None else sign.crew,
    }


def _minute(time_s: float) -> str:
    return f"{format_minute(time_s)} UT"


def _ago(time_s: float, now: float) -> str:
    return f"{format_duration(now - time_s)} ago"
