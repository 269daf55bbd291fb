import pytest

from tests.support.builders.headers import cards
from vampd.model.headers import find_missing


@pytest.mark.parametrize(
    "text",
    [
        "OBJECT  =",
        "OBJECT  =   / not known",
        "OBJECT  = ''",
        "OBJECT  = '   ' / x",
        "OBJECT  'M 31'",
    ],
)
def test_a_card_that_shows_nothing_is_missing(text):
    assert find_missing([cards([text])], ["OBJECT"]) == ("OBJECT",)


@pytest.mark.parametrize("field", ["'M 31'", "0", "F", "nan", "'never closed"])
def test_a_card_that_shows_anything_is_there(field):
    assert find_missing([cards([f"OBJECT  = {field}"])], ["OBJECT"]) == ()


def test_a_card_may_stand_in_any_header_of_a_file():
    headers = [cards(["SIMPLE  = T"]), cards(["OBJECT  = 'M 31'"]), cards(["OBJECT  = ''"])]
    assert find_missing(headers, ["OBJECT", "SIMPLE", "EXPTIME"]) == ("EXPTIME",)


def test_missing_cards_are_reported_once_in_the_order_in_which_they_are_required():
    assert find_missing([cards(["OBJECTS = 1"])], ["ZD", "OBJECT", "ZD"]) == ("ZD", "OBJECT")
    assert find_missing([], ["ZD"]) == ("ZD",)
    assert find_missing([], []) == ()
