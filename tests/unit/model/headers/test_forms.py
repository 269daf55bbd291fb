from decimal import Decimal

import pytest

from tests.support.builders.headers import card
from vampd.model.headers import FormKind, format_card, is_standard_card, parse_form


def formatted(text: str, form: str) -> str:
    result = format_card(card(text), parse_form(form))
    assert result.problem is None
    return result.card.text.rstrip()


@pytest.mark.parametrize(
    ("text", "kind", "width", "precision"),
    [
        ("%20.8f", FormKind.REAL, 20, 8),
        ("%5.01f", FormKind.REAL, 5, 1),
        ("%16.0f", FormKind.REAL, 16, 0),
        ("%9f", FormKind.REAL, 9, 6),
        ("%16d", FormKind.INTEGER, 16, None),
        ("%d", FormKind.INTEGER, 0, None),
        ("%-12s", FormKind.STRING, 12, None),
        ("%-16.16s", FormKind.STRING, 16, 16),
        ("BOOLEAN", FormKind.LOGICAL, 1, None),
    ],
)
def test_a_form_is_read_as_printf_reads_it(text, kind, width, precision):
    form = parse_form(text)
    assert (form.kind, form.width, form.precision, str(form)) == (kind, width, precision, text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "%", "f", "%20.8", "%20.8e", "%20.8g", "%x", "%20.8f ", " %20.8f", "%20.8f\n"),
        *("%-20.8f", "%020d", "%+5d", "%-16d", "%20s", "%s", "%-16.s", "%5.d", "%16.2d", "%100d"),
        *("boolean", "BOOLEAN(1)", "%*d", "%ld", "%%", "%20.8f%16d"),
    ],
)
def test_a_form_that_is_not_known_is_refused_by_its_text(text):
    with pytest.raises(ValueError, match="expected a form") as caught:
        parse_form(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("before", "form", "after"),
    [
        ("AIRMASS = 1.1 / x", "%20.3f", "AIRMASS =                1.100 / x"),
        ("AIRMASS = 1 / x", "%20.3f", "AIRMASS =                1.000 / x"),
        ("AIRMASS =                 1.1", "%5.01f", "AIRMASS =                  1.1"),
        ("AIRMASS = +.5E+01", "%6.2f", "AIRMASS =                 5.00"),
        ("AIRMASS = 1.5D-3", "%20.8f", "AIRMASS =           0.00150000"),
        ("AIRMASS = 1.5d3", "%20.1f", "AIRMASS =               1500.0"),
        ("AIRMASS = 2.5", "%20.0f", "AIRMASS =                    2"),
        ("AIRMASS = 3.5", "%20.0f", "AIRMASS =                    4"),
        # In binary it is 2.67499999..., on the card it is not.
        ("AIRMASS = 2.675", "%20.2f", "AIRMASS =                 2.68"),
        ("AIRMASS = -0.0", "%20.3f", "AIRMASS =               -0.000"),
        # What is in form so far, but goes on.
        ("AIRMASS = 1234567890123456.1234", "%20.3f", "AIRMASS = 1234567890123456.123"),
        ("AIRMASS = 0E999999", "%20.3f", "AIRMASS =                0.000"),
        ("AIRMASS = -0.0", "%20d", "AIRMASS =                    0"),
        ("AIRMASS = 5.0", "%20d", "AIRMASS =                    5"),
        ("AIRMASS = 1.2E3", "%5d", "AIRMASS =                 1200"),
        ("AIRMASS = +007", "%5d", "AIRMASS =                    7"),
        ("EXTTRIG = T / x", "BOOLEAN", "EXTTRIG =                    T / x"),
        ("EXTTRIG =                     F", "BOOLEAN", "EXTTRIG =                    F"),
        ("OBJECT  = 'M 31' / x", "%-8s", "OBJECT  = 'M 31    '           / x"),
        ("OBJECT  = 'M 31' / x", "%-2s", "OBJECT  = 'M 31    '           / x"),
        ("OBJECT  = 'M 31'", "%-16.16s", "OBJECT  = 'M 31            '"),
        ("OBJECT  =    'M 31'", "%-12s", "OBJECT  = 'M 31        '"),
        ("OBJECT  =  'sixteen letters!'", "%-16.16s", "OBJECT  = 'sixteen letters!'"),
        ("OBJECT  = '  M 31'", "%-12s", "OBJECT  = '  M 31      '"),
        ("OBJECT  = ''", "%-12s", "OBJECT  = '            '"),
        ("OBJECT  = 'Barnard''s'", "%-12s", "OBJECT  = 'Barnard''s   '"),
        ("OBJECT  = 'a/b' / c/d", "%-8s", "OBJECT  = 'a/b     '           / c/d"),
        ("OBJECT  = 'M 31            '", "%-8s", "OBJECT  = 'M 31    '"),
    ],
)
def test_a_value_is_written_in_its_form(before, form, after):
    assert formatted(before, form) == after


