"""Cards that every reader accepts: what changes, what HISTORY keeps of it, and what stays."""

from __future__ import annotations

import pytest

from vampd.model.cubes import Card, Cards, Nonsense, reported_cards
from vampd.model.cubes.readable_cards import make_readable, without_last_blanks

_STRUCTURE = (
    "SIMPLE  =                    T",
    "BITPIX  =                   16",
    "NAXIS   =                    3",
    "NAXIS1  =                   10",
    "NAXIS2  =                    6",
    "NAXIS3  =                    4",
    "BZERO   =                32768",
)


def header(*texts: str) -> Cards:
    return Cards(tuple(text.ljust(80) for text in (*_STRUCTURE, *texts)))


def readable(*texts: str) -> tuple[list[str], list[str]]:
    """The cards after the structure, and what HISTORY says."""
    made = make_readable(header(*texts))
    assert made.cards.texts[: len(_STRUCTURE)] == header().texts
    assert all(len(text) == 80 and text.isascii() for text in made.cards.texts)
    return [text.rstrip() for text in made.cards.texts[len(_STRUCTURE) :]], list(made.entries)


_SOUND = (
    "OBJECT  = 'HD 1 o''clock'/close by",
    "EMPTY   = ''",
    "AIRMASS = 1.",
    "SMALL   =             -1.5D-05 / in the old way",
    "COUNTS  = 12345678901234567890123",
    "U_SYNC  =                    T / a logical",
    "NOTHING =                      / undefined already",
    "COMMENT = 'no value' / and no nonsense",
    "HISTORY something",
    "        text without a keyword",
    "LONGSTR = 'goes on &'",
    "CONTINUE  'and on &' / comment",
    "CONTINUE  'and ends'",
    "HIERARCH ESO INS NAME = 'x' / not of this observatory",
    "HIERARCH SEEING.R = 0.7",
    "DATE-END= '2024-02-29T23:59:60.5'",
    "DATE-AVG= '29/02/96'",
    "DATETIME= '10:20:30'",
    "ZEROS   = 0.000E-999",
    "ZD      =             12.30000 / not of tiled compression",
    "EQUINOX =               2000.0",
    "DATE    = '2025-11-06T10:20:02'",
)


def test_what_the_standard_allows_keeps_its_bytes() -> None:
    assert readable(*_SOUND) == ([*_SOUND], [])


@pytest.mark.parametrize(
    "field",
    [
        *("NaN", "-inf", "1,5", "1 5", "0x1F", ".", "t", "True", "1E9999", "(1.0, 2.0)", "1.0.0"),
        *("'never closed / here", "'it's", "'abc' def", "nan", "--", "1e"),
        # Numbers so small that readers refuse them.
        *("1E-400", "4.9E-324", "-2.2D-308"),
    ],
)
def test_what_is_no_value_becomes_undefined_and_history_keeps_its_text(field: str) -> None:
    assert readable(f"SEEING  = {field}") == (
        ["SEEING  ="],
        [f"card_not_a_value: SEEING was {field}"],
    )


def test_the_comment_of_an_undefined_value_stays() -> None:
    made, _ = readable("AIRMASS =                  NaN / mean / of the exposure")
    assert made == [f"{'AIRMASS =':30} / mean / of the exposure"]


