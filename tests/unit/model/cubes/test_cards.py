"""Cards: raw text that is never rendered again, values read as the FITS standard says."""

from pathlib import Path

import pytest

from vampd.model.cubes import (
    UNDEFINED,
    Card,
    Cards,
    Nonsense,
    Number,
    history_card,
    render_card,
    render_string,
    render_value,
)


def card(text: str) -> Card:
    return Card(text.ljust(80))


def cards(*texts: str) -> Cards:
    return Cards(tuple(text.ljust(80) for text in texts))


def test_real_headers_are_cards_of_80_characters_and_stay_as_they_are(real_telemetry: Path) -> None:
    paths = sorted(real_telemetry.rglob("*.header"))
    assert len(paths) == 2
    for path in paths:
        texts = tuple(path.read_text("latin-1").split("\n")[:-1])
        header = Cards(texts)
        assert len(header) == 415
        assert tuple(card.text for card in header) == texts
        assert header.integer("NAXIS3") == 5000
        assert header.string("DETECTOR") == "CRED1 - APAPANE"
        assert header.string("DATA-TYP") == "TEST"
        assert header.boolean("CROPPED") is True
        assert header.number("CRPIX1") == 40.0
        assert not any(isinstance(card.value, Nonsense) for card in header)
        # Putting back what is there changes nothing.
        assert header.replaced([header.card(card.keyword) or card for card in header][:1]) == header


@pytest.mark.parametrize("length", [0, 79, 81])
def test_a_card_has_80_characters(length: int) -> None:
    with pytest.raises(ValueError, match="80 characters"):
        Card("x" * length)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("K       =                    T / yes", True),
        ("K       = F", False),
        ("K       =                   42", Number("42")),
        ("K       =                  -0.", Number("-0.")),
        ("K       =               1.5E-3 / x", Number("1.5E-3")),
        ("K       =               1.5D+3", Number("1.5D+3")),
        ("K       =                   .5", Number(".5")),
        ("K       = ''", ""),
        ("K       = '   '", ""),
        ("K       = '  a  '", "  a"),
        ("K       = 'O''Neil / x' / a slash", "O'Neil / x"),
        ("K       = ''''", "'"),
        ("K       =", UNDEFINED),
        ("K       =                      / nothing", UNDEFINED),
        ("K", UNDEFINED),
        ("K       x                    1", UNDEFINED),
        ("COMMENT = 'no value'", UNDEFINED),
        ("HISTORY = 1", UNDEFINED),
        ("        = 1", UNDEFINED),
        ("K       =                  nan", Nonsense("nan")),
        ("K       =                  inf", Nonsense("inf")),
        ("K       =                 1 2", Nonsense("1 2")),
        ("K       = 'open", Nonsense("'open")),
        ("K       =                 TRUE", Nonsense("TRUE")),
        ("K       = (1., 2.)", Nonsense("(1., 2.)")),
    ],
)
def test_a_value_is_what_the_standard_says(text: str, value: object) -> None:
    assert card(text).value == value


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("K       =                    1 / [us] half / width", "[us] half / width"),
        ("K       = 'a / b' / c", "c"),
        ("K       = 'a'", ""),
        ("K       = 'open / x", ""),
        ("COMMENT a / b", ""),
    ],
)
def test_a_comment_begins_behind_the_first_slash_outside_a_string(text: str, comment: str) -> None:
    assert card(text).comment == comment


def test_undefined_is_told_apart_from_an_empty_string() -> None:
    assert repr(card("K       =").value) == "undefined"
    assert card("K       = ''").value == ""


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12.0), ("+7", 7.0), ("12.", 12.0), ("1d3", 1000.0)]
)
def test_a_number_is_read_however_it_was_written(text: str, value: float) -> None:
    assert float(Number(text)) == value


