"""What benchmarks say of their figures: limits, tables, sums; no figure is asserted here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.__main__ import main
from tests.benchmarks.measures import Measure, at_least, at_most, broken, figure, row_of
from tests.benchmarks.process_tree import Usage
from tests.benchmarks.standstill import UsageSample, find_standstill

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS)
def test_a_figure_on_its_limit_keeps_it(number):
    assert at_least(number).holds(number)
    assert at_most(number).holds(number)


@given(NUMBERS, NUMBERS)
def test_limits_of_one_value_part_the_figures(value, found):
    assert at_least(value).holds(found) or at_most(value).holds(found)
    assert (at_least(value).holds(found) and at_most(value).holds(found)) == (value == found)


def test_what_is_no_number_keeps_no_limit():
    assert not at_least(1).holds(float("nan"))
    assert not at_most(1).holds(float("nan"))


def test_a_figure_without_a_limit_is_reported_and_not_judged():
    shown = Measure("wake-ups", 1e9, "a second")
    assert broken([shown]) == []
    assert "holds" not in row_of(shown).lower()


def test_a_broken_limit_is_named_in_the_table_and_at_the_end():
    slow = Measure("packed", 1.2, "x", at_least(2.5), ours="240 MB/s", peer="200 MB/s")
    assert broken([slow]) == ["packed"]
    assert row_of(slow).split() == [
        *("packed", "240", "MB/s", "200", "MB/s", "1.20", "x", ">=", "2.50", "x"),
        *("DOES", "NOT", "HOLD"),
    ]


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0123, "0.012"), (1.2345, "1.23"), (12.345, "12.3"), (12345.6, "12,346"), (0, "0.000")],
)
def test_figures_have_three_digits_or_all_before_the_point(number, shown):
    assert figure(number) == shown


def test_an_unknown_section_is_refused():
    with pytest.raises(SystemExit) as refused:
        main(["compression"])
    assert refused.value.code == 2


def looks(rates, begin):
    """A look a second; between two of them so many bytes are read."""
    found, total = [UsageSample(0.0, Usage(0.0, 0, 0), loggers_began=False)], 0
    for second, rate in enumerate(rates, start=1):
        total += rate
        found.append(UsageSample(float(second), Usage(total / 1e9, total, 0), second >= begin))
    return found


def test_a_standstill_lasts_from_the_last_work_beside_the_loggers_to_the_first_after_them():
    working, looking = 100_000_000, 1_000
    seen = looks([working] * 4 + [working, working, *[looking] * 6] + [looking, working], begin=4)
    found = find_standstill(seen, ended_s=12.0)
    assert found.begins_after_s == 6 - 4
    assert found.goes_on_after_s == 14 - 12
    assert found.moved == looking
    assert found.moved_before == working
    assert found.cpu == pytest.approx(looking / 1e9)


def test_work_in_the_midst_of_a_standstill_means_that_it_had_not_begun():
    working, looking = 100_000_000, 1_000
    seen = looks([working, working, looking, looking, working, looking, working], begin=2)
    assert find_standstill(seen, ended_s=6.0).begins_after_s == 5 - 2


def test_a_vampd_that_never_goes_on_is_no_standstill():
    with pytest.raises(ValueError, match="do not reach"):
        find_standstill(looks([10**8, 10**8, 10, 10], begin=2), ended_s=3.0)
