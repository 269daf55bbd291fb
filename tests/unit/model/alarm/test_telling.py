"""Once by night and code, again after a day, and when it is over."""

from dataclasses import replace

from tests.unit.model.alarm.records import DAY_S, HELD, NOW, UNSAFE
from vampd.model.alarm import AlarmState, Told, WhatToTell, decide, find_troubles

ALL = frozenset(AlarmState)
(HELD_TROUBLE,) = find_troubles([HELD], {})
(UNSAFE_TROUBLE,) = find_troubles([UNSAFE], {})
TOLD = Told("mail", *HELD_TROUBLE.key, NOW)
NOTHING = WhatToTell((), (), ())
LONG = {HELD_TROUBLE.subject: 600.0}


def test_what_is_new_is_told_and_what_was_told_is_not() -> None:
    found = (HELD_TROUBLE, UNSAFE_TROUBLE)
    assert decide([], found, ALL, {}, NOW).troubles == found
    assert decide([TOLD], found, ALL, {}, NOW).troubles == (UNSAFE_TROUBLE,)


def test_another_code_of_the_same_night_is_news() -> None:
    other = replace(HELD_TROUBLE, code="grant_refused")
    assert decide([TOLD], [other], ALL, {}, NOW) == WhatToTell((other,), (), ())


def test_codes_that_alternate_are_told_once_each() -> None:
    other = replace(HELD_TROUBLE, code="grant_refused")
    both = [TOLD, replace(TOLD, code="grant_refused")]
    for trouble in (HELD_TROUBLE, other):
        assert decide(both, [trouble], ALL, {}, NOW + 60) == NOTHING


def test_it_is_told_again_after_a_day() -> None:
    assert decide([TOLD], [HELD_TROUBLE], ALL, {}, NOW + DAY_S - 1) == NOTHING
    assert decide([TOLD], [HELD_TROUBLE], ALL, {}, NOW + DAY_S).troubles == (HELD_TROUBLE,)


def test_a_clock_that_is_set_back_makes_nothing_new_and_hides_nothing_for_ever() -> None:
    for hours in (1, 23):
        assert decide([TOLD], [HELD_TROUBLE], ALL, {}, NOW - hours * 3600) == NOTHING
    year_ago = NOW - 365 * DAY_S
    assert decide([TOLD], [HELD_TROUBLE], ALL, {}, year_ago).troubles == (HELD_TROUBLE,)


def test_it_is_over_when_it_has_been_gone_for_ten_minutes() -> None:
    assert decide([TOLD], [], ALL, {HELD_TROUBLE.subject: 599.0}, NOW) == NOTHING
    assert decide([TOLD], [], ALL, LONG, NOW) == WhatToTell((), (TOLD,), (TOLD,))


def test_what_is_over_is_told_once_and_news_if_it_comes_back() -> None:
    over = replace(TOLD, over_at=NOW)
    assert decide([over], [], ALL, LONG, NOW) == NOTHING
    assert decide([over], [HELD_TROUBLE], ALL, {}, NOW).troubles == (HELD_TROUBLE,)


def test_a_way_is_told_only_of_the_states_that_it_wants() -> None:
    found = (HELD_TROUBLE, UNSAFE_TROUBLE)
    assert decide([], found, {AlarmState.UNSAFE}, {}, NOW).troubles == (UNSAFE_TROUBLE,)
    quiet = decide([TOLD], [], {AlarmState.HELD}, LONG, NOW)
    assert quiet == WhatToTell((), (), (TOLD,))  # it ends on record, and is not told
