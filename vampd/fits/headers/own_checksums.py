"""Whether a FITS file is whole by the checksums that it carries itself.

Source: FITS standard 4.0, section 4.4.2.7: an HDU with a right CHECKSUM sums to all ones, and its
data to DATASUM.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from vampd.errors import DataError, MalformedCube
from vampd.fits.headers.card_edits import Header, read_headers
from vampd.fits.headers.checksum import OnesComplementSum, add_sums
from vampd.fits.headers.header import open_regular_file, read_cards_at
from vampd.ports import Pace

_CHUNK_BYTES = 4 * 1024 * 1024
# Of ones' complement, which has two zeros.
_ZEROS = (0, 0xFFFFFFFF)


class OwnSums(StrEnum):
    """What a file's own checksums say of it."""

    WHOLE = "whole"
    BROKEN = "broken"
    NONE = "none"  # an HDU with data carries none


def check_own_sums(path: Path, pace: Pace) -> OwnSums:
    """Read a file whole; one that is no FITS file, or is cut short, is broken."""
    try:
        headers = read_headers(path)
        file_fd = open_regular_file(path)
    except MalformedCube:
        return OwnSums.BROKEN
    try:
        size = os.fstat(file_fd).st_size
        ends = [header.offset for header in headers[1:]] + [size]
        found = [
            _check_hdu(file_fd, header, end, path, pace)
            for header, end in zip(headers, ends, strict=True)
        ]
    except DataError:
        return OwnSums.BROKEN
    finally:
        os.close(file_fd)
    if OwnSums.BROKEN in found:
        return OwnSums.BROKEN
    return OwnSums.NONE if OwnSums.NONE in found else OwnSums.WHOLE


def _check_hdu(file_fd: int, header: Header, end: int, path: Path, pace: Pace) -> OwnSums:
    _, begin = read_cards_at(file_fd, header.offset, path)
    checksum = (header.cards.string("CHECKSUM") or "").strip()
    data_sum = (header.cards.string("DATASUM") or "").strip()
    has_data = end > begin
    if not (checksum or data_sum):
        return OwnSums.NONE if has_data else OwnSums.WHOLE
    head, data = _sum(file_fd, header.offset, begin, pace), _sum(file_fd, begin, end, pace)
    if data_sum and (not data_sum.isdecimal() or int(data_sum) % 0xFFFFFFFF != data % 0xFFFFFFFF):
        return OwnSums.BROKEN
    if checksum and add_sums(head, data) not in _ZEROS:
        return OwnSums.BROKEN
    return OwnSums.WHOLE


def _sum(file_fd: int, begin: int, end: int, pace: Pace) -> int:
    total = OnesComplementSum()
    while begin < end:
        pace.check()
        content = os.pread(file_fd, min(_CHUNK_BYTES, end - begin), begin)
        if not content:
            raise DataError("fits_truncated", "the file ends early")
        total.update(content)
        begin += len(content)
    return total.value