@pytest.mark.parametrize(
    ("card", "made"),
    [
        ("AIRMASS =              1.0e-05 / small", "AIRMASS =              1.0E-05 / small"),
        ("airmass =                  1.5", "AIRMASS =                  1.5"),
        ("OBJECT  =                    5 / HD", "OBJECT  = '5       '           / HD"),
        ("OBJECT  =                      / none", "OBJECT  = '        '           / none"),
        ("CRVAL1  = '12.5    '", "CRVAL1  =                 12.5"),
        ("CTYPE1X2=                    5", "CTYPE1X2= '5       '"),
        ("PS1     =                    5", "PS1     = '5       '"),
        ("RADESYS1=", "RADESYS1= '        '"),
        ("SSYSOBS_=                    T", "SSYSOBS_= 'T       '"),
        ("EXTVER  = ' 2'", "EXTVER  =                    2"),
        ("HIERARCH eso ins = 5", "HIERARCH ESO INS = 5"),
        ("HIERARCH ESO DAY ='2025-11-06' / UT", "HIERARCH ESO DAY = '2025-11-06' / UT"),
        ("HIERARCH ESO DAY =   '2025-11-06'", "HIERARCH ESO DAY = '2025-11-06'"),
        (f"HIERARCH {'N' * 56} = 1e5 / x", f"HIERARCH {'N' * 56} = 1E5 / x"),
        (f"airmass = {'1' * 64}.e5", f"AIRMASS = {'1' * 64}.E5"),
        (f"AIRMASS = 1e5 / {'x' * 64}", f"AIRMASS = 1E5 / {'x' * 64}"),
    ],
)
def test_a_value_in_the_wrong_form_gets_the_right_one(card: str, made: str) -> None:
    assert readable(card) == ([made], [])


@pytest.mark.parametrize(
    ("card", "made", "said"),
    [
        ("= 'some text' / a = b", "= 'some text' / a : b", "a = b"),
        ("= 'Tau' / a=b=c", "= 'Tau' / a:b:c", "a=b=c"),
        ("= 5 / mode = 'x'", "= 5 / mode : 'x'", "mode = 'x'"),
        ("= / mode = 'x'", "= / mode : 'x'", "mode = 'x'"),
        ("= 'x=3.5e'", "= 'x=3.5e' / = 'text'", "none"),
        ("= 'x=3.5e' / a = b", "= 'x=3.5e' / = 'text'", "a = b"),
    ],
)
def test_the_comment_of_a_long_name_misleads_no_reader_about_its_value(
    card: str, made: str, said: str
) -> None:
    assert readable(f"HIERARCH ESO X {card}") == (
        [f"HIERARCH ESO X {made}"],
        [f"card_comment: ESO.X had {said}"],
    )


@pytest.mark.parametrize(
    "card", ["= 'a=b'", "= 5 / a = b", "= 'text' / a = 'b'", "= T / a=b", f"= 'x' / {'a' * 54} ="]
)
def test_a_comment_that_misleads_no_reader_stays(card: str) -> None:
    assert readable(f"HIERARCH ESO X {card}") == ([f"HIERARCH ESO X {card}"], [])


def test_a_value_that_leaves_no_room_for_a_right_comment_is_in_history_alone() -> None:
    card = f"HIERARCH ESO X = 'x = 5.{'a' * 54}'"
    assert readable(card) == ([], [f"card_dropped: {card}"])


