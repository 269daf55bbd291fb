"""Laws of formatting cards, over random cards and every form of the instrument's dictionary.

astropy judges what a card says, Python's printf how a number looks.
"""

from __future__ import annotations

import re
import warnings
from decimal import Decimal
from itertools import cycle, product

from astropy.io import fits
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.support.builders.framelists import times_of
from tests.support.builders.headers import instrument_dictionary
from vampd.model.cubes import (
    Card,
    Cards,
    Framelist,
    FrameRange,
    Number,
    ProductOrder,
    Undefined,
    apply_edits,
)
from vampd.model.headers import (
    Form,
    FormKind,
    format_card,
    format_cards,
    is_standard_card,
    parse_form,
)
from vampd.model.nights import FileStamp

DICTIONARY = instrument_dictionary()
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)

forms = st.one_of(
    st.sampled_from(sorted({str(entry.form) for entry in DICTIONARY.entries.values()})),
    st.builds("%{}.{}f".format, st.integers(0, 30), st.integers(0, 20)),
    st.builds("%-{}s".format, st.integers(0, 75)),
    st.builds("%-{}.{}s".format, st.integers(0, 75), st.integers(0, 75)),
).map(parse_form)

numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,12}([EeDd][+-]?[0-9]{1,5})?", fullmatch=True),
)
strings = st.text(PRINTABLE, max_size=68).map(
    lambda text: f"'{text.replace(chr(39), chr(39) * 2)}'"
)
fields = st.one_of(
    numbers, strings, st.sampled_from(["T", "F", ""]), st.text(PRINTABLE, max_size=70)
)
comments = st.one_of(
    st.just(""),
    st.text(PRINTABLE, max_size=70).map(" / {}".format),
    st.tuples(st.sampled_from(["pixel", "deg C", "%", ""]), st.text(PRINTABLE, max_size=60)).map(
        lambda parts: f" / [{parts[0]}] {parts[1]}"
    ),
)


@st.composite
def card_texts(draw: st.DrawFn, keywords: st.SearchStrategy[str]) -> str:
    """80 characters behind a value indicator: aligned, not aligned, whole or cut off."""
    field = draw(fields)
    aligned = draw(st.sampled_from([field, field.rjust(20), field.ljust(20), f"   {field}"]))
    text = f"{draw(keywords):<8}= {aligned}{draw(comments)}"
    return text[:80].ljust(80)


cards = card_texts(st.just("X_VALUE")).map(Card)


