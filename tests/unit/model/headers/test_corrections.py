"""Corrections: what a line may say, and when it agrees with a card."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.errors import DataError
from vampd.model.cubes import UNDEFINED, Number, Undefined, Value
from vampd.model.headers import (
    Correction,
    format_corrections,
    parse_corrections,
    refuse_keywords,
)

CUBE = "vcam1/vcam1_10:20:00.fits"
ANGLE = Correction(CUBE, "RET-ANG1", "22.5", "67.5", "the log of the plate")
HEADER = format_corrections([])
SPAN = "2025-11-06T10:20:00..2025-11-06T10:25:30.5Z"

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


def refused(text: str) -> str:
    with pytest.raises(DataError) as caught:
        parse_corrections(text)
    assert caught.value.code == "corrections_malformed"
    return str(caught.value)


@given(st.lists(st.tuples(st.text(max_size=20), printable, printable), max_size=5))
def test_what_is_written_is_read(cells: list[tuple[str, str, str]]) -> None:
    rows = tuple(Correction(CUBE, "OBJECT", *each) for each in cells)
    text = format_corrections(rows)
    assert parse_corrections(text).rows == rows
    # A line of an editor elsewhere ends differently, and is the same correction.
    assert parse_corrections(text.replace("\n", "\r\n") + "\r\n").rows == rows


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a\tb", "5 cells"),
        (f"{CUBE}\tOBJECT\ta\tb\t ", "no reason"),
        (f"{CUBE}\tOBJECT\ta\t \tx", "printable ASCII"),
        (f"{CUBE}\tOBJECT\ta\tcaf\u00e9\tx", "printable ASCII"),
        ("vcam3/a.fits\tOBJECT\ta\tb\tx", "expected a cube"),
        ("../a.fits\tOBJECT\ta\tb\tx", "expected a cube"),
        ("2025-11-06T11:00:00..2025-11-06T10:00:00\tOBJECT\ta\tb\tx", "expected a cube"),
        ("yesterday..2025-11-06T10:00:00\tOBJECT\ta\tb\tx", "is no time"),
        ("2025-11-06T10:00:00+10:00..2025-11-06T11:00:00\tOBJECT\ta\tb\tx", "time zone"),
    ],
)
def test_a_line_that_is_none_is_named(line: str, why: str) -> None:
    assert why in refused(f"{HEADER}{line}\n")


def test_a_file_without_the_line_that_names_the_columns_is_refused() -> None:
    assert "first line" in refused("")
    assert "first line" in refused(HEADER.replace("reason", "why"))


def test_a_span_holds_both_its_ends_in_universal_time() -> None:
    begin_us = 1_762_424_400_000_000  # 2025-11-06T10:20:00 UT
    assert Correction(SPAN, "OBJECT", "", "x", "y").span_us == (begin_us, begin_us + 330_500_000)
    assert ANGLE.span_us is None


def test_only_allowed_cards_are_corrected() -> None:
    corrections = parse_corrections(format_corrections([ANGLE]))
    refuse_keywords(corrections, ["RET-ANG1", "OBJECT"])
    for allowed in ([], ["OBJECT"], ["RET-ANG"]):
        with pytest.raises(DataError, match=r"RET-ANG1 may not be corrected"):
            refuse_keywords(corrections, allowed)


@pytest.mark.parametrize(
    ("old", "value", "agrees"),
    [
        ("22.5", Number("22.5"), True),
        ("22.50", Number("22.4999"), True),  # an encoder's last digits are no other angle
        ("22.5", Number("22.52"), False),
        ("", Number("0."), False),
        ("22.5", "22.5", True),
        ("HD 1 ", "HD 1", True),
        ("HD 1", "HD 2", False),
        ("", None, True),
        ("", UNDEFINED, True),
        ("0", UNDEFINED, False),
        ("T", True, True),
        ("F", True, False),
    ],
)
def test_the_old_value_must_be_what_the_card_says(
    old: str, value: Value | Undefined | None, agrees: bool
) -> None:
    assert Correction(CUBE, "OBJECT", old, "x", "y").agrees_with(value) is agrees


def test_a_new_value_has_the_type_of_the_old_one() -> None:
    assert ANGLE.field_for(Number("22.5")) == "67.5"
    assert ANGLE.field_for(None) == "67.5"  # an angle, though no card says so
    assert Correction(CUBE, "OBJECT", "7", "67", "y").field_for("7").strip("' ") == "67"
    for keyword, value in (("RET-ANG1", None), ("EXPTIME", Number("1."))):
        with pytest.raises(DataError, match="is a number"):
            Correction(CUBE, keyword, "", "nan", "y").field_for(value)
    with pytest.raises(DataError, match="Nothing of it was applied"):
        Correction(CUBE, "OBJECT", "", "x" * 90, "y").field_for("a")
