"""What cubes and products are chosen by."""

import pytest

from vampd.errors import DataError, UsageError
from vampd.model.cubes import Cards, Nonsense, Number, Undefined, Value
from vampd.model.headers import Described, Dictionary, HeaderTable, parse_condition, read_table

CARDS: dict[str, Value] = {
    "OBJECT": "HD 1 ",
    "EXPTIME": Number("0.001"),
    "RET-ANG1": Number("22.4997"),
    "U_SYNC": True,
    "U_FLC": "A               ",
    "AIRMASS": Undefined(),
    "STRANGE": Nonsense("nan"),
}
MINUTE_US = 60_000_000
SPAN = (1_762_424_400_000_000, 1_762_424_400_000_000 + MINUTE_US)  # 2025-11-06T10:20:00, a minute
ONE = Described(("vgen2/a.fits.fz", "a.fits.fz"), CARDS.get, SPAN)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("OBJECT=HD 1", True),
        ("OBJECT= HD 1 ", True),
        ("OBJECT=HD 10", False),
        ("OBJECT!=HD 10", True),
        ("OBJECT!=HD 1", False),
        ("U_FLC=A", True),
        ("U_FLC!=D", True),
        ("U_SYNC=T", True),
        ("U_SYNC!=T", False),
        ("EXPTIME=1E-3", True),
        ("EXPTIME=0", False),  # the digits of a short exposure are another exposure
        ("EXPTIME=0.0012", False),
        ("RET-ANG1=22.5", True),
        ("RET-ANG1=22.51", False),
        ("AIRMASS=", True),
        ("AIRMASS=1", False),
        ("MISSING=", True),
        ("MISSING!=", False),
        ("MISSING!=x", True),
        ("STRANGE=nan", True),
        ("EXPTIME=short", False),
        ("2025-11-06T10:20:00..2025-11-06T10:21:00", True),
        ("2025-11-06T10:20:01..2025-11-06T10:21:00", False),
        ("2025-11-06T10:20:00..2025-11-06T10:20:59.9", False),
        ("a.fits.fz", True),
        ("vgen2/a.fits.fz", True),
        ("b.fits.fz", False),
    ],
)
def test_a_condition_holds_of_what_the_cards_say(text: str, holds: bool) -> None:
    assert parse_condition(text).holds(ONE) is holds


@pytest.mark.parametrize("text", ["", " ", "=x", "object=HD 1", "EXPTIME<1", "EXPTIME = 1", "a b"])
def test_what_is_neither_a_card_nor_a_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="keyword in capitals") as refused:
        parse_condition(text)
    assert refused.value.code == "no_condition"


def test_what_has_no_times_is_in_no_span() -> None:
    span = parse_condition("2025-11-06T00:00:00..2025-11-07T00:00:00")
    assert span.holds(ONE)
    assert not span.holds(Described(("a",), CARDS.get, None))


@pytest.mark.parametrize("text", ["yesterday..2025-11-06", "2025-11-06T10:00:00+01:00..2025-11-07"])
def test_a_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="time") as refused:
        parse_condition(text)
    assert refused.value.code == "no_condition"


def test_a_table_reads_back_as_it_was_written() -> None:
    table = HeaderTable(Dictionary({}))
    texts = (
        "OBJECT  = '=HD,1   '",
        "EXPTIME =                0.001",
        "U_SYNC  =                    T",
        "DATA-TYP= 'say ''A'''",
        "AIRMASS =",
    )
    table.add("/archive/20251106/vgen2/=a.fits.fz", Cards(tuple(text.ljust(80) for text in texts)))
    table.add("/archive/20251106/vgen2/b.fits.fz", Cards(("FILTER  = 1".ljust(80),)))
    assert read_table(table.lines()) == {
        "/archive/20251106/vgen2/=a.fits.fz": {
            "OBJECT": "=HD,1",
            "EXPTIME": Number("0.001"),
            "U_SYNC": True,
            "DATA-TYP": "say 'A'",
        },
        "/archive/20251106/vgen2/b.fits.fz": {"FILTER": Number("1")},
    }


@pytest.mark.parametrize("text", ["", "name,OBJECT\n", "path,OBJECT\na\n", "path,A\na,b,c\n"])
def test_what_is_no_table_is_not_read(text: str) -> None:
    with pytest.raises(DataError) as refused:
        read_table(text.splitlines(keepends=True))
    assert refused.value.code == "no_header_table"