@pytest.mark.parametrize(
    "card",
    [
        *("ZQUANTIZ= 'NO_DITHER'", "ZIMAGE  =                    T", "PCOUNT  =      5"),
        *("TTYPE1  = 'DATA'", "TUNIT7  = 'adu'", "XTENSION= 'IMAGE'", "NAXIS4  = 1"),
        *("NAXIS1  =                   10", "SIMPLE  =       T", "BZERO   =        0"),
        *(
            "END     = 5",
            "END of it",
            "AI MASS = 1.0",
            " AIRMAS = 1.0",
            "AB$C    = 1",
            "AIRMASS =1.0",
        ),
        *("AIRMASS  1.0", "CONTINUE  'of nothing'", "HIERARCH nothing", "DATE    = 'yesterday'"),
        *("CRPIX1  =", "EQUINOX = 'J2000'", "EXTEND  = 'x'", "WCSAXES = 1.5", "MJD-OBS = ''"),
        *("BLANK   = 9223372036854775808", "-       = 1", "-X      = 1"),
        # fitsverify looks at the beginning of these.
        *("CRVAL1_1= 'x'", "CRPIX1AB= T", "CD1_X   = 'x'", "PC1_    = 'x'", "PV1     = 'x'"),
        *("RESTFRQ1= 'x'", "LONPOLE_=", "WCSAXES0= 1.5", "PV1X2   = 'x'", "CROTA12Z="),
        *("PTYPE1  = 'x'", "PSCAL1X = 1.0", "PZERO12 = 1.0", "TTYPE1A = 'x'", "TCTYP1  = 'x'"),
        *("NAXIS1A = 5", "NAXIS_  = 5", "TDIM1_1 = 'x'", "TCRVL12 = 1.0", "TSCAL1_X= 5"),
        # fitsverify reads each keyword that begins with DATE.
        *("DATE-END= '2025-02-30'", "DATE    = '2025-11-06T24:00:00'", "DATE-AVG= '29/02/97'"),
        *("DATEX   = 'today'", "DATE_RAW= 5", "DATE-END= '2025-11-06T10:20:61'", "DATELOG ="),
    ],
)
def test_a_card_that_readers_refuse_leaves_the_header_and_history_keeps_it(card: str) -> None:
    assert readable(card) == ([], [f"card_dropped: {card}"])


@pytest.mark.parametrize(
    "card",
    [
        *("HIERARCH END = 5", "HIERARCH ZNAXIS1 = 5", "HIERARCH NAXIS1 = 5", "HIERARCH BZERO = 0"),
        *("HIERARCH FRAMEID = 'x'", "HIERARCH U_FLC = 'B'", "HIERARCH ut = 1", "HIERARCH END=5"),
        *("HIERARCH RET-ANG1 = 5", "HIERARCH CONTINUE = 'x'", "HIERARCH COMMENT = 1"),
        *("HIERARCH HIERARCH X = 5", "HIERARCH HIERARCHY = 5", "HIERARCH NAXIS X = 5"),
        *("HIERARCH EXTNAME = 'x'", "HIERARCH CHECKSUM = 'x'", "HIERARCH DATASUM = 5"),
        *("HIERARCH A?B = 1", "HIERARCH ESO * = 1", "HIERARCH ESO 'q' = 1", "HIERARCH -X = 1"),
        *("HIERARCH= 5", "HIERARCH= =1", "HIERARCH = 5", "u_flc   = 'B'", "bzero   = 0"),
        *("naxis1  = 5", "mjd     = 1", "ret-ang1= 5"),
        *("continue= 'x'", "comment = 'x'", "history = 5", "hierarch= 5"),
    ],
)
def test_what_is_another_card_for_readers_alone_leaves_the_header(card: str) -> None:
    texts = [text.ljust(80) for text in (card, "BZERO   = 32768", "U_FLC   = 'A'", "RET-ANG1= 1")]
    made = make_readable(Cards((*header().texts[:6], *texts)), ["RET-ANG1"])
    assert made.cards.texts == (*header().texts[:6], *texts[1:])
    assert made.entries == (f"card_dropped: {card}",)


@pytest.mark.parametrize(
    "card",
    [
        *("PCOUNT  =                    0 / no", "GCOUNT  = 1", "GROUPS  =   F", "BLOCKED = T"),
        *("ZHECKSUM= 'E5APG50ME57ME57M'", "ZDATASUM= '1645634113'"),
    ],
)
def test_a_card_that_says_what_is_so_anyway_goes_without_a_word(card: str) -> None:
    assert readable(card) == ([], [])


@pytest.mark.parametrize("keyword", ["CRVAL1", "EQUINOX", "CD1_1B"])
def test_a_number_that_readers_need_defined_is_left_out_rather_than_undefined(keyword: str) -> None:
    assert readable(f"{keyword:8}= NaN") == ([], [f"card_not_a_value: {keyword} was NaN"])


