"""The table of headers: one row per product, every card, and nothing that a program mistakes."""

from __future__ import annotations

import csv
import hashlib
import itertools
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest
from astropy.table import Table

from tests.support.builders.headers import instrument_dictionary
from vampd.errors import DataError, UsageError
from vampd.fits.tables import writer_of
from vampd.model.cubes import Cards
from vampd.model.headers import PATH_COLUMN, HeaderTable, cell_of, list_table, table_name

_COMMON = (
    "SIMPLE  =                    T",
    "DATA-TYP= 'OBJECT                        '",
    "MJD     =       60985.43056149",
    "AIRMASS =                      / undefined",
    "HISTORY card_not_a_value: AIRMASS was NaN",
)


def header(*texts: str) -> Cards:
    return Cards(tuple(text.ljust(80) for text in (*_COMMON, *texts)))


def product(
    name: str, camera: int, state: str, sync: str = "T", extra: Sequence[str] = ()
) -> Cards:
    return header(
        f"OBJECT  = '{name.replace(chr(39), 2 * chr(39))}'",
        f"U_CAMERA=                    {camera}",
        f"U_FLC   = '{state:20}'",
        f"U_SYNC  =                    {sync}",
        *extra,
    )


@pytest.fixture
def table() -> HeaderTable:
    made = HeaderTable(instrument_dictionary())
    made.add("/a/20251106/vgen2/VMPA1.fits.fz", product('HD 1, "o\'clock"', 1, "A"))
    made.add("/a/20251106/vgen2/VMPA2.fits.fz", product("HD 1", 2, "D", extra=["ZZZ     = 1.5D2"]))
    made.add("/a/20251106/vgen2/VMPA3.fits.fz", product("SKY", 1, "NA", "F", ["AAA     = 7"]))
    return made


def rows_of(table: HeaderTable) -> list[dict[str, str]]:
    return list(csv.DictReader(table.lines()))


def test_a_row_has_the_path_the_dictionarys_columns_in_its_order_and_all_others_sorted(
    table: HeaderTable,
) -> None:
    lines = list(table.lines())
    names = next(csv.reader(lines))
    fixed = list(instrument_dictionary().entries)
    assert names == [PATH_COLUMN, *fixed, "AAA", "SIMPLE", "ZZZ"]
    assert all(len(row) == len(names) for row in csv.reader(lines))
    assert all(line.endswith("\n") and "\r" not in line for line in lines)
    content = "".join(lines).encode()
    found = list_table(BytesIO(content))
    assert found.paths == tuple(path for path, _ in table.rows)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert table_name("20251106") == "header_table_20251106.csv"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n3", b'path,"a\xff\n', b"path\n\n/x\n"])
def test_what_is_no_table_lists_nothing_and_has_its_digest_all_the_same(content: bytes) -> None:
    found = list_table(BytesIO(content))
    assert (found.paths or None, found.sha256) == (None, hashlib.sha256(content).hexdigest())


def test_line_by_line_after_meeting_all_headers_it_is_the_same_text(table: HeaderTable) -> None:
    headers = {
        "/a/20251106/vgen2/VMPA1.fits.fz": product('HD 1, "o\'clock"', 1, "A"),
        "/a/20251106/vgen2/VMPA2.fits.fz": product("HD 1", 2, "D", extra=["ZZZ     = 1.5D2"]),
        "/a/20251106/vgen2/VMPA3.fits.fz": product("SKY", 1, "NA", "F", ["AAA     = 7"]),
    }
    other = HeaderTable(instrument_dictionary())
    for cards in headers.values():
        other.meet(cards)
    assert [other.first_line(), *itertools.starmap(other.line, headers.items())] == [*table.lines()]
    assert not other.rows


def test_a_line_of_cards_that_were_not_met_is_refused() -> None:
    table = HeaderTable(instrument_dictionary())
    table.meet(product("SKY", 1, "A"))
    with pytest.raises(DataError, match=r"VMPA1\.fits\.fz has a card ZZZ") as caught:
        table.line("VMPA1.fits.fz", product("SKY", 1, "A", extra=["ZZZ     = 1"]))
    assert caught.value.code == "product_damaged"


def test_values_are_those_of_the_cards(table: HeaderTable) -> None:
    first, second, _ = rows_of(table)
    assert first["OBJECT"] == 'HD 1, "o\'clock"'
    assert (first["MJD"], first["U_FLC"], first["U_SYNC"]) == ("60985.43056149", "A", "True")
    assert (first["AIRMASS"], first["ZZZ"], second["ZZZ"]) == ("", "", "1.5E2")


