"""How often and how soon a failed stage is retried."""

from __future__ import annotations

from dataclasses import dataclass

from vampd.model.nights.state import Event, EventName


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter: ``first_delay_s * factor**n``, at most ``max_delay_s``.

    After ``attempts`` attempts the night counts as needing a person, and is still tried.
    """

    first_delay_s: float = 10.0
    factor: float = 2.0
    max_delay_s: float = 3600.0
    attempts: int = 12


def after_wait(policy: RetryPolicy, attempts: int, now: float, jitter: float) -> Event:
    """The event that a failure of this attempt leads to, however often: FAILED."""
    return Event(EventName.FAILED, not_before=now + delay_s(policy, attempts, jitter))


def delay_s(policy: RetryPolicy, attempts: int, jitter: float) -> float:
    """Seconds to wait after the n-th failed attempt (n >= 1).

    ``jitter`` in [0, 1) subtracts up to a quarter, so that nights that failed together do not
    retry together.
    """
    full: float = policy.first_delay_s * policy.factor ** min(attempts - 1, 64)
    return min(full, policy.max_delay_s) * (1.0 - 0.25 * jitter)