def test_wrong_types_are_no_values_of_the_wanted_type() -> None:
    header = cards(
        "STR     = '1'",
        "BLANK   = '  '",
        "BIG     = 1E999",
        "HALF    = 1.5",
        "WHOLE   = 2.0",
        "YES     = T",
        "NAN     = nan",
        "UNDEF   =",
    )
    assert [header.string(k) for k in ("STR", "BLANK", "YES", "NONE")] == ["1", None, None, None]
    assert [header.number(k) for k in ("STR", "BIG", "HALF", "NAN", "UNDEF", "YES")] == [
        None,
        None,
        1.5,
        None,
        None,
        None,
    ]
    assert [header.integer(k) for k in ("HALF", "WHOLE", "BIG", "STR")] == [None, 2, None, None]
    assert [header.boolean(k) for k in ("YES", "STR", "WHOLE", "NONE")] == [True, None, None, None]


def test_the_first_card_of_a_keyword_is_the_one_that_is_read_and_replaced() -> None:
    header = cards("A       = 1", "A       = 2", "HISTORY x", "HISTORY y")
    assert header.integer("A") == 1
    changed = header.with_value("A", 3)
    assert [card.value for card in changed][:2] == [Number("3"), Number("2")]
    assert changed.texts[2:] == header.texts[2:]
    assert "A" in header
    assert "B" not in header
    assert header.card("B") is None


def test_a_new_keyword_is_put_behind_all_others_once() -> None:
    header = cards("A       = 1")
    changed = header.replaced([render_card("B", "1"), render_card("B", "2")])
    assert changed.texts == (header.texts[0], render_card("B", "2").text)


def test_a_changed_value_keeps_its_comment_and_a_new_one_gets_the_given() -> None:
    header = cards("A       =                    1 / why", "C       =                    1")
    assert header.with_value("A", 2, "other").card("A") == card(
        "A       =                    2 / why"
    )
    assert (
        header.with_value("B", "x", "new")
        .texts[-1]
        .startswith("B       = 'x       '           / new")
    )
    assert header.with_value("C", True, "given").texts[-1].rstrip().endswith("T / given")


def test_rendered_values_stand_where_fixed_format_wants_them() -> None:
    assert render_card("K", render_value(7)).text[:30] == "K       =                    7"
    assert render_card("K", render_value(True)).text[29] == "T"
    assert render_card("K", render_value("ab")).text.rstrip() == "K       = 'ab      '"


@pytest.mark.parametrize("value", ["", "a", "it's", "''", "x" * 68, "a / b", "  lead"])
def test_a_rendered_string_is_read_back(value: str) -> None:
    assert render_card("K", render_string(value)).value == value


def test_a_string_is_padded_to_its_width_inside_the_quotes() -> None:
    assert render_string("ab", 12) == "'ab          '"
    assert render_string("ab", 3) == "'ab      '"


@pytest.mark.parametrize("value", ["x" * 69, "'" * 35])
def test_a_value_that_does_not_fit_is_refused_and_never_cut(value: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        render_card("K", render_string(value))


def test_a_long_comment_is_cut_and_the_value_is_not() -> None:
    text = render_card("K", render_string("x" * 60), "c" * 90).text
    assert len(text) == 80
    assert card(text).value == "x" * 60


def test_history_holds_72_characters() -> None:
    assert history_card("x" * 72).text == "HISTORY " + "x" * 72
    assert history_card("a").keyword == "HISTORY"
    with pytest.raises(ValueError, match="72"):
        history_card("x" * 73)


def test_appended_cards_stand_behind_all_others_and_may_repeat() -> None:
    header = cards("HISTORY a").appended([history_card("a"), history_card("b")])
    assert [text.rstrip() for text in header.texts] == ["HISTORY a", "HISTORY a", "HISTORY b"]


def test_the_cards_that_are_asked_for_keep_the_headers_order_and_are_the_first_ones() -> None:
    header = cards("A       = 1", "B       = 2", "A       = 3", "C       = 4")
    assert header.only(["C", "A", "NONE", "A"]).texts == (header.texts[0], header.texts[3])
    assert header.only([]).texts == ()
