"""Writing the table of a night's headers, from those of its packed products."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vampd.disk.durable import replacing
from vampd.disk.reading import hash_file
from vampd.fits.products import read_product_cards
from vampd.model.headers import Dictionary, HeaderTable
from vampd.model.nights import FileStamp
from vampd.model.plan import WriteHeaderTable
from vampd.ports import Pace


def read_rows(
    table: HeaderTable, folder: Path, home: str, products: Iterable[str], pace: Pace
) -> None:
    """Add the products of a night, which lie below ``home`` at the archive. MalformedCube."""
    for path in products:
        pace.check()
        table.add(f"{home}/{path}", read_product_cards(folder / path))


def write_header_table(
    folder: Path, action: WriteHeaderTable, dictionary: Dictionary, pace: Pace
) -> tuple[FileStamp, str]:
    """Write the night's table; its stamp and SHA-256 (hex), as they were read back.

    Each header is read twice, for the columns and for its row: the rows of the longest nights are
    hundreds of megabytes.
    """
    table = HeaderTable(dictionary)
    for path in action.products:
        pace.check()
        table.meet(read_product_cards(folder / path))
    with replacing(folder / action.path) as file:
        file.write(table.first_line().encode("utf-8", "surrogateescape"))
        for path in action.products:
            pace.check()
            line = table.line(f"{action.folder}/{path}", read_product_cards(folder / path))
            file.write(line.encode("utf-8", "surrogateescape"))
    size, mtime_ns, sha256 = hash_file(folder / action.path, pace)
    return FileStamp(action.path, size, mtime_ns), sha256
