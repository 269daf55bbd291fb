"""Headers of packed products: the plain cube's cards inside those of a table of tiles.

Source of the layout: FITS standard 4.0, section 10; card texts and their order as cfitsio writes
them, so that ``funpack`` gives the plain header back in its order. Checksum comments are constant:
cfitsio and astropy put a date there, and products would differ from run to run.
"""

from __future__ import annotations

import re

from vampd.errors import DataError
from vampd.fits.headers.checksum import OnesComplementSum, add_sums, encode_complement
from vampd.fits.headers.header import format_header
from vampd.fits.rice import BLOCK_PIXELS, PIXEL_BYTES
from vampd.model.cubes import Card, Cards, render_card, render_string

# The EXTNAME of a table of tiles that has no other.
TABLE_NAME = "COMPRESSED_IMAGE"
_CHECKSUM_COMMENT = "HDU checksum"
_DATASUM_COMMENT = "data unit checksum"
_NO_CHECKSUM = "0" * 16
_CHECKSUMS = frozenset({"CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM"})
_STRUCTURAL = re.compile(r"SIMPLE|BITPIX|NAXIS\d*|EXTEND")
# What a table of tiles says about itself; in a plain header these would be lost or believed.
_OF_THE_TABLE = re.compile(
    r"XTENSION|PCOUNT|GCOUNT|GROUPS|BLOCKED|TFIELDS|THEAP|T(?:TYPE|FORM|SCAL|ZERO|NULL|DIM)\d+"
    r"|ZIMAGE|ZTENSION|ZSIMPLE"
    r"|ZBITPIX|ZNAXIS\d*|ZEXTEND|ZPCOUNT|ZGCOUNT|ZTILE\d+|ZCMPTYPE|ZNAME\d+|ZVAL\d+|ZBLANK|ZSCALE"
    r"|ZZERO|ZQUANTIZ|ZDITHER0|ZMASKCMP|ZBLOCKED"
)
# A table's cards when it is unpacked: these are dropped, these get their plain names back.
_TABLE_ONLY = re.compile(
    r"XTENSION|BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS|THEAP|TTYPE\d+|TFORM\d+|ZIMAGE|ZTILE\d+"
    r"|ZCMPTYPE|ZNAME\d+|ZVAL\d+|CHECKSUM|DATASUM"
)
_RENAMED = re.compile(r"Z(?:SIMPLE|BITPIX|NAXIS\d*|EXTEND|HECKSUM|DATASUM)")
_OF_THE_TABLE_BEGIN = frozenset("XPGBTZ")


def unpackable_card(cards: Cards) -> str | None:
    """The keyword of a plain card that cannot stand in a packed header, None if all can."""
    keywords = (text[:8].rstrip() for text in cards.texts if text[0] in _OF_THE_TABLE_BEGIN)
    return next((keyword for keyword in keywords if _OF_THE_TABLE.fullmatch(keyword)), None)


def without_checksums(cards: Cards) -> Cards:
    """The header without its own checksum and its data's."""
    return Cards(tuple(text for text in cards.texts if text[:8].rstrip() not in _CHECKSUMS))


def plain_cards(cards: Cards, data_sum: int) -> Cards:
    """The plain cube's header with checksums: its own, else new ones at the end for these data."""
    if "CHECKSUM" in cards and "DATASUM" in cards:
        return cards
    return _with_checksums([*without_checksums(cards)], data_sum)


def check_data_sum(cards: Cards, data_sum: int) -> None:
    """DataError ``data_sum_disagrees`` if the header states another sum of its data."""
    stated = cards.value("DATASUM")
    if isinstance(stated, str) and stated.strip().isdecimal() and int(stated) != data_sum:
        raise DataError(
            "data_sum_disagrees",
            f"the header says DATASUM {stated.strip()}, and the data sum to {data_sum}: they are"
            " not those that it was written for; find out what changed them",
        )


def primary_header() -> bytes:
    """The header of the empty primary HDU in front of the table."""
    return format_header(
        _with_checksums(
            [
                render_card("SIMPLE", "T", "file does conform to FITS standard"),
                render_card("BITPIX", "8", "number of bits per data pixel"),
                render_card("NAXIS", "0", "number of data axes"),
                render_card("EXTEND", "T", "FITS dataset may contain extensions"),
            ],
            data_sum=0,
        )
    )


