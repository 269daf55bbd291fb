"""Backoff: rises, stays bounded, spreads, and never gives up."""

from hypothesis import given
from hypothesis import strategies as st

from vampd.model.nights import EventName, RetryPolicy, after_wait, delay_s

jitters = st.floats(0, 1, exclude_max=True)
policies = st.builds(
    RetryPolicy,
    first_delay_s=st.floats(0.01, 1e4),
    factor=st.floats(1, 10),
    max_delay_s=st.floats(0.01, 1e6),
    attempts=st.integers(1, 50),
)


def test_delays_double_from_the_first_to_the_longest():
    policy = RetryPolicy(first_delay_s=10, factor=2, max_delay_s=100)
    delays = [delay_s(policy, attempts, jitter=0.0) for attempts in range(1, 7)]
    assert delays == [10, 20, 40, 80, 100, 100]


@given(policies, st.integers(1, 10_000), jitters)
def test_no_delay_is_longer_than_the_longest_or_much_shorter_than_without_jitter(
    policy, attempts, jitter
):
    plain = delay_s(policy, attempts, jitter=0.0)
    assert 0 < plain <= policy.max_delay_s
    assert 0.75 * plain <= delay_s(policy, attempts, jitter) <= plain


@given(policies, st.integers(1, 200))
def test_a_later_attempt_never_waits_less(policy, attempts):
    assert delay_s(policy, attempts, jitter=0.0) <= delay_s(policy, attempts + 1, jitter=0.0)


def test_nights_that_failed_together_do_not_come_back_together():
    policy = RetryPolicy(first_delay_s=100)
    assert delay_s(policy, 1, jitter=0.1) != delay_s(policy, 1, jitter=0.9)


@given(policies, st.integers(1, 60), st.floats(0, 4e9), jitters)
def test_a_failure_is_retried_later_however_often_it_failed(policy, attempts, now, jitter):
    event = after_wait(policy, attempts, now, jitter)
    assert event.name is EventName.FAILED
    assert event.not_before == now + delay_s(policy, attempts, jitter)
