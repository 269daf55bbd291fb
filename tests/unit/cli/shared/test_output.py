"""Tables in pipes, and prose on terminals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vampd.cli.shared import output
from vampd.cli.shared.output import Column, align_columns, fold, write_table

COLUMNS = (Column("date"), Column("frames", align_right=True), Column("note"))
words = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="`"),
    min_size=1,
    max_size=12,
)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert align_columns(COLUMNS, [("20251106", "7", "a long note"), ("x", "12345678", "")]) == [
        "date        frames  note",
        "20251106         7  a long note",
        "x         12345678",
    ]


def test_a_table_without_titles_has_no_title_line() -> None:
    assert align_columns((Column(), Column()), [("a", "b")]) == ["a  b"]


@pytest.mark.parametrize("titles", [("",), ("note",), ("", ""), ("date", "note")])
def test_a_terminal_shows_every_row_of_a_table_of_however_many_columns(
    titles: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    rows = [("20251106", "safe")[-len(titles) :], ("20251107", "held")[-len(titles) :]]
    write_table([Column(title, style_of=lambda _: "dim") for title in titles], rows)
    shown = [tuple(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert shown == ([titles] if any(titles) else []) + rows


def test_a_last_column_of_figures_stands_as_the_others_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [Column(title, align_right=True) for title in ("angle", "skipped")]
    rows = [("0", "7"), ("22.5", "12")]
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    # The second has no room for prose.
    for width in ("80", "20"):
        monkeypatch.setenv("COLUMNS", width)
        write_table(columns, rows)
        assert capsys.readouterr().out.splitlines() == align_columns(columns, rows)


def test_a_path_is_not_broken_where_it_has_room_below(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"/{'x' * 60}"
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    write_table([Column("key"), Column("value")], [("a" * 20, "short"), ("b", path)])
    assert capsys.readouterr().out.splitlines() == [
        f"{'key':20}  value", f"{'a' * 20}  short", "b", f"    {path}",
    ]  # fmt: skip


@given(st.lists(st.tuples(words, words, words), max_size=5))
def test_every_row_is_one_line_whose_cells_come_back(rows: list[tuple[str, str, str]]) -> None:
    lines = align_columns(COLUMNS, rows)
    assert [tuple(line.split()) for line in lines[1:]] == rows


@given(st.lists(words, min_size=1), st.integers(0, 3), st.integers(20, 160))
def test_folded_prose_keeps_its_words_whole_and_in_order(
    shown: list[str], indent: int, width: int
) -> None:
    lines = fold(" " * indent + " ".join(shown), width)
    assert " ".join(lines).split() == shown
    assert lines[0].startswith(" " * indent)
    # Only a word that is longer than a line stands out of it.
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)


def test_a_command_is_not_broken() -> None:
    shown = "look at `vampctl why 20251106`, then go on"
    assert fold(shown, 32) == ["look at `vampctl why 20251106`,", "    then go on"]
    assert fold(shown, 20) == ["look at", "    `vampctl why 20251106`,", "    then go on"]


def test_what_goes_on_stands_further_in() -> None:
    assert fold("  removes  vgen2: 29 files", 20) == ["  removes  vgen2: 29", "      files"]
