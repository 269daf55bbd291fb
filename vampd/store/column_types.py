"""Types of columns that SQLite does not have: words of an enumeration, any text, gates, paths."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import Dialect, Enum, String, TypeDecorator

from vampd.model.nights import Gate


def words_of(kind: type[StrEnum]) -> Enum:
    """A column of one of these words."""
    # No CHECK constraint: SQLite could not widen it later without copying the table.
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=16,
        values_callable=lambda words: [word.value for word in words],
    )


class AnyText(TypeDecorator[str]):
    """Text that may hold a file name, and so bytes that are not UTF-8 (lone surrogates).

    SQLite stores such text as a blob in the same column; it comes back unchanged.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


class Gates(TypeDecorator[frozenset[Gate]]):
    """The gates that are open to a night: their words in order, separated by blanks."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: frozenset[Gate] | None, dialect: Dialect) -> Any:
        return None if value is None else " ".join(sorted(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> frozenset[Gate] | None:
        return None if value is None else frozenset(map(Gate, value.split()))


class Paths(TypeDecorator[tuple[str, ...]]):
    """Paths in a night's folder, as a list in JSON, which also holds what is not UTF-8."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> Any:
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...] | None:
        return None if value is None else tuple(json.loads(value))
