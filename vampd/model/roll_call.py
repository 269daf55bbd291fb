"""The roll call: what each host that packs says of itself in files on the root, also when asked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import isfinite

ROLL_CALL_FOLDER = ".vampd/crew"
SIGN_EVERY_S = 2.0
LONGEST_SIGN_BYTES = 1 << 20
MOST_HOSTS = 1_000
MOST_SLOTS = 10_000
# Probes lie among the signs, where each host changes the folder itself, so that its client looks
# anew. Each has names of its own, by its token; a file that is being placed has one dot more.
_PROBE = ".probe-"
LONGEST_PROBE_BYTES = 1 << 16
# More than people start at once.
MOST_PROBES = 16
# No probe takes so long: what is older was left by one that was killed.
PROBE_IS_OVER_AFTER_S = 600.0
_LONGEST_TEXT = 4096
# So long that the names of probes, which contain it, are names of files.
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,126}[A-Za-z0-9])?")
_MARK = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[0-9a-f]{16}")
_QUESTION = re.compile(rf"{re.escape(_PROBE)}({_NAME.pattern})")
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


def is_host_name(text: str) -> bool:
    """Whether a host can be known by it: up to 128 letters, digits, dots and hyphens."""
    return _HOST.fullmatch(text) is not None


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


class Fault(StrEnum):
    """What a file system does otherwise than packing by several hosts needs."""

    NO_LINK = "no_link"  # a file can have no second name
    LINK_OVERWRITES = "link_overwrites"  # a name that is taken is given all the same
    NO_RENAME = "no_rename"  # what is renamed does not replace what has the name
    NO_LOCK = "no_lock"  # no file can be locked
    LOCK_UNSEEN = "lock_unseen"  # what another host has locked is locked again


_FAULTS = frozenset(fault.value for fault in Fault)


@dataclass(frozen=True)
class Answer:
    """How a host finds the root: its mount, the bytes free there, and its faults.

    ``ahead_s``: how far the disk's clock is ahead of the host's. ``token`` is the question's.
    """

    token: str
    host: str
    kind: str
    options: str
    free_bytes: int
    ahead_s: float
    faults: tuple[Fault, ...] = ()


def question_name(token: str) -> str:
    """The file that asks; ``token`` is of `secrets.token_hex(8)`."""
    return f"{_PROBE}{token}"


def held_name(token: str) -> str:
    """A name that is taken, by a file that whoever asks has locked."""
    return f"{_PROBE}{token}.held"


def answer_name(token: str, host: str) -> str:
    """A host's answer."""
    return f"{_PROBE}{token}.{host}.json"


def tried_name(token: str, host: str, what: str) -> str:
    """What a host tries."""
    return f"{_PROBE}{token}.{host}.{what}"


def questions_in(names: Collection[str]) -> frozenset[str]:
    """The tokens of the probes that ask, of the names in the folder."""
    found = sorted(match[1] for name in names if (match := _QUESTION.fullmatch(name)))
    return frozenset(found[:MOST_PROBES])


def is_of_probe(name: str, token: str = "") -> bool:
    """Whether a name is of the probe with this token, without one of any."""
    begin = f"{_PROBE}{token}"
    return name.startswith((begin, f".{begin}"))


def format_answer(answer: Answer) -> bytes:
    """The text of an answer."""
    return json.dumps(asdict(answer), separators=(",", ":")).encode() + b"\n"


def parse_answer(content: bytes) -> Answer | None:
    """The answer that a file holds, None if it is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    match found:
        case {
            "token": str(token),
            "host": str(host),
            "kind": str(kind),
            "options": str(options),
            "free_bytes": int(free_bytes),
            "ahead_s": float(ahead_s),
            "faults": list(faults),
        } if max(map(len, (token, host, kind, options))) <= _LONGEST_TEXT:
            known = all(isinstance(each, str) and each in _FAULTS for each in faults)
            if free_bytes < 0 or not isfinite(ahead_s) or not known:
                return None
            told = tuple(Fault(each) for each in faults)
            return Answer(token, host, kind, options, free_bytes, ahead_s, told)
    return None
