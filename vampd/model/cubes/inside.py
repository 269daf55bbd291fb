"""Names in records of a night: none leads out of it, whoever wrote the record."""

from __future__ import annotations

import re

_RAW = re.compile(r"vcam[12]/(?!\.{1,2}$)[^/\0]+", re.DOTALL)
_PRODUCT = re.compile(r"[^./\0][^/\0]*", re.DOTALL)


def raw_path(path: str) -> str:
    """The path of a raw file, as it is; ValueError for what is none."""
    if not _RAW.fullmatch(path):
        raise ValueError(f"{path!r} is no raw file of a night")
    return path


def product_name(name: str) -> str:
    """The name of a product, as it is; ValueError for what is none."""
    if not _PRODUCT.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a product")
    return name