def table_header(
    plain: Cards, *, descriptor: str, largest_tile: int, heap_bytes: int, data_sum: int
) -> bytes:
    """The header of the table of tiles.

    ``plain`` is the plain cube's header with its checksums; ``descriptor`` is P or Q; the last
    three are the longest tile, the heap's length and the sum of table and heap. The length of the
    header does not depend on them.
    """
    shape = [plain.integer(f"NAXIS{axis}") or 1 for axis in range(1, 4)]
    tile = [*shape[:2], 1][: plain.integer("NAXIS")]
    table = [
        render_card("XTENSION", "'BINTABLE'", "binary table extension"),
        render_card("BITPIX", "8", "8-bit bytes"),
        render_card("NAXIS", "2", "2-dimensional binary table"),
        render_card("NAXIS1", str(descriptor_bytes(descriptor)), "width of table in bytes"),
        render_card("NAXIS2", str(shape[2]), "number of rows in table"),
        render_card("PCOUNT", str(heap_bytes), "size of special data area"),
        render_card("GCOUNT", "1", "one data group (required keyword)"),
        render_card("TFIELDS", "1", "number of fields in each row"),
        render_card("TTYPE1", "'COMPRESSED_DATA'", "label for field   1"),
        render_card(
            "TFORM1",
            render_string(f"1{descriptor}B({largest_tile})"),
            "data format of field: variable length array",
        ),
        render_card("ZIMAGE", "T", "extension contains compressed image"),
        *(
            render_card(f"ZTILE{axis}", str(length), "size of tiles to be compressed")
            for axis, length in enumerate(tile, start=1)
        ),
        render_card("ZCMPTYPE", "'RICE_1  '", "compression algorithm"),
        render_card("ZNAME1", "'BLOCKSIZE'", "compression block size"),
        render_card("ZVAL1", str(BLOCK_PIXELS), "pixels per block"),
        render_card("ZNAME2", "'BYTEPIX '", "bytes per pixel (1, 2, 4, or 8)"),
        render_card("ZVAL2", str(PIXEL_BYTES), "bytes per pixel (1, 2, 4, or 8)"),
    ]
    if "EXTNAME" not in plain:
        table.append(render_card("EXTNAME", render_string(TABLE_NAME)))
    return format_header(_with_checksums([*table, *map(_inside_table, plain)], data_sum))


def unpacked_cards(table: Cards) -> Cards:
    """The plain cube's header inside a table's, as ``funpack`` gives it back."""
    kept = (card for card in table if not _TABLE_ONLY.fullmatch(card.keyword))
    return Cards(
        tuple(
            _outside_table(card)
            for card in kept
            if card.keyword != "EXTNAME" or card.value != TABLE_NAME
        )
    )


def descriptor_bytes(descriptor: str) -> int:
    """The length of a row of the table: length and offset of a tile, 32 or 64 bits each."""
    return 8 if descriptor == "P" else 16


def _inside_table(card: Card) -> Card:
    if card.keyword in _CHECKSUMS:
        # As cfitsio names them: the first letter is replaced.
        return Card({"C": "ZHECKSUM", "D": "ZDATASUM"}[card.text[0]] + card.text[8:])
    if _STRUCTURAL.fullmatch(card.keyword):
        return Card(f"Z{card.keyword}".ljust(8) + card.text[8:])
    return card


def _outside_table(card: Card) -> str:
    if not _RENAMED.fullmatch(card.keyword):
        return card.text
    plain = f"C{card.keyword[1:]}" if card.keyword == "ZHECKSUM" else card.keyword[1:]
    return plain.ljust(8) + card.text[8:]


def _with_checksums(cards: list[Card], data_sum: int) -> Cards:
    data_card = render_card("DATASUM", render_string(str(data_sum).rjust(10)), _DATASUM_COMMENT)
    zeros = [*cards, _checksum_card(_NO_CHECKSUM), data_card]
    header = OnesComplementSum()
    header.update(format_header(card.text for card in zeros))
    checksum = encode_complement(add_sums(header.value, data_sum))
    return Cards(tuple(card.text for card in [*cards, _checksum_card(checksum), data_card]))


def _checksum_card(checksum: str) -> Card:
    return render_card("CHECKSUM", render_string(checksum), _CHECKSUM_COMMENT)
