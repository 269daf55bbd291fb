"""When a process stood still, told from looks at what it had used.

The looks come from a watcher; nothing here asks the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.benchmarks.process_tree import Usage

# vampd works when it moves more than this; what it reads to look around is less.
_WORKING_BYTES_A_S = 5e6


@dataclass(frozen=True)
class UsageSample:
    """What vampd had used at one moment (monotonic)."""

    at_s: float
    usage: Usage
    loggers_began: bool


@dataclass(frozen=True)
class Standstill:
    """How vampd stood still beside loggers.

    ``begins_after_s`` counts from their first byte, ``goes_on_after_s`` from their last;
    ``cpu`` (of a core) and ``moved`` (bytes a second) are what vampd used in between, and
    ``moved_before`` what it moved while it worked.
    """

    begins_after_s: float
    goes_on_after_s: float
    cpu: float
    moved: float
    moved_before: float


def goes_on_at(looks: Sequence[UsageSample], ended_s: float) -> float | None:
    """When vampd was first seen at work after the loggers' end, None if it was not yet."""
    return next((at_s for at_s in _works_at(looks) if at_s > ended_s), None)


def find_standstill(looks: Sequence[UsageSample], ended_s: float) -> Standstill:
    """Evaluate looks from before the loggers' first byte to after the end of the standstill.

    ValueError if vampd never went on, or the loggers never began.
    """
    goes_on_s = goes_on_at(looks, ended_s)
    began = next((place for place, look in enumerate(looks) if look.loggers_began), 0)
    if goes_on_s is None or not began:
        raise ValueError("the looks do not reach from before the standstill to behind it")
    before, during = looks[:began], [look for look in looks[began:] if look.at_s <= ended_s]
    began_s = looks[began].at_s
    # Whatever it does later, too, counts as not yet standing still.
    still_s = max(_works_at(during), default=began_s)
    cpu, moved = _rates([look for look in during if look.at_s >= still_s])
    return Standstill(
        begins_after_s=still_s - began_s,
        goes_on_after_s=goes_on_s - ended_s,
        cpu=cpu,
        moved=moved,
        moved_before=_rates(before)[1],
    )


def _works_at(looks: Sequence[UsageSample]) -> list[float]:
    """The moments at which vampd had just moved more than a look around takes."""
    return [
        after.at_s
        for before, after in pairwise(looks)
        if _rates((before, after))[1] > _WORKING_BYTES_A_S
    ]


def _rates(looks: Sequence[UsageSample]) -> tuple[float, float]:
    """CPU (of a core) and bytes moved a second, from the first to the last look."""
    used = looks[-1].usage - looks[0].usage
    lasted_s = looks[-1].at_s - looks[0].at_s
    if not lasted_s:
        return 0.0, 0.0
    moved = used.read_bytes + used.written_bytes
    return used.cpu_s / lasted_s, moved / lasted_s
