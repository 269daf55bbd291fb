"""FITS headers as raw cards, their checksums, and what packed files say in theirs."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.fits.headers.card_edits import Header, read_headers, replace_cards
    from vampd.fits.headers.checksum import OnesComplementSum, add_sums, sum_bytes
    from vampd.fits.headers.header import (
        BLOCK_BYTES,
        format_header,
        open_raw_file,
        open_regular_file,
        padded,
        read_cards,
        read_cards_at,
        read_product_cards,
        refuse_control,
    )
    from vampd.fits.headers.own_checksums import OwnSums, check_own_sums
    from vampd.fits.headers.packed_cards import (
        TABLE_NAME,
        check_data_sum,
        descriptor_bytes,
        plain_cards,
        primary_header,
        table_header,
        unpackable_card,
        unpacked_cards,
        without_checksums,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "card_edits": "Header read_headers replace_cards",
            "checksum": "add_sums OnesComplementSum sum_bytes",
            "header": (
                "BLOCK_BYTES format_header open_raw_file open_regular_file padded read_cards "
                "read_cards_at read_product_cards refuse_control"
            ),
            "own_checksums": "check_own_sums OwnSums",
            "packed_cards": (
                "check_data_sum descriptor_bytes plain_cards primary_header table_header "
                "TABLE_NAME unpackable_card unpacked_cards without_checksums"
            ),
        },
    )

__all__ = [
    "BLOCK_BYTES",
    "TABLE_NAME",
    "Header",
    "OnesComplementSum",
    "OwnSums",
    "add_sums",
    "check_data_sum",
    "check_own_sums",
    "descriptor_bytes",
    "format_header",
    "open_raw_file",
    "open_regular_file",
    "padded",
    "plain_cards",
    "primary_header",
    "read_cards",
    "read_cards_at",
    "read_headers",
    "read_product_cards",
    "refuse_control",
    "replace_cards",
    "sum_bytes",
    "table_header",
    "unpackable_card",
    "unpacked_cards",
    "without_checksums",
]
