"""The paths of what vampd makes in vgen2: products, their sidecars, generations, raw records."""

from __future__ import annotations

import re

PACKED_SUFFIX = ".fits.fz"
GENERATION = re.compile(r"vgen2/generation_[0-9]+\.json")
# Raw headers and timing files, written by a purge.
RAW_RECORDS = re.compile(r"vgen2/raw_records_vcam[12](_[0-9]+)?\.tar\.gz")


def sidecar_path(path: str) -> str:
    """The sidecar of a product."""
    return f"{path.removesuffix(PACKED_SUFFIX)}.txt"


def product_path(path: str) -> str:
    """The product that a sidecar belongs to, any other path as it is."""
    return f"{path.removesuffix('.txt')}{PACKED_SUFFIX}" if path.endswith(".txt") else path
