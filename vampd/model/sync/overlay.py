"""Corrections laid over the cards of raw cubes before they are cut; raw itself is untouched.

A correction of a cube is one of the other camera's cube that was taken at the same time too: both
frames of a pair go by one value. All of a night's are applied, or none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vampd.errors import DataError
from vampd.model.cubes import Product, RawCube, render_card
from vampd.model.headers import CORRECTIONS, Correction, Corrections

# Of the shorter of two cubes: that much in common, and they were taken together.
_TOGETHER = 0.5
_SAME_TRIGGER_US = 2_000  # of both cameras' frames


@dataclass(frozen=True)
class Overlay:
    """The cubes with corrected cards, and what was corrected: by path and keyword."""

    cubes: tuple[RawCube, ...]
    applied: Mapping[str, Mapping[str, tuple[Correction, str]]]

    def mark(self, products: Iterable[Product]) -> tuple[Product, ...]:
        """The products, each with the corrections of its cubes."""
        return tuple(map(self._mark, products))

    def _mark(self, product: Product) -> Product:
        cubes = dict.fromkeys(part.cube for part in product.ranges)
        rows = dict.fromkeys(
            row for cube in cubes for row, _ in self.applied.get(cube, {}).values()
        )
        if not rows:
            return product
        # Other cards of the product are those of its first cube.
        own = self.applied.get(product.ranges[0].cube, {})
        said = {keyword for keyword, _ in product.cards}
        cards = [(keyword, field) for keyword, (_, field) in own.items() if keyword not in said]
        corrected = dict.fromkeys((row.keyword, row.old, row.new, row.reason) for row in rows)
        return replace(product, cards=(*product.cards, *sorted(cards)), corrected=tuple(corrected))


def lay_over(
    cubes: Sequence[RawCube],
    corrections: Corrections,
    paths: Collection[str],
    *,
    others: bool = False,
) -> Overlay:
    """The cubes as corrected; ``paths`` are all files of the camera streams.

    DataError ``correction_disagrees`` unless every correction fits: to cubes that are there, whose
    cards say the old value, and no two to one card. ``others``: cubes that are not given may be
    meant too.
    """
    chosen: dict[str, dict[str, Correction]] = {}
    for row in corrections.rows:
        named = tuple(_named(row, cubes))
        if not named and not others and row.files not in paths:
            raise _disagrees(row, "no cube is meant by it")
        for path in sorted({each.path for cube in named for each in find_together(cube, cubes)}):
            before = chosen.setdefault(path, {}).setdefault(row.keyword, row)
            if (before.old, before.new) != (row.old, row.new):
                raise _disagrees(row, f"another line corrects {path} to {before.new!r}")
    by_path = {cube.path: cube for cube in cubes}
    applied = {
        path: {keyword: (row, _field(row, by_path[path])) for keyword, row in rows.items()}
        for path, rows in chosen.items()
    }
    return Overlay(tuple(_corrected(cube, applied.get(cube.path, {})) for cube in cubes), applied)


def _named(row: Correction, cubes: Sequence[RawCube]) -> Iterator[RawCube]:
    span = row.span_us
    for cube in cubes:
        if span is None:
            if cube.path == row.files:
                yield cube
            continue
        first_us, last_us = cube.span_us
        if span[0] <= first_us and last_us <= span[1]:
            yield cube
        elif first_us <= span[1] and span[0] <= last_us:
            raise _disagrees(row, f"only part of the frames of {cube.path} lies in that time")


def find_together(cube: RawCube, cubes: Iterable[RawCube]) -> Iterator[RawCube]:
    """The cube itself, and those of the other camera that were taken at the same time."""
    yield cube
    first_us, last_us = cube.span_us
    for other in cubes:
        if other.stream is cube.stream:
            continue
        begin_us, end_us = other.span_us
        common_us = min(last_us, end_us) - max(first_us, begin_us)
        shorter_us = min(last_us - first_us, end_us - begin_us)
        if common_us + _SAME_TRIGGER_US >= max(0, _TOGETHER * shorter_us):
            yield other


def _field(row: Correction, cube: RawCube) -> str:
    value = cube.cards.value(row.keyword) if row.keyword in cube.cards else None
    if not row.agrees_with(value):
        card = cube.cards.card(row.keyword)
        said = card.text[10:].partition("/")[0].strip() if card else ""
        raise _disagrees(row, f"{cube.path} says {said or 'nothing'}")
    return row.field_for(value)


def _corrected(cube: RawCube, rows: Mapping[str, tuple[Correction, str]]) -> RawCube:
    if not rows:
        return cube
    cards = [render_card(keyword, field) for keyword, (_, field) in rows.items()]
    return replace(cube, cards=cube.cards.replaced(cards))


def _disagrees(row: Correction, why: str) -> DataError:
    return DataError(
        "correction_disagrees",
        f"{CORRECTIONS}: {row.files}, {row.keyword} from {row.old!r} to {row.new!r}: {why}. Nothing"
        " of it was applied: mend the file, then `vampctl retry NIGHT --from sync`",
    )
