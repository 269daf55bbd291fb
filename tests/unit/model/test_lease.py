"""Who carries out an order goes on only while its daemon lives, counts and names it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.model.lease import (
    PAUSE_AFTER_S,
    STOP_AFTER_S,
    Lease,
    Observed,
    Term,
    Verdict,
    format_lease,
    judge,
    observe,
    parse_lease,
)

TOKEN, OTHER, ORDER = "0" * 16, "1" * 16, "a" * 16
TERM = Term(TOKEN, ORDER, since=5)
LEASE = Lease(TOKEN, 5, orders=frozenset({ORDER}))
NOW = 1_000.0
FRESH = Observed(5, NOW)
NAMES = st.text("0123456789abcdef", min_size=16, max_size=16)
LEASES = st.builds(
    Lease, NAMES, st.integers(0, 1 << 40), st.booleans(), st.frozensets(NAMES, max_size=5)
)


def verdict(lease: Lease | None = LEASE, silent_s: float = 0.0, term: Term = TERM) -> Verdict:
    return judge(term, Observed(5, NOW - silent_s), lease, NOW)


def test_an_order_that_is_named_goes_on() -> None:
    assert verdict() is Verdict.GO
    assert verdict(silent_s=PAUSE_AFTER_S - 0.1) is Verdict.GO


def test_another_daemon_ends_the_orders_of_the_one_before() -> None:
    assert verdict(replace(LEASE, token=OTHER)) is Verdict.STOP


def test_an_order_that_is_named_no_more_ends() -> None:
    assert verdict(replace(LEASE, orders=frozenset())) is Verdict.STOP
    assert verdict(replace(LEASE, orders=frozenset({OTHER}))) is Verdict.STOP


def test_an_order_that_came_before_the_lease_that_names_it_waits_for_that() -> None:
    before = replace(LEASE, count=4, orders=frozenset())
    assert verdict(before) is Verdict.GO
    assert verdict(replace(before, token=OTHER)) is Verdict.STOP


def test_what_the_daemon_pauses_is_paused() -> None:
    assert verdict(replace(LEASE, paused=True)) is Verdict.PAUSE


@pytest.mark.parametrize("lease", [LEASE, None, replace(LEASE, paused=True)])
def test_a_lease_that_stands_still_pauses_and_then_ends(lease: Lease | None) -> None:
    assert verdict(lease, PAUSE_AFTER_S) is Verdict.PAUSE
    assert verdict(lease, STOP_AFTER_S - 0.1) is Verdict.PAUSE
    assert verdict(lease, STOP_AFTER_S) is Verdict.STOP


def test_the_promised_seconds_leave_time_to_look() -> None:
    assert PAUSE_AFTER_S + 4 < 15
    assert STOP_AFTER_S + 4 < 60


def test_only_a_new_count_is_a_sign_of_life() -> None:
    assert observe(FRESH, LEASE, NOW + 9) == FRESH
    assert observe(FRESH, None, NOW + 9) == FRESH
    assert observe(FRESH, replace(LEASE, count=6), NOW + 9) == Observed(6, NOW + 9)
    # One that was restored from elsewhere counts anew.
    assert observe(FRESH, replace(LEASE, count=1), NOW + 9) == Observed(1, NOW + 9)


@given(LEASES)
def test_a_lease_is_read_as_it_was_written(lease: Lease) -> None:
    assert parse_lease(format_lease(lease)) == lease


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "[" * 100_000,
        "\udcff",
        '{"token":"0000000000000000","count":1,"paused":false}',
        '{"token":"../../etc/passwd","count":1,"paused":false,"orders":[]}',
        '{"token":"0000000000000000","count":-1,"paused":false,"orders":[]}',
        '{"token":"0000000000000000","count":true,"paused":false,"orders":[]}',
        '{"token":"0000000000000000","count":1,"paused":0,"orders":[]}',
        '{"token":"0000000000000000","count":1,"paused":false,"orders":[1]}',
        '{"token":"0000000000000000","count":1,"paused":false,"orders":["x"]}',
    ],
)
def test_what_is_no_lease_says_nothing(text: str) -> None:
    assert parse_lease(text.encode("utf-8", "surrogateescape")) is None