@pytest.mark.parametrize(
    "keyword",
    [
        *("MJD", "MJD-STR", "UT-END", "HST", "U_FLC", "U_SYNC", "DATE-OBS", "FRAMEID", "EXP-ID"),
        "RET-ANG1",
    ],
)
def test_a_keyword_that_vampd_sets_stands_once(keyword: str) -> None:
    cards = [f"{keyword:8}= '2025-11-0{n}'" for n in (1, 2, 3)]
    made = make_readable(header(*cards), ["RET-ANG1"])
    assert [text.rstrip() for text in made.cards.texts[len(_STRUCTURE) :]] == cards[:1]
    assert not made.entries


def test_other_keywords_may_repeat_and_are_reported_where_their_cards_differ() -> None:
    cards = ["OBJECT  = 'a       '", "SEEING  = 1", "OBJECT  = 'b       '", "SEEING  = 1"]
    assert readable(*cards) == (cards[:3], ["card_repeated: OBJECT stands 2 times"])


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        ("OBJECT2 = 'a'", "OBJECT2 = 5", 0),
        ("SEEING  = 1.0", "SEEING  = T", 0),
        ("SEEING  = 1.0", "HIERARCH SEEING = 'x'", 0),
        ("SEEING  = 1.0", "SEEING  =", 0),
        ("SEEING  =  / not yet", "SEEING  = 1.0", 1),
        ("SEEING  =  / not yet", "SEEING  =  / not now", 1),
    ],
)
def test_of_cards_of_one_keyword_with_values_of_two_types_one_stays(
    first: str, second: str, stays: int
) -> None:
    cards = [first, second]
    assert readable(*cards) == ([cards[stays]], [f"card_dropped: {cards[1 - stays]}"])


def test_a_long_name_may_repeat_as_others_do() -> None:
    cards = ["HIERARCH ESO A = 1", "HIERARCH ESO B = 1", "HIERARCH ESO A = 2", "HIERARCH ESO A = 2"]
    assert readable(*cards) == (cards, ["card_repeated: ESO.A stands 3 times"])
    assert readable("SEEING  = 1", "HIERARCH SEEING = 2")[1] == [
        "card_repeated: SEEING stands 2 times"
    ]


@pytest.mark.parametrize("odd", ["\0", "\t", "\n", "\r", "\x1b", "\x1f", "\x7f"])
def test_a_control_character_costs_no_card_that_has_other_text(odd: str) -> None:
    shown = repr(odd)[1:-1]
    assert readable(f"SEEING  = 'a{odd}b' / c") == (
        ["SEEING  = 'a?b' / c"],
        [f"card_not_text: SEEING has ? for control characters, was SEEING  = 'a{shown}b' / c"],
    )
    made, entries = readable(f"SEEING  = 1{odd}", f"SEE{odd}NG  = 1", odd * 80, odd * 80)
    assert made == ["SEEING  =", "", ""]
    assert [entry.partition(":")[0] for entry in entries] == [
        *["card_not_text"] * 3,
        *["card_not_a_value", "card_dropped"],
    ]
    assert Card(f"SEEING  = 1{odd}".ljust(80)).value == Nonsense(f"1{odd}")


@pytest.mark.parametrize("text", ["caf\xe9", "a \xe2\x80\x93 b", "\xa0"])
def test_every_byte_that_is_not_ascii_becomes_a_question_mark(text: str) -> None:
    made, entries = readable(f"OBJECT  = 'x       ' / {text}|")
    assert made == [f"OBJECT  = 'x       ' / {''.join(c if c.isascii() else '?' for c in text)}|"]
    assert entries == ["card_not_ascii: OBJECT has ? for each byte that is not ASCII"]


def test_what_continues_no_string_leaves_the_header() -> None:
    made, entries = readable("AIRMASS = 5", "CONTINUE  'x'", "OBJECT  = 'a&'", "CONTINUE  b")
    assert made == ["AIRMASS = 5", "OBJECT  = 'a&'"]
    assert entries == ["card_dropped: CONTINUE  'x'", "card_dropped: CONTINUE  b"]


