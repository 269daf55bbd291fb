"""Products of the old tools: packed by vampd where they are plain, and proven where they are not.

Nothing that is there is written to. A packed cube must decode whole, agree with the checksums that
it carries, and hold what the plain cube beside it holds.
"""

from __future__ import annotations

from pathlib import Path

from vampd.errors import DataError
from vampd.fits.headers import OwnSums, check_own_sums, without_checksums
from vampd.fits.products.plain_file import pack_file, read_plain_cube
from vampd.fits.products.unpacking import compare_unpacked
from vampd.model.cubes import Cards
from vampd.ports import Pace


def prove_old_product(packed: Path, pace: Pace) -> None:
    """Pack the plain cube beside it unless it is packed; else prove what is there.

    DataError ``old_product_bad`` if it cannot be relied upon, and as `pack_file`.
    """
    plain = packed.with_suffix("")
    if not packed.is_file():
        try:
            pack_file(plain, packed, pace)
        except DataError as error:
            # One whose process was ended may have been faster; it is proven like any other.
            if error.code != "already_exists":
                raise DataError(error.code, f"{plain.name}: {error.message}") from error
        else:
            return
    try:
        other = _find_difference(packed, plain if plain.is_file() else None, pace)
    except DataError as error:
        raise _bad(packed, plain, error.message) from error
    if other:
        raise _bad(packed, plain, other)


def _find_difference(packed: Path, plain: Path | None, pace: Pace) -> str:
    if check_own_sums(packed, pace) is OwnSums.BROKEN:
        return "it does not agree with the checksums that it carries, or is no whole FITS file"
    cards = compare_unpacked(packed, plain, pace)
    if cards is None:
        return f"its pixels are not those of {packed.stem}"
    if plain is not None and _texts(cards) != _texts(read_plain_cube(plain).cards):
        return f"its header is not that of {plain.name}"
    return ""


def _texts(cards: Cards) -> list[str]:
    # What fpack writes of its own accord, and blank cards, which it moves, are no difference.
    kept = without_checksums(cards).texts
    return sorted(text.rstrip() for text in kept if text.strip() and text[:8] != "EXTNAME ")


def _bad(packed: Path, plain: Path, why: str) -> DataError:
    cure = (
        f"move it out of the folder, and `vampctl retry NIGHT` packs {plain.name}"
        if plain.is_file()
        else "put a whole copy in its place, as the archive host may have one, then `vampctl retry"
        " NIGHT`"
    )
    return DataError("old_product_bad", f"{packed.name} cannot be relied upon: {why}; {cure}")
