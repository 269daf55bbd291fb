"""Corrections laid over the cards of raw cubes before they are cut; raw itself is untouched.

A correction of a cube is one of the other camera's cube that was taken at the same time too, unless
that says the new value already: both frames of a pair go by one value. All of a night's are
applied, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from vampd.errors import DataError
from vampd.model.cubes import Product, RawCube, Value, render_card
from vampd.model.headers import (
    CORRECTIONS,
    Correction,
    Corrections,
    refused_correction,
    says,
)

# Of the shorter of two cubes: that much in common, and they were taken together.
_TOGETHER = 0.5
_SAME_TRIGGER_US = 2_000  # of both cameras' frames

# A cube by its path, and those taken with it.
_Together = Callable[[str], Sequence[RawCube]]


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
    cards say the old value, no two to one card, and none that leaves a pair with two values.
    ``others``: cubes that are not given may be meant too.
    """
    by_path = {cube.path: cube for cube in cubes}
    together = cache(lambda path: tuple(find_together(by_path[path], cubes)))
    chosen: dict[str, dict[str, Correction]] = {}
    for row in corrections.rows:
        named = tuple(_named(row, cubes))
        if not named and not others and row.files not in paths:
            raise _disagrees(row, "no cube is meant by it")
        for path in sorted(_meant(row, named, together)):
            before = chosen.setdefault(path, {}).setdefault(row.keyword, row)
            if (before.old, before.new) != (row.old, row.new):
                raise _disagrees(row, f"another line corrects {path} to {before.new!r}")
    applied = {
        path: {keyword: (row, _field(row, by_path[path])) for keyword, row in rows.items()}
        for path, rows in chosen.items()
    }
    overlay = Overlay(
        tuple(_corrected(cube, applied.get(cube.path, {})) for cube in cubes), applied
    )
    _refuse_split(overlay, together)
    return overlay


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


def _meant(row: Correction, named: Iterable[RawCube], together: _Together) -> set[str]:
    """The cubes that are named, and those taken with them that do not say the new value already."""
    with_them = (each for cube in named for each in together(cube.path))
    own = {cube.path for cube in named}
    return own | {
        each.path for each in with_them if not says(row.keyword, _said(row, each), row.new)
    }


def _refuse_split(overlay: Overlay, together: _Together) -> None:
    """DataError ``correction_disagrees`` if a cube taken with a corrected one says another."""
    by_path = {cube.path: cube for cube in overlay.cubes}
    for path, rows in overlay.applied.items():
        for other in (by_path[each.path] for each in together(path)):
            for row, _ in rows.values():
                if not says(row.keyword, _said(row, other), row.new):
                    raise _disagrees(
                        row,
                        f"it corrects {path}, and {other.path} was taken at the same time and"
                        f" {_words(row, other)}: no pair has two values",
                    )


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
    value = _said(row, cube)
    if not row.agrees_with(value):
        raise _disagrees(row, f"{cube.path} {_words(row, cube)}")
    return row.field_for(value)


def _said(row: Correction, cube: RawCube) -> Value | None:
    return cube.cards.value(row.keyword) if row.keyword in cube.cards else None


def _words(row: Correction, cube: RawCube) -> str:
    card = cube.cards.card(row.keyword)
    said = card.text[10:].partition("/")[0].strip() if card else ""
    return f"says {said or 'nothing'}"


def _corrected(cube: RawCube, rows: Mapping[str, tuple[Correction, str]]) -> RawCube:
    if not rows:
        return cube
    cards = [render_card(keyword, field) for keyword, (_, field) in rows.items()]
    return replace(cube, cards=cube.cards.replaced(cards))


def _disagrees(row: Correction, why: str) -> DataError:
    place = f"{CORRECTIONS}: {row.files}, {row.keyword} from {row.old!r} to {row.new!r}"
    return refused_correction("correction_disagrees", place, why)
