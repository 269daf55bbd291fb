"""A product's header is what its raw cube gives, in whatever form a dictionary had it written."""

import pytest

from vampd.model.cubes import Cards, render_card
from vampd.model.headers import Dictionary, Entry, find_other_card, format_cards, parse_form

_VALUES = (
    ("SIMPLE", "T", "conforms"),
    ("EXPTIME", "0.123456789012", "[s] exposure time, and a comment that is cut off"),
    ("DETGAIN", "12.5", ""),
    ("NEGATIVE", "-0.0", ""),
    ("COUNT", "7", "frames"),
    ("OBJECT", "'HD 1''2'", "who"),
    ("U_FLCEN", "T", "enabled"),
)
_HISTORY = "HISTORY vampd 0.3.0, form 2: 7 frames of 1 raw cubes".ljust(80)
PLAIN = Cards((*(render_card(*each).text for each in _VALUES), _HISTORY))
FORMS = {
    "EXPTIME": "%20.6f",
    "DETGAIN": "%10.0f",
    "NEGATIVE": "%20d",
    "COUNT": "%20.2f",
    "OBJECT": "%-30.30s",
    "U_FLCEN": "BOOLEAN",
}


def made(forms: dict[str, str]) -> Cards:
    dictionary = Dictionary({keyword: Entry(parse_form(form)) for keyword, form in forms.items()})
    edits = {old.text: new.text for old, new in format_cards(PLAIN, dictionary).edits}
    return Cards(tuple(edits.get(text, text) for text in PLAIN.texts))


def changed(number: int, text: str) -> Cards:
    texts = list(PLAIN.texts)
    texts[number] = text.ljust(80)
    return Cards(tuple(texts))


@pytest.mark.parametrize("forms", [{}, FORMS, {"DETGAIN": "%20.4f", "OBJECT": "%-3s"}])
def test_what_a_dictionary_wrote_is_made_of_its_plain_cards(forms: dict[str, str]) -> None:
    assert made(forms) != PLAIN or not forms
    assert find_other_card(made(forms), PLAIN) is None


@pytest.mark.parametrize("forms", [{}, FORMS])
@pytest.mark.parametrize("number", range(len(PLAIN.texts)))
def test_a_flipped_bit_in_any_card_is_another_card(forms: dict[str, str], number: int) -> None:
    text = PLAIN.texts[number]
    value = 10 + len(text[10:]) - len(text[10:].lstrip(" -'"))
    for at in (0, value):
        other = changed(number, text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])
        keyword = other.texts[number][:8].rstrip()
        assert find_other_card(made(forms), other) == keyword


def test_a_card_more_or_less_is_another_header() -> None:
    fewer = Cards(PLAIN.texts[:-1])
    assert find_other_card(PLAIN, fewer) == find_other_card(fewer, PLAIN) == "HISTORY"


def test_granted_ids_are_not_the_raw_cubes() -> None:
    stamped = Cards((*PLAIN.texts, render_card("FRAMEID", "'VMPA00000001'").text))
    assert find_other_card(stamped, PLAIN) is None