def test_blank_cards_at_the_end_go() -> None:
    cards = header("", "OBJECT  = 'x'", *[""] * 41)
    assert without_last_blanks(cards) == header("", "OBJECT  = 'x'")


def test_only_the_products_own_history_reports() -> None:
    own = "HISTORY vampd 0.3.0, form 3: 4 frames of 1 raw cubes"
    cards = header("HISTORY card_dropped: A", own, "HISTORY card_not_a_value: B was NaN")
    assert list(reported_cards(cards)) == [("card_not_a_value", "B", "B was NaN")]
    assert not list(reported_cards(header("HISTORY card_dropped: A")))


@pytest.mark.parametrize(
    ("position", "card", "entries"),
    [
        (0, "SIMPLE  = T", []),
        (
            0,
            "SIMPLE  =                    F / it does",
            ["card_dropped: SIMPLE  =                    F / it does"],
        ),
        (1, "BITPIX  =                  16.", []),
        (1, "BITPIX  = 16 / bits", []),
        (2, "NAXIS   =                   +3", []),
        (3, "NAXIS1  =                  1E1", []),
        (5, "NAXIS3  =                  004/frames", []),
    ],
)
def test_the_structure_is_in_the_fixed_form_that_readers_ask_for(
    position: int, card: str, entries: list[str]
) -> None:
    texts = list(header().texts)
    texts[position] = card.ljust(80)
    made = make_readable(Cards(tuple(texts)))
    assert [text[:30] for text in made.cards.texts] == [text[:30] for text in header().texts]
    comment = card.partition("/")[2].strip()
    assert made.cards.texts[position][30:].strip(" /") == comment
    assert list(made.entries) == entries


def test_a_structure_in_its_form_keeps_its_bytes() -> None:
    texts = [text.ljust(30) + "/no blank".ljust(50) for text in _STRUCTURE]
    texts[1] = texts[1][:30] + " " * 20 + "/ far".ljust(30)
    assert list(make_readable(Cards(tuple(texts))).cards.texts[1:2]) == texts[1:2]


def test_making_readable_twice_changes_nothing() -> None:
    odd = header("AIRMASS = NaN", "x_y     = 5e3", "OBJECT  = 5", "OBJECT  = 6", "ZBLANK  = 1")
    once = make_readable(odd).cards
    again = make_readable(once)
    assert again.cards == once
    assert set(again.entries) <= {"card_repeated: OBJECT stands 2 times"}


@pytest.mark.parametrize(
    "card",
    [
        *(_SOUND[:9]),
        *("AIRMASS = NaN", "X_Y     = 5e3", "x_y     = 5", "OBJECT  = 5", "ZBLANK  = 1"),
        *("LONGSTR = 'goes on &'", "HIERARCH ESO X = 5", "HIERARCH u_flc = 5", "NAXIS4  = 5"),
        *("BITPIX  = 8", "PCOUNT  = 0", "OBJECT  = 'a\x01b'", "OBJECT  = 'caf\xe9'", "BZERO   = 0"),
    ],
)
def test_a_card_that_stands_twice_word_for_word_changes_no_other(card: str) -> None:
    twice = "AIRTEMP = 1".ljust(80)
    made = [make_readable(Cards((*header(card).texts, *[twice] * n))) for n in (1, 2)]
    assert made[0] == made[1]


@pytest.mark.parametrize("position", [0, 3])
def test_a_structure_with_odd_characters_is_made_readable_like_any_card(position: int) -> None:
    texts = list(header().texts)
    texts[position] = texts[position][:34] + "/ \xe9".ljust(46)
    made = make_readable(Cards(tuple(texts)))
    assert made.cards.texts[position] == texts[position].replace("\xe9", "?")
    name = texts[position][:8].rstrip()
    assert made.entries == (f"card_not_ascii: {name} has ? for each byte that is not ASCII",)
