"""Rice coding of tiles: RICE_1, as cfitsio writes and reads it."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.fits.rice.coder import (
        Bytes,
        TileDecoder,
        TileEncoder,
        decode_tile,
        encode_tile,
        sum_words,
    )
    from vampd.fits.rice.form import (
        BLOCK_PIXELS,
        PIXEL_BYTES,
        SLACK_BYTES,
        largest_tile_bytes,
        smallest_tile_bytes,
    )
else:
    __getattr__ = show(
        __name__,
        {
            "coder": "Bytes decode_tile encode_tile sum_words TileDecoder TileEncoder",
            "form": "BLOCK_PIXELS largest_tile_bytes PIXEL_BYTES SLACK_BYTES smallest_tile_bytes",
        },
    )

__all__ = [
    "BLOCK_PIXELS",
    "PIXEL_BYTES",
    "SLACK_BYTES",
    "Bytes",
    "TileDecoder",
    "TileEncoder",
    "decode_tile",
    "encode_tile",
    "largest_tile_bytes",
    "smallest_tile_bytes",
    "sum_words",
]
