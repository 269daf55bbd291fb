"""What RICE_1 tiles are made of: sizes and bounds, for coder, decoder and headers alike.

Source of the format: FITS standard 4.0, section 10.4.1; the numbers are those of cfitsio. Nothing
compiled is imported here.
"""

from __future__ import annotations

BLOCK_PIXELS = 32
# Four codes make a quad, two quads an octet: so many of them in a block.
QUADS, OCTETS = BLOCK_PIXELS // 4, BLOCK_PIXELS // 8
# Bytes of a frame's pixel (BITPIX 16), in raw cubes and in products.
PIXEL_BYTES = 2
# What the compiled loops may touch behind a stream: they access eight bytes at a time.
SLACK_BYTES = 8
# Bits of a block's head, the split from which on pixels are verbatim, and bits of a pixel: by
# BYTEPIX.
FORMS = {1: (3, 6, 8), 2: (4, 14, 16), 4: (5, 25, 32)}


def largest_tile_bytes(pixels: int, pixel_bytes: int = PIXEL_BYTES) -> int:
    """The largest size of a coded tile of so many pixels: each block verbatim after its head."""
    blocks = -(-pixels // BLOCK_PIXELS)
    head_bits, _, pixel_bits = FORMS[pixel_bytes]
    return pixel_bytes + -(-(blocks * head_bits + pixels * pixel_bits) // 8)


def smallest_tile_bytes(pixels: int, pixel_bytes: int = PIXEL_BYTES) -> int:
    """The smallest size of a coded tile of so many pixels: all equal, each block only its head."""
    blocks = -(-pixels // BLOCK_PIXELS)
    return pixel_bytes + -(-blocks * FORMS[pixel_bytes][0] // 8)
