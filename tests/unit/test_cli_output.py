"""Tables in pipes."""

from hypothesis import given
from hypothesis import strategies as st

from vampd.cli.output import Column, align_columns

COLUMNS = (Column("date"), Column("frames", align_right=True), Column("note"))
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert align_columns(COLUMNS, [("20251106", "7", "a long note"), ("x", "12345678", "")]) == [
        "date        frames  note",
        "20251106         7  a long note",
        "x         12345678",
    ]


def test_a_table_without_titles_has_no_title_line() -> None:
    assert align_columns((Column(), Column()), [("a", "b")]) == ["a  b"]


@given(st.lists(st.tuples(words, words, words), max_size=5))
def test_every_row_is_one_line_whose_cells_come_back(rows: list[tuple[str, str, str]]) -> None:
    lines = align_columns(COLUMNS, rows)
    assert [tuple(line.split()) for line in lines[1:]] == rows
