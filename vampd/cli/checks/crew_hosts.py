"""The hosts that pack for vampd, as their signs on the root show them."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vampd import __version__
from vampd.model.lease import LEASE_PATH, LONGEST_LEASE_BYTES
from vampd.model.proofs import Marked, parse_mark
from vampd.model.roll_call import ROLL_CALL_FOLDER, CrewMember

if TYPE_CHECKING:
    from vampd.config import Settings

SILENT, OTHER_VERSION, OTHER_ROOT = "SILENT", "OTHER VERSION", "OTHER ROOT"


@dataclass(frozen=True)
class SeenHost:
    """A host, how old its sign is in seconds, and what keeps it from packing, "" for nothing."""

    member: CrewMember
    age_s: float
    problem: str


def look_at_hosts(settings: Settings) -> list[SeenHost]:
    """Each host that has left a sign, by name. OSError."""
    from vampd.adapters.crew import read_signs
    from vampd.disk.durable import read_mark_file
    from vampd.disk.leased import read_small_file
    from vampd.disk.machine import clock_ahead_s

    root = settings.watch.root
    try:
        signs = read_signs(root)
    except FileNotFoundError:
        return []
    lease = read_small_file(root / LEASE_PATH, LONGEST_LEASE_BYTES)
    content = read_mark_file(root)
    mark = parse_mark((content or b"").decode("utf-8", "replace"), Marked.ROOT)
    # All of them are written by one clock, that of the file server, and read here by another.
    newest = max([lease[1] if lease else 0.0, *(at for _, at in signs)])
    now = time.time()
    if now - newest >= settings.crew.lost_after_s:
        # None lives, or the two clocks differ; who may not write there does not learn which.
        with suppress(OSError):
            now += clock_ahead_s(root / ROLL_CALL_FOLDER)
    newest = max(now, newest)
    found = []
    for member, at in signs:
        if newest - at >= settings.crew.lost_after_s:
            problem = SILENT
        elif member.version != __version__:
            problem = OTHER_VERSION
        else:
            problem = "" if member.mark == mark else OTHER_ROOT
        found.append(SeenHost(member, newest - at, problem))
    return found
