"""Products and plain cubes: packed, proven, compared, unpacked."""

from typing import TYPE_CHECKING

from vampd.model.faces import show

if TYPE_CHECKING:
    from vampd.fits.products.comparison import find_other_frame
    from vampd.fits.products.old_product import prove_old_product
    from vampd.fits.products.packed_file import count_packed_frames, read_product_cards
    from vampd.fits.products.packing import digest_again, pack_cube
    from vampd.fits.products.plain_file import Rewritten, pack_file, write_virtual_cube
    from vampd.fits.products.sidecar import create_sidecar, read_sidecar_identity, write_sidecar
    from vampd.fits.products.unpacking import unpack_file
else:
    __getattr__ = show(
        __name__,
        {
            "comparison": "find_other_frame",
            "old_product": "prove_old_product",
            "packed_file": "count_packed_frames read_product_cards",
            "packing": "digest_again pack_cube",
            "plain_file": "pack_file Rewritten write_virtual_cube",
            "sidecar": "create_sidecar read_sidecar_identity write_sidecar",
            "unpacking": "unpack_file",
        },
    )

__all__ = [
    "Rewritten",
    "count_packed_frames",
    "create_sidecar",
    "digest_again",
    "find_other_frame",
    "pack_cube",
    "pack_file",
    "prove_old_product",
    "read_product_cards",
    "read_sidecar_identity",
    "unpack_file",
    "write_sidecar",
    "write_virtual_cube",
]