def astropy_value(card: Card) -> object:
    """The value as astropy reads it; None if it does not read any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = fits.Card.fromstring(card.text).value
        except (fits.VerifyError, ValueError):
            return None
    return None if isinstance(value, fits.Undefined) else value


@given(cards, forms)
def test_doing_it_twice_equals_doing_it_once(card: Card, form: Form) -> None:
    once = format_card(card, form)
    twice = format_card(once.card, form)
    assert twice.card is once.card
    assert twice.problem == once.problem


@given(cards, forms)
def test_a_card_with_a_problem_stays_and_one_without_is_in_form(card: Card, form: Form) -> None:
    result = format_card(card, form)
    if result.problem is not None:
        assert result.card is card
        return
    value, text = result.card.value, result.card.text
    match form.kind:
        case _ if isinstance(value, Undefined):
            assert result.card is card
        case FormKind.LOGICAL:
            assert text[10:30] in (f"{'T':>20}", f"{'F':>20}")
        case FormKind.STRING:
            assert isinstance(value, str)
            quoted = value.ljust(form.width).replace("'", "''").ljust(8)
            assert text[10:].startswith(f"'{quoted}'")
            assert form.precision is None or len(value) <= form.precision
        case FormKind.REAL:
            pattern = rf" *-?\d+\.\d{{{form.precision}}}" if form.precision else r" *-?\d+"
            field = text[10:30] if text[30] in " /" else text[10:].split(" ")[0].split("/")[0]
            assert re.fullmatch(pattern, field)
            assert len(field) >= 20
        case FormKind.INTEGER:
            field = text[10:30] if text[30] in " /" else text[10:].split(" ")[0].split("/")[0]
            assert re.fullmatch(r" *-?\d+", field)
            assert len(field) >= 20


@given(cards, forms)
def test_no_value_changes_beyond_the_rounding_of_its_form(card: Card, form: Form) -> None:
    after = format_card(card, form).card
    old, new = card.value, after.value
    assert type(new) is type(old)
    if not isinstance(old, Number) or not isinstance(new, Number):
        assert new == old or isinstance(old, Undefined)
        return
    if new.text == old.text:
        return
    before, now = (Decimal(one.text.upper().replace("D", "E")) for one in (old, new))
    assert abs(now - before) <= Decimal(5).scaleb(-1 - (form.precision or 0))
    assert form.kind is FormKind.REAL or now == before
    assert bool(now) == bool(before)


@given(cards, forms)
def test_astropy_reads_the_same_value(card: Card, form: Form) -> None:
    # Of '' / 'x' astropy makes one string; in the standard the first two quotes are all of it.
    assume("'" not in card.comment)
    after = format_card(card, form).card
    old, new = astropy_value(card), astropy_value(after)
    if isinstance(old, bool | str) or old is None:
        assert after == card or (type(new) is type(old) and new == old)
    elif isinstance(old, int | float) and after != card:
        assert isinstance(new, int | float)
        # Half a unit of the last decimal, and what a double cannot hold.
        allowed = 0.5 * 10.0 ** -(form.precision or 0) + 1e-12 * abs(old)
        assert abs(new - old) <= allowed


@given(cards, forms)
def test_keyword_and_unit_stay_and_a_comment_is_cut_only_at_its_end(card: Card, form: Form) -> None:
    after = format_card(card, form).card
    assert len(after.text) == 80
    assert after.keyword == card.keyword
    assert card.comment.startswith(after.comment)
    if after.comment != card.comment:
        assert len(f"{after.text.rstrip()}") >= 77
    unit = re.match(r"\[[^\]]*\]", card.comment)
    assert unit is None or after.comment.startswith(unit[0])


@given(st.integers(-(2**40), 2**40), st.integers(0, 12), st.integers(0, 12))
@example(0, 0, 3)
def test_numbers_that_a_double_holds_exactly_look_as_printf_writes_them(
    mantissa: int, halvings: int, decimals: int
) -> None:
    exact = mantissa / 2**halvings or -0.0
    form = parse_form(f"%20.{decimals}f")
    card = Card(f"X_VALUE = {Decimal(exact):f}".ljust(80))
    result = format_card(card, form)
    if result.problem is not None:
        assert result.problem.code == "card_rounds_to_zero"
        assert exact
        assert not float(f"{exact:.{decimals}f}")
    else:
        assert result.card.text[10:].rstrip() == f"{exact:20.{decimals}f}"


unlisted = ("CONTINUE", "COMMENT", "NAXIS1", "OTHER", "")
keywords = st.sampled_from([*sorted(DICTIONARY.entries), *unlisted])


# The same card may stand twice, and a string may go on from either.
headers = st.lists(card_texts(keywords), max_size=6).flatmap(
    lambda texts: st.lists(st.sampled_from([*texts, "CONTINUE  'x'".ljust(80)]), max_size=12)
)


@given(st.one_of(headers, st.lists(card_texts(keywords), max_size=12)))
@example(["OBJECT  = 'a &'".ljust(80), "CONTINUE  'b'".ljust(80), "OBJECT  = 'a &'".ljust(80)])
def test_a_header_is_repaired_once_and_only_where_the_dictionary_says(texts: list[str]) -> None:
    header = Cards(tuple(texts))
    edits = format_cards(header, DICTIONARY).edits
    before = Framelist(
        name="x",
        order=ProductOrder(1, 1, ""),
        sources=(FileStamp("vcam1/x.fits", 2880, 1),),
        ranges=(FrameRange("vcam1/x.fits", 0, 1),),
        notes=(),
        cards=header,
        times=times_of(1),
    )
    after = apply_edits(before, edits).cards
    assert format_cards(after, DICTIONARY).edits == ()
    for position, (old, new) in enumerate(zip(header, after, strict=True)):
        if old == new:
            continue
        assert old.keyword in DICTIONARY.entries
        assert old.keyword not in ("BSCALE", "BZERO")
        assert position + 1 == len(texts) or not texts[position + 1].startswith("CONTINUE")


ODD_VALUES = (
    *("", "T", "F", "0", "-0", "-0.0", "0.", ".5", "-.5", "1", "+1", "007", "-1.", "1.5", "2.675"),
    *("1E3", "1d3", "1E-9", "-1E-9", "0.00049", "1E69", "1E300", "1E-300", "1E99999", "123456789"),
    *("12345678901234567890", "0.1234567890123456789", "99999.9995", "1E+0000000000000000000002"),
    *(
        "nan",
        "NaN",
        "-nan",
        "inf",
        "-Inf",
        "Infinity",
        "1E",
        "0x10",
        "1,5",
        "1 2",
        "(1, 2)",
        "TRUE",
    ),
    *(
        "''",
        "' '",
        "'1E0657'",
        "'007'",
        "'Infinity'",
        "'nan'",
        "'1e3'",
        "'T'",
        "'-0'",
        "'O''Neill'",
    ),
    *("'a / b'", "'/'", "'  in front'", "'behind     '", "'x", "'x' y", "''''", "'&'", "'é'"),
    *(f"'{'w' * length}'" for length in (8, 9, 12, 16, 17, 30, 50, 51, 66, 68)),
    *(f"'{chr(39) * length}'" for length in (40, 60)),
)
COMMENTS = ("", " /", " / what it is", " / [deg] what it is", f" / {'long ' * 12}", "/no blank")


ALIGNMENTS = ("{}", "{:>20}", "{:<20}")


def test_no_odd_value_of_any_keyword_is_harmed_and_twice_is_once() -> None:
    ways = cycle(product(COMMENTS, ALIGNMENTS))
    texts = [
        f"{keyword:<8}= {alignment.format(value)}{comment}"[:80].ljust(80)
        for (value, keyword), (comment, alignment) in zip(
            product(ODD_VALUES, DICTIONARY.entries), ways, strict=False
        )
    ]
    header = Cards(tuple(texts))
    first = format_cards(header, DICTIONARY)
    new = {old.text: after.text for old, after in first.edits}
    after = Cards(tuple(new.get(text, text) for text in texts))
    again = format_cards(after, DICTIONARY)
    assert again.edits == ()
    assert again.problems == first.problems
    for old, now in zip(header, after, strict=True):
        form = DICTIONARY.entries[old.keyword].form
        assert len(now.text) == 80
        assert type(now.value) is type(old.value)
        if isinstance(old.value, Number) and isinstance(now.value, Number):
            exact, written = (
                Decimal(v.text.upper().replace("D", "E")) for v in (old.value, now.value)
            )
            assert bool(exact) == bool(written)
            assert abs(exact - written) <= Decimal(5).scaleb(-1 - (form.precision or 0))
        elif not isinstance(old.value, Undefined):
            assert old.value == now.value
        assert old.comment.startswith(now.comment)
        assert "[deg]" in now.comment or "[deg]" not in old.comment
    shown = {problem.keyword: str(problem.form) for problem in first.problems}
    assert all(str(DICTIONARY.entries[keyword].form) == form for keyword, form in shown.items())
    standard = {keyword for keyword in DICTIONARY.entries if is_standard_card(keyword)}
    assert standard == {"BSCALE", "BZERO"}
    assert not {old.keyword for old, _ in first.edits} & standard
