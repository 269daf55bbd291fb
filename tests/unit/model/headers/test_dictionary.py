import pytest

from tests.support.builders.headers import card, cards
from vampd.model.cubes import Cards
from vampd.model.headers import Dictionary, Entry, format_cards, parse_form


def dictionary(**forms: str) -> Dictionary:
    return Dictionary({keyword: Entry(parse_form(form)) for keyword, form in forms.items()})


def test_cards_that_are_not_in_the_dictionary_stay_untouched():
    header = cards(
        ["EXPTIME = 1.5", "exptime = 1.5", "EXPTIMES= 1.5", "  EXPTIME= 1.5", "HISTORY 1"]
    )
    formatted = format_cards(header, dictionary(EXPTIME="%20.3f"))
    assert formatted.edits == ((card("EXPTIME = 1.5"), card("EXPTIME =                1.500")),)
    assert formatted.problems == ()


@pytest.mark.parametrize("keyword", ["BSCALE", "BZERO", "NAXIS3", "CHECKSUM", "PCOUNT", "ZNAXIS1"])
def test_cards_of_the_standard_stay_untouched_though_the_dictionary_lists_them(keyword):
    text = f"{keyword:<8}= 1"
    listed = Dictionary({keyword: Entry(parse_form("%20.8f"))})
    assert format_cards(cards([text]), listed).edits == ()
    assert format_cards(cards([text]), listed).problems == ()


def test_every_card_of_a_keyword_is_formatted_also_the_second_one():
    header = cards(["AIRMASS = 1", "AIRMASS = 2", "AIRMASS = 1"])
    edits = format_cards(header, dictionary(AIRMASS="%20.1f")).edits
    assert [new.text.split()[-1] for _, new in edits] == ["1.0", "2.0", "1.0"]


def test_a_string_that_goes_on_in_the_next_card_stays_untouched():
    header = cards(
        [
            "OBJECT  = 'a name that &'",
            "CONTINUE  'goes on'",
            "OBJECT  = 'short'",
            "CONTINUE",
            "OBJECT  = 'last'",
        ]
    )
    edits = format_cards(header, dictionary(OBJECT="%-12s")).edits
    assert edits == ((card("OBJECT  = 'last'"), card("OBJECT  = 'last        '")),)


def test_a_card_that_equals_one_whose_string_goes_on_stays_too():
    header = cards(["OBJECT  = 'a &'", "CONTINUE  'b'", "OBJECT  = 'a &'", "OBJECT  = 'c'"])
    edits = format_cards(header, dictionary(OBJECT="%-12s")).edits
    assert [old.text.rstrip() for old, _ in edits] == ["OBJECT  = 'c'"]


def test_problems_are_reported_card_by_card_and_leave_no_edit():
    header = cards(["AIRMASS = nan", "AIRMASS = 1", "AIRMASS = 1E-9"])
    formatted = format_cards(header, dictionary(AIRMASS="%20.3f"))
    assert [old.text.split()[2] for old, _ in formatted.edits] == ["1"]
    assert [problem.code for problem in formatted.problems] == [
        "card_not_a_value",
        "card_rounds_to_zero",
    ]


def test_a_header_without_cards_asks_for_nothing():
    assert format_cards(Cards(()), dictionary(AIRMASS="%20.3f")).edits == ()
