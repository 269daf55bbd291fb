"""Cards of finished FITS files, plain or packed, edited without touching a byte of the data.

Source of the format: FITS standard 4.0, sections 3.1 (HDUs), 4.4.1 (lengths of data units) and
4.4.2.7 (checksums). A checksum is updated by what the edit changes in the sum, not recomputed: one
that agreed with its file agrees afterwards, and one that did not still does not, so damage is never
certified. DATASUM covers the data, which stay.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vampd.disk.durable import replacing
from vampd.errors import DataError, MalformedCube
from vampd.fits.headers.checksum import add_sums, encode_complement, sum_bytes
from vampd.fits.headers.header import (
    format_header,
    open_regular_file,
    padded,
    read_cards_at,
    refuse_control,
)
from vampd.model.cubes import Cards

_EXTENSION = b"XTENSION="
_CHUNK_BYTES = 4 * 1024 * 1024
_MOST_AXES = 999
_ALL_ONES = 0xFFFFFFFF
# The plain header's own sum first: it is part of the packed one's sum.
_CHECKSUMS = (re.compile(r"ZHECKSUM= '[^']{16}'"), re.compile(r"CHECKSUM= '[^']{16}'"))
_DIGITS = slice(11, 27)


@dataclass(frozen=True)
class Header:
    """The header of one HDU: its number in the file (0: primary), its first byte, its cards."""

    hdu: int
    offset: int
    cards: Cards


def read_headers(path: Path) -> tuple[Header, ...]:
    """The headers of all HDUs.

    Raises MalformedCube as `read_cards`, and ``header_malformed`` or ``fits_truncated`` if the
    lengths that a header states are impossible or exceed the file.
    """
    file_fd = open_regular_file(path)
    try:
        return tuple(_headers(file_fd, path))
    finally:
        os.close(file_fd)


def replace_cards(path: Path, choose: Callable[[Cards], Mapping[str, str]]) -> tuple[Header, ...]:
    """Replace this file by a complete new one in which cards are replaced.

    ``choose`` returns, for each header, the new text by the old one. Links are followed. Returns
    the headers as they were; without any replacement the file stays untouched. DiskFull; raises as
    `read_headers`, and DataError ``read_only`` (write-protected) or ``changed_while_read``.
    """
    real = Path(os.path.realpath(path))
    file_fd = open_regular_file(real)
    try:
        status = os.fstat(file_fd)
        headers = tuple(_headers(file_fd, real))
        edited = {
            header.offset: format_header(edit_header(header.cards, edits))
            for header in headers
            if (edits := choose(header.cards))
        }
        if edited:
            _check_writable(real, status)
            with replacing(real) as file:
                _inherit(file, status)
                _copy(file_fd, file)
                for offset, content in edited.items():
                    file.seek(offset)
                    file.write(content)
                _check_unchanged(real, file_fd, status)
    finally:
        os.close(file_fd)
    return headers


def edit_header(cards: Cards, edits: Mapping[str, str]) -> Cards:
    """The header with cards replaced, new text by old one, and its checksums updated."""
    texts = [edits.get(text, text) for text in cards.texts]
    for pattern in _CHECKSUMS:
        place = next((n for n, text in enumerate(texts) if pattern.match(text)), None)
        if place is not None:
            texts[place] = _carried_along(texts[place], cards.texts, texts)
    return Cards(tuple(texts))


def _carried_along(card: str, before: tuple[str, ...], after: list[str]) -> str:
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    begin, end = card[: _DIGITS.start], card[_DIGITS.stop :]
    # A card is twenty whole words: its position does not matter to the sum.
    gone = "".join([card, *(old for old, _ in changed)])
    come = "".join([begin, "0" * 16, end, *(new for _, new in changed)])
    total = add_sums(_sum_text(come), _ALL_ONES - _sum_text(gone))
    return f"{begin}{encode_complement(total)}{end}"


def _sum_text(text: str) -> int:
    return sum_bytes(text.encode("latin-1"))


def _headers(file_fd: int, path: Path) -> Iterator[Header]:
    size = os.fstat(file_fd).st_size
    hdu = position = 0
    while hdu == 0 or os.pread(file_fd, len(_EXTENSION), position) == _EXTENSION:
        cards, begin = read_cards_at(file_fd, position, path)
        refuse_control(cards, path)
        yield Header(hdu, position, cards)
        length = _data_bytes(cards, hdu, path)
        if begin + length > size:
            raise MalformedCube(
                "fits_truncated",
                f"{path.name} has {size} bytes; expected {begin + length} up to the end of the data"
                f" of HDU {hdu}",
            )
        hdu, position = hdu + 1, begin + padded(length)


def _data_bytes(cards: Cards, hdu: int, path: Path) -> int:
    bits, axes = cards.integer("BITPIX"), cards.integer("NAXIS")
    if axes is not None and axes > _MOST_AXES:
        axes = None
    lengths = [cards.integer(f"NAXIS{axis}") for axis in range(1, (axes or 0) + 1)]
    if cards.boolean("GROUPS") and lengths[:1] == [0]:
        del lengths[0]
    parameters = cards.integer("PCOUNT") if "PCOUNT" in cards else 0
    groups = cards.integer("GCOUNT") if "GCOUNT" in cards else 1
    known = [length for length in (axes, parameters, groups, *lengths) if length is not None]
    if bits is None or len(known) != len(lengths) + 3 or min(known) < 0:
        raise MalformedCube(
            "header_malformed",
            f"HDU {hdu} of {path.name}: expected BITPIX, NAXIS and its axes as whole numbers,"
            f" found BITPIX {bits}, NAXIS {axes}, axes {lengths}",
        )
    if not lengths:
        return 0
    _, parameters_known, groups_known, *sizes = known
    return abs(bits) // 8 * groups_known * (parameters_known + math.prod(sizes))


def _check_writable(path: Path, status: os.stat_result) -> None:
    if not status.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise DataError(
            "read_only",
            f"{path} is write-protected and stays as it is; to change it, `chmod u+w` it",
            path=str(path),
        )


def _inherit(file: BinaryIO, status: os.stat_result) -> None:
    """Give the new file the owner, if that is allowed, and the mode of the old one."""
    with suppress(PermissionError):
        os.fchown(file.fileno(), status.st_uid, status.st_gid)
    os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))


def _copy(source_fd: int, file: BinaryIO) -> None:
    buffer = memoryview(bytearray(_CHUNK_BYTES))
    offset = 0
    while count := os.preadv(source_fd, [buffer], offset):
        file.write(buffer[:count])
        offset += count


def _check_unchanged(path: Path, file_fd: int, before: os.stat_result) -> None:
    now = os.fstat(file_fd)
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise DataError(
            "changed_while_read",
            f"{path} was written to while it was copied and stays as it is; find out who writes",
            path=str(path),
        )