def test_a_keyword_that_stands_twice_is_the_last_one_as_readers_take_it() -> None:
    table = HeaderTable(instrument_dictionary())
    table.add("x", header("OBJECT  = 'a'", "OBJECT  = 'b'"))
    assert rows_of(table)[0]["OBJECT"] == "b"


def test_a_string_over_several_cards_is_one_value() -> None:
    table = HeaderTable(instrument_dictionary())
    table.add("x", header("LONGSTR = 'goes &'", "CONTINUE  'on &'", "CONTINUE  'and on'"))
    table.add("y", header("HIERARCH ESO INS NAME = 'x' / theirs", "COMMENT no value"))
    first, second = rows_of(table)
    assert first["LONGSTR"] == "goes on and on"
    assert second["HIERARCH ESO INS NAME"] == "x"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|x", "'+cmd|x"),
        (" -2+3", "' -2+3"),
        ("-05:22:11.3", "-05:22:11.3"),
        ("+12 30 00", "+12 30 00"),
        ("-1.5", "-1.5"),
        ("a=b", "a=b"),
    ],
)
def test_a_text_that_spreadsheets_would_calculate_begins_with_an_apostrophe(
    value: str, cell: str
) -> None:
    table = HeaderTable(instrument_dictionary())
    table.add("x", header(f"OBJECT  = '{value}'"))
    assert rows_of(table)[0]["OBJECT"] == cell


def written(table: HeaderTable, path: Path) -> Path:
    rows = list(table.ordered())
    columns: dict[str, list[str | int | float | None]] = {PATH_COLUMN: [path for path, _ in rows]}
    writer = writer_of(path.suffix)
    assert writer is not None
    cells = {n: [cell_of(row[k]) for _, row in rows] for k, n in enumerate(table.names)}
    path.write_bytes(writer(columns | cells))
    return path


def test_sqlite_answers_what_observers_ask(table: HeaderTable, tmp_path: Path) -> None:
    table.add("/a/20251106/vgen2/VMPA4.fits.fz", header("PATH    = 'lower and upper are one'"))
    with sqlite3.connect(written(table, tmp_path / "n.sqlite")) as database:
        select = database.execute
        good = select("SELECT path FROM headers WHERE U_SYNC AND U_FLC != 'D'").fetchall()
        assert good == [("/a/20251106/vgen2/VMPA1.fits.fz",)]
        assert select("SELECT count(*) FROM headers WHERE \"DATA-TYP\" = 'OBJECT'").fetchone() == (
            4,
        )
        assert select("SELECT max(MJD), max(AIRMASS) FROM headers").fetchone() == (
            60985.43056149,
            None,
        )
        assert select("SELECT typeof(U_CAMERA), PATH_2 FROM headers").fetchall()[::3] == [
            ("integer", None),
            ("null", "lower and upper are one"),
        ]
    database.close()


# What coverage would follow here is astropy.
@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["n.ecsv", "n.vot"])
def test_astropy_reads_the_table_with_its_types(
    table: HeaderTable, tmp_path: Path, name: str
) -> None:
    read = Table.read(written(table, tmp_path / name))
    chosen = read[[bool(row["U_SYNC"]) and str(row["U_FLC"]) != "D" for row in read]]
    assert [str(path) for path in chosen[PATH_COLUMN]] == ["/a/20251106/vgen2/VMPA1.fits.fz"]
    assert (read["MJD"][0], read["U_CAMERA"].dtype.kind) == (60985.43056149, "i")


@pytest.mark.no_cover
@pytest.mark.parametrize("name", ["n.ecsv", "n.vot", "n.sqlite"])
def test_what_others_wrote_into_headers_spoils_no_table(tmp_path: Path, name: str) -> None:
    table = HeaderTable(instrument_dictionary())
    table.add("/a", header("OBJECT  = 'a\x01b\x1b[31m<&>\ufffe'", "HIERARCH x\x02y = 1"))
    path = written(table, tmp_path / name)
    if name.endswith(".sqlite"):
        with closing(sqlite3.connect(path)) as database:
            (seen,) = database.execute("SELECT OBJECT FROM headers").fetchone()
    else:
        seen = str(Table.read(path)["OBJECT"][0])
    assert (seen[0], seen[2], seen.endswith("[31m<&>" + seen[-1])) == ("a", "b", True)


def test_more_columns_than_sqlite_takes_are_refused_with_another_way() -> None:
    writer = writer_of(".db")
    assert writer is not None
    with pytest.raises(UsageError, match="write CSV") as refused:
        writer({f"K{number}": [1] for number in range(2_001)})
    assert refused.value.code == "too_many_columns"


def test_an_ending_that_no_writer_knows_has_none() -> None:
    assert writer_of(".xlsx") is None
