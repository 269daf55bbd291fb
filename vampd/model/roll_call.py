"""The roll call: what each host that packs says of itself, in a file on the root."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

ROLL_CALL_FOLDER = ".vampd/crew"
SIGN_EVERY_S = 2.0
LONGEST_SIGN_BYTES = 1 << 20
MOST_HOSTS = 1_000
MOST_SLOTS = 10_000
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_MARK = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[0-9a-f]{16}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,64}")


@dataclass(frozen=True)
class CrewMember:
    """A host that packs; ``beat`` rises with each sign, as long as it lives.

    ``places`` are those that its memory has room for, of ``slots``; ``mark`` is that of the root
    as it sees it. ``done`` has frames and bytes of each order in hand.
    """

    host: str
    version: str
    mark: str
    beat: int
    slots: int
    places: int
    available_bytes: int
    done: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Heard:
    """A member, and when its beat was last new, by the listener's clock."""

    member: CrewMember
    heard_at: float


def listen(
    heard: Mapping[str, Heard], members: Collection[CrewMember], now: float
) -> dict[str, Heard]:
    """What is known of all hosts after another look at their signs; those without one are gone."""
    return {
        member.host: old
        if (old := heard.get(member.host)) and old.member.beat == member.beat
        else Heard(member, now)
        for member in members
    }


def present(
    heard: Mapping[str, Heard], now: float, lost_after_s: float, version: str, mark: str
) -> tuple[CrewMember, ...]:
    """Those who live and may be given orders: of this version, with this root; by host."""
    return tuple(
        each.member
        for _, each in sorted(heard.items())
        if now - each.heard_at < lost_after_s
        and each.member.version == version
        and each.member.mark == mark
    )


def choose_host(places: Mapping[str, int], busy: Mapping[str | None, int]) -> str | None:
    """The host with the most free places, the first by name among equals; None if none has one."""
    free = {host: count - busy.get(host, 0) for host, count in sorted(places.items())}
    host = max(free, key=lambda each: free[each], default=None)
    return host if host is not None and free[host] > 0 else None


def format_sign(member: CrewMember) -> bytes:
    """The text of a host's file."""
    text = {
        "host": member.host,
        "version": member.version,
        "mark": member.mark,
        "beat": member.beat,
        "slots": member.slots,
        "places": member.places,
        "available_bytes": member.available_bytes,
        "done": {name: list(counts) for name, counts in sorted(member.done.items())},
    }
    return json.dumps(text, separators=(",", ":")).encode() + b"\n"


def parse_sign(content: bytes) -> CrewMember | None:
    """The host that a file tells of, None if it tells of none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.keys() != CrewMember.__dataclass_fields__.keys():
        return None
    texts = [(found["host"], _HOST), (found["version"], _VERSION), (found["mark"], _MARK)]
    if not all(isinstance(text, str) and form.fullmatch(text) for text, form in texts):
        return None
    numbers = [found[name] for name in ("beat", "slots", "places", "available_bytes")]
    if not all(_is_count(number) for number in numbers) or found["slots"] > MOST_SLOTS:
        return None
    done = _done(found["done"])
    return None if done is None else CrewMember(**{**found, "done": done})


def _done(found: object) -> dict[str, tuple[int, int]] | None:
    if not isinstance(found, dict) or len(found) > MOST_SLOTS:
        return None
    done = {}
    for name, counts in found.items():
        match counts:
            case [frames, size] if _NAME.fullmatch(name) and _is_count(frames) and _is_count(size):
                done[name] = (frames, size)
            case _:
                return None
    return done


def _is_count(number: object) -> bool:
    return type(number) is int and 0 <= number < 1 << 63
