"""What is told when: once by night and code, again after a day, and when it is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from vampd.model.alarm.trouble import AlarmState, Trouble

_AGAIN_AFTER_S = 86_400.0
# What comes back sooner was not over: a person who tries again is not told of each attempt.
_OVER_AFTER_S = 600.0


@dataclass(frozen=True)
class Told:
    """That something was told by one way, last at ``at``, in unix seconds.

    ``over_at`` is when it was over, and that was told to whoever wants to know.
    """

    way: str
    state: str
    subject: str
    code: str
    at: float
    over_at: float | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What was told, as a `Trouble` names it."""
        return (self.state, self.subject, self.code)


@dataclass(frozen=True)
class WhatToTell:
    """What one way is to tell now; ``ended`` ends on record whether or not it is told."""

    troubles: tuple[Trouble, ...]
    over: tuple[Told, ...]
    ended: tuple[Told, ...]


def decide(
    told: Sequence[Told],
    troubles: Sequence[Trouble],
    states: Collection[AlarmState],
    gone_s: Mapping[str, float],
    now: float,
) -> WhatToTell:
    """What to tell by a way that is asked for these states, and what of it was told.

    ``gone_s`` is for how long subjects that were told have had no trouble at all, seconds on a
    clock that nobody sets. What was told at a time that is yet to come counts as told just now, for
    a day: the clock was set back.
    """
    live = {one.key: one for one in told if one.over_at is None}
    wanted = tuple(
        trouble
        for trouble in troubles
        if trouble.state in states
        and (trouble.key not in live or abs(now - live[trouble.key].at) >= _AGAIN_AFTER_S)
    )
    # Another trouble of the same subject is no end of it: codes may alternate.
    ended = tuple(one for one in live.values() if gone_s.get(one.subject, 0.0) >= _OVER_AFTER_S)
    return WhatToTell(wanted, ended if AlarmState.RECOVERED in states else (), ended)
