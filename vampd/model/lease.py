"""The lease: by which workers on other hosts know that their daemon lives and wants their work.

The daemon replaces a small file on the root each second, and those who work for it read it as
often: nothing is sent, so that a network that splits, a daemon that is killed and one that takes
its place all look alike to a worker. It goes on only while it sees the lease count.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

LEASE_PATH = ".vampd/lease"
# It is written and read once in so long.
LEASE_EVERY_S = 1.0
# Together with a look of a second and with what a file server keeps for three, less than the 15 s
# and 60 s that are promised.
PAUSE_AFTER_S = 10.0
STOP_AFTER_S = 50.0
# More orders than any crew has places.
MOST_ORDERS = 10_000
LONGEST_LEASE_BYTES = 1 << 20
_NAME = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Lease:
    """What a daemon says: the token of its life, a count, and which orders it has in hand."""

    token: str
    count: int
    paused: bool = False
    orders: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Term:
    """What an order goes by: the daemon's token, its own name, and the count that names it first.

    Names are those that `secrets.token_hex(8)` gives.
    """

    token: str
    order: str
    since: int


@dataclass(frozen=True)
class Observed:
    """The count that was seen last, None before any, and when it was new, by the reader's clock."""

    count: int | None
    changed_at: float


class Verdict(StrEnum):
    """What who carries out an order does now."""

    GO = "go"
    PAUSE = "pause"
    STOP = "stop"  # and names nothing any more


def observe(observed: Observed, lease: Lease | None, now: float) -> Observed:
    """What is known after a look; ``lease`` None: it could not be read."""
    if lease is None or lease.count == observed.count:
        return observed
    return Observed(lease.count, now)


def judge(term: Term, observed: Observed, lease: Lease | None, now: float) -> Verdict:
    """What becomes of an order.

    It ends with the lease of another daemon, with one that names it no more, and with one that
    stands still; one that cannot be read counts as standing still.
    """
    if lease is not None and lease.token != term.token:
        return Verdict.STOP
    if lease is not None and lease.count >= term.since and term.order not in lease.orders:
        return Verdict.STOP
    silent_s = now - observed.changed_at
    if silent_s >= STOP_AFTER_S:
        return Verdict.STOP
    if silent_s >= PAUSE_AFTER_S or (lease is not None and lease.paused):
        return Verdict.PAUSE
    return Verdict.GO


def format_lease(lease: Lease) -> bytes:
    """The text of a lease's file."""
    text = {
        "token": lease.token,
        "count": lease.count,
        "paused": lease.paused,
        "orders": sorted(lease.orders),
    }
    return json.dumps(text, separators=(",", ":")).encode() + b"\n"


def parse_lease(content: bytes) -> Lease | None:
    """The lease that a file holds, None if it is none."""
    match _read(content):
        case {
            "token": str(token),
            "count": int(count),
            "paused": bool(paused),
            "orders": list(names),
        }:
            named = _NAME.fullmatch(token) and all(_is_name(each) for each in names)
            if named and not isinstance(count, bool) and count >= 0 and len(names) <= MOST_ORDERS:
                return Lease(token, count, paused, frozenset(names))
    return None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _read(content: bytes) -> object:
    try:
        found: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found