@pytest.mark.parametrize(
    "value", ["1E0657", "007", "Infinity", "nan", "T", "1e3", "- 1", "/", "''"]
)
def test_a_string_stays_a_string(value):
    before = card(f"OBJECT  = '{value}'")
    after = format_card(before, parse_form("%-30s")).card
    assert isinstance(after.value, str)
    assert after.value == before.value
    assert after.text[10:].startswith(f"'{value}")


def test_a_string_that_is_longer_than_the_width_is_kept_whole():
    text = "OBJECT  = 'NGC 7000 and what surrounds it'"
    assert formatted(text, "%-16s") == text


def test_a_number_that_is_longer_than_its_field_begins_in_column_11():
    assert formatted("X = 1".ljust(8) + "= 123456789012345678.5 / x", "%20.3f") == (
        "X = 1   = 123456789012345678.500 / x"
    )


@pytest.mark.parametrize(
    ("text", "form", "code"),
    [
        ("AIRMASS = 1E-9", "%16.3f", "card_rounds_to_zero"),
        ("AIRMASS = -0.0004", "%16.3f", "card_rounds_to_zero"),
        ("AIRMASS = 0.5", "%16.0f", "card_rounds_to_zero"),
        ("AIRMASS = 1E-9999", "%16.3f", "card_rounds_to_zero"),
        ("AIRMASS = 5.5", "%20d", "card_has_decimals"),
        ("AIRMASS = 1E-9999", "%20d", "card_has_decimals"),
        ("AIRMASS = nan", "%20.3f", "card_not_a_value"),
        ("AIRMASS = -inf / x", "%20.3f", "card_not_a_value"),
        ("AIRMASS = NaN", "%20d", "card_not_a_value"),
        ("AIRMASS = 1.5.5", "%20.3f", "card_not_a_value"),
        ("AIRMASS = 1 2", "%20.3f", "card_not_a_value"),
        ("AIRMASS = (1, 2)", "%20.3f", "card_not_a_value"),
        ("AIRMASS = 1E99999999999999999999999", "%20.3f", "card_not_a_value"),
        ("AIRMASS = 1E999999", "%20.3f", "card_no_room"),
        ("AIRMASS = 1E999999", "%20d", "card_no_room"),
        ("AIRMASS = 1E69", "%20.3f", "card_no_room"),
        ("OBJECT  = 'never closed", "%-30s", "card_not_a_value"),
        ("OBJECT  = 'closed' and more / x", "%-30s", "card_not_a_value"),
        ("OBJECT  = 'seventeen letters'", "%-16.16s", "card_too_long"),
        ("OBJECT  = '" + "''" * 30 + "'", "%-60s", "card_no_room"),
        ("AIRMASS = '1.134'", "%20.3f", "card_wrong_type"),
        ("AIRMASS = '1'", "%20d", "card_wrong_type"),
        ("AIRMASS = T", "%20.3f", "card_wrong_type"),
        ("AIRMASS = T", "%20d", "card_wrong_type"),
        ("OBJECT  = 1.5", "%-8s", "card_wrong_type"),
        ("OBJECT  = T", "%-8s", "card_wrong_type"),
        ("EXTTRIG = 'T'", "BOOLEAN", "card_wrong_type"),
        ("EXTTRIG = 1", "BOOLEAN", "card_wrong_type"),
    ],
)
def test_what_a_form_would_harm_stays_byte_for_byte_and_is_reported(text, form, code):
    before = card(text)
    result = format_card(before, parse_form(form))
    assert result.card is before
    assert result.problem is not None
    assert (result.problem.code, result.problem.keyword) == (code, before.keyword)
    assert result.problem.form == parse_form(form)
    assert form in result.problem.message
    assert before.keyword in result.problem.message


