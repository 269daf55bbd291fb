"""The table of a night's headers is written without holding its rows."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tests.support.builders.headers import cards
from vampd.disk.pace import SteadyPace
from vampd.engine import header_table
from vampd.engine.header_table import write_header_table
from vampd.model.cubes import Cards
from vampd.model.headers import Dictionary
from vampd.model.plan import WriteHeaderTable

VALUES = 200


def write_table(folder: Path, products: int) -> int:
    """Write one of as many products, all of whose values differ; the most bytes it took."""
    paths = tuple(f"{number}.fits.fz" for number in range(products))
    tracemalloc.start()
    try:
        action = WriteHeaderTable("table.csv", "/a", paths)
        write_header_table(folder, action, Dictionary({}), SteadyPace())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_table_of_many_products_takes_no_more_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path) -> Cards:
        number = path.name.removesuffix(".fits.fz")
        return cards([f"K{key:<7}= {number}.{key:03d}" for key in range(VALUES)])

    monkeypatch.setattr(header_table, "read_product_cards", read)
    few, many = (write_table(tmp_path, products) for products in (10, 100))
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 1 + 100
    # What is remembered of the last thousand cards is there after five.
    assert many < few + 500_000
