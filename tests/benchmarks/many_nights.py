"""Thousands of nights in a database: some of every kind, and copies of two finished ones."""

from __future__ import annotations

import datetime
import functools
import itertools
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from tests.support.worlds.records.varied_nights import LAST, make_varied
from vampd.model.nights import Kind, NightId

# So many dates are of every kind: more than a page shows.
_VARIED = 20
# An archive night that was mailed and acknowledged, and the engineering night of its date.
_COPIED = f"{LAST - datetime.timedelta(days=9):%Y%m%d}"
# What belongs to a night, by the key of its row and by its name.
_BY_KEY = ("events", "packing_receipts", "receipts")
_BY_NAME = ("acknowledged_manifests",)


def make_many(database: Path, nights: int) -> NightId:
    """A database with so many nights; gives one that is finished and on no first page.

    The copies are of years before, two nights a date, each with its events, receipts and mails.
    """
    make_varied(database, _VARIED)
    with closing(sqlite3.connect(database)) as connection, connection:
        known = [date for (date,) in connection.execute("SELECT date FROM nights")]
    dates = list(_dates((nights - len(known) + 1) // 2, frozenset(known)))
    copy_nights(database, _COPIED, dates)
    return NightId(dates[len(dates) // 2] if dates else _COPIED, Kind.ARCHIVE)


def _dates(count: int, known: frozenset[str]) -> Iterator[str]:
    days = (f"{LAST - datetime.timedelta(days=day):%Y%m%d}" for day in itertools.count())
    return itertools.islice((day for day in days if day not in known), max(count, 0))


def copy_nights(database: Path, copied: str, dates: Sequence[str]) -> None:
    """Copy the nights of a date, with all that the database has of them, to other dates.

    A transaction for all, where vampd would make one for each step of each night.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TEMP TABLE new (date TEXT, mailing INTEGER PRIMARY KEY)")
        (last,) = connection.execute("SELECT ifnull(max(id), 0) FROM mailings").fetchone()
        connection.executemany(
            "INSERT INTO new VALUES (?, ?)", [(date, last + n) for n, date in enumerate(dates, 1)]
        )
        _copy(connection, copied)


def _copy(connection: sqlite3.Connection, copied: str) -> None:
    insert = functools.partial(_insert, connection, copied)
    insert("nights", {"id": None, "date": "new.date"}, "o.date = :copied")
    for table in _BY_KEY:
        keys = {"id": None, "night_id": "n.id"}
        nights = "JOIN nights m ON m.id = o.night_id JOIN nights n USING (kind)"
        where = "m.date = :copied AND n.date = new.date"
        insert(table, keys, where, nights)
    mailing = (
        "o.id = (SELECT mailing_id FROM mailed_manifests WHERE date = :copied"
        " ORDER BY mailing_id LIMIT 1)"
    )
    insert("mailings", {"id": "new.mailing"}, mailing)
    manifests = {"mailing_id": "new.mailing", "date": "new.date"}
    insert("mailed_manifests", manifests, "o.date = :copied")
    for table in _BY_NAME:
        insert(table, {"date": "new.date"}, "o.date = :copied")


def _insert(
    connection: sqlite3.Connection,
    copied: str,
    table: str,
    given: Mapping[str, str | None],
    where: str,
    more: str = "",
) -> None:
    """Copy rows of a table for each new date; None is left to SQLite, names get the date."""
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    named = ("name", "message_id", "manifest_sums")
    values = {
        column: given.get(
            column,
            f"replace(o.{column}, :copied, new.date)" if column in named else f"o.{column}",
        )
        for column in columns
    }
    kept = {column: value for column, value in values.items() if value is not None}
    connection.execute(
        f"INSERT INTO {table} ({', '.join(kept)})"
        f" SELECT {', '.join(kept.values())} FROM new CROSS JOIN {table} o {more} WHERE {where}",
        {"copied": copied},
    )
