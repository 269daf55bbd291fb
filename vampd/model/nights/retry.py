"""How often and how soon a failed stage is retried."""

from __future__ import annotations

from dataclasses import dataclass

from vampd.model.nights.state import Event, EventName


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter: ``first_delay_s * factor**n``, at most ``max_delay_s``.

    After ``attempts`` attempts the night is held.
    """

    first_delay_s: float = 10.0
    factor: float = 2.0
    max_delay_s: float = 3600.0
    attempts: int = 12


def after_wait(policy: RetryPolicy, attempts: int, now: float, jitter: float) -> Event:
    """The event of a failure that nothing but its cause can end: FAILED, however often."""
    return Event(EventName.FAILED, not_before=now + delay_s(policy, attempts, jitter))


def delay_s(policy: RetryPolicy, attempts: int, jitter: float) -> float:
    """Seconds to wait after the n-th failed attempt (n >= 1).

    ``jitter`` in [0, 1) subtracts up to a quarter, so that nights that failed together do not
    retry together.
    """
    full: float = policy.first_delay_s * policy.factor ** min(attempts - 1, 64)
    return min(full, policy.max_delay_s) * (1.0 - 0.25 * jitter)


def after_failure(policy: RetryPolicy, attempts: int, now: float, jitter: float) -> Event:
    """The event that a transient failure of this attempt leads to: FAILED, or HELD at last."""
    if attempts >= policy.attempts:
        return Event(EventName.HELD)
    return after_wait(policy, attempts, now, jitter)