def test_a_problem_shows_the_value_as_it_stands_on_the_card():
    problem = format_card(card("AIRMASS = 1.50E-9 / x"), parse_form("%16.3f")).problem
    assert problem is not None
    assert problem.message == "AIRMASS = 1.50E-9: would be written as zero by %16.3f"
    assert problem.value == "1.50E-9"


@pytest.mark.parametrize("form", ["%20.3f", "%20d", "%-12s", "%-16.16s", "BOOLEAN"])
@pytest.mark.parametrize(
    "text",
    ["AIRMASS =", "AIRMASS =                      / not known", "AIRMASS 1.5", "AIRMASS =1.5"],
)
def test_an_undefined_value_stays_undefined_and_is_no_problem(text, form):
    before = card(text)
    result = format_card(before, parse_form(form))
    assert result.card is before
    assert result.problem is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("AIRMASS =                1.134 / x", "%20.3f"),
        ("AIRMASS =                1.134/x", "%20.3f"),
        ("AIRMASS =                1.134        / x", "%20.3f"),
        ("AIRMASS =                1.134", "%7.3f"),
        ("AIRMASS =               -0.000 / x", "%20.3f"),
        ("OBJECT  = 'M 31        '/ x", "%-12s"),
        ("OBJECT  = 'M 31    '", "%-8s"),
        ("EXTTRIG =                    T /", "BOOLEAN"),
    ],
)
def test_what_is_in_form_is_not_rendered_again(text, form):
    before = card(text)
    result = format_card(before, parse_form(form))
    assert result.card is before
    assert result.problem is None


def test_a_comment_is_cut_at_column_80_and_the_value_never():
    before = "EXP-ID  = '' / " + "x" * 65
    assert format_card(card(before), parse_form("%-12s")).card.text == (
        "EXP-ID  = '            '       / " + "x" * 47
    )


def test_a_value_that_leaves_no_room_for_a_comment_leaves_no_slash_behind():
    name = "x" * 62
    assert formatted(f"OBSERVER=  '{name}' / w", "%-65s") == f"OBSERVER= '{name}   '"
    assert formatted(f"OBSERVER=  '{name}' / w", "%-64s") == f"OBSERVER= '{name}  ' / w"


def test_a_unit_at_the_head_of_the_comment_is_never_cut():
    digits = "1" * 50
    before = card(f"X_LONG  = {digits} / [um] length")
    assert formatted(before.text, "%20.8f") == f"X_LONG  = {digits}.00000000 / [um] len"
    assert formatted(before.text, "%20.12f") == f"X_LONG  = {digits}.{'0' * 12} / [um]"
    result = format_card(before, parse_form("%20.13f"))
    assert result.card is before
    assert result.problem is not None
    assert result.problem.code == "card_no_room"


@pytest.mark.parametrize(
    "keyword",
    [
        *("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS12", "EXTEND", "PCOUNT"),
        *("GCOUNT", "TFIELDS", "TFORM1", "TTYPE1", "END", "BSCALE", "BZERO", "CHECKSUM", "DATASUM"),
        *("ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZTILE3", "ZNAME1", "ZVAL1"),
        *("ZTENSION", "ZPCOUNT", "ZGCOUNT", "ZHECKSUM", "ZDATASUM", "ZQUANTIZ", "ZBLANK"),
    ],
)
def test_cards_of_the_standard_get_no_form(keyword):
    assert is_standard_card(keyword)
    before = card(f"{keyword:<8}= 1")
    assert format_card(before, parse_form("%20.8f")).card is before


@pytest.mark.parametrize("keyword", ["ZD", "NAXISX", "END-STR", "ZNAME", "BZEROS", "TTYPE", "T_X1"])
def test_cards_that_only_look_like_the_standards_get_their_form(keyword):
    assert not is_standard_card(keyword)
    assert formatted(f"{keyword:<8}= 1", "%20.3f") == f"{keyword:<8}=                1.000"


def test_a_rounded_number_is_the_nearest_that_the_form_can_write():
    text = formatted("MJD     =     60985.4305730262 / x", "%20.8f")
    assert text == "MJD     =       60985.43057303 / x"
    assert abs(Decimal("60985.43057303") - Decimal("60985.4305730262")) < Decimal("5e-9")
