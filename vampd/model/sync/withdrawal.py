"""Withdrawal: products that cannot be made, or that were lost, and count nowhere from then on.

Header and times of a cube may be readable at sync, and its pixels no more when they are packed.
Once a person lets the night go on without it, a later generation sets the cube aside and withdraws
the products that hold its frames and are not made yet. Their other frames go into products of their
own; labels and pairs stay those that sync had decided with all frames at hand. What is in a product
stays there.

A product is lost that has no good copy any more and that raw does not give again. All its frames
are set aside, and nothing is made of them: a frame ID that was used would get other bytes. Their
partners stay in their products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from typing import Any, TypeVar

from vampd.model.cubes import (
    PRODUCT_LOST,
    CubeAccount,
    FrameRange,
    Generation,
    Product,
    SetAside,
    accounted_cubes,
    compress_frames,
    set_aside_cubes,
)
from vampd.model.sync.products import count_products, stem_of

_UNREADABLE = "unreadable"
_Frame = tuple[str, int]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Withdrawal:
    """What a generation takes back of earlier ones, and what stands for it.

    ``cubes`` are the accounts of the cubes that are now ``set_aside``: of each, as many frames as
    are in no product that was made.
    """

    cubes: tuple[CubeAccount, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    withdrawn: tuple[str, ...] = ()
    products: tuple[Product, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.set_aside)


def withdraw(
    generations: Sequence[Generation],
    let_go: Container[str],
    *,
    made: Container[str],
    listed: Container[str],
    reason: str,
    lost: Mapping[str, str] = MappingProxyType({}),
) -> Withdrawal:
    """Without the used cubes that a person let go, and without the products that are ``lost``.

    ``made`` are the identities of the products that are packed and not lost, ``listed`` those of
    framelists, which need no other camera's cube any more. ``lost`` has the files of lost products
    by their identities. A cube whose every frame is in a product is kept.
    """
    aside = set_aside_cubes(generations)
    products = [product for each in generations for product in each.products]
    packed = frames_in((p for p in products if p.identity in made), let_go)
    known = accounted_cubes(generations)
    bad = {
        path
        for path, account in known.items()
        if path in let_go and path not in aside and account.frames > packed.get(path, 0)
    }
    given_up = [product for product in products if product.identity in lost]
    unmade = [
        product
        for product in products
        if product.identity not in made
        and product.identity not in lost
        and (
            _needs(product.ranges, bad)
            or (_needs(product.partners, bad) and product.identity not in listed)
        )
    ]
    taken = {product.name for product in products}
    parts = tuple(part for product in unmade for part in _without(product, bad, taken))
    gone = {product.identity for product in (*unmade, *given_up)}
    files = _files_by_cube(given_up, lost)
    cubes = sorted(bad | (files.keys() & known.keys()))
    kept = frames_in((*(p for p in products if p.identity not in gone), *parts), cubes)
    return Withdrawal(
        cubes=tuple(known[path] for path in cubes),
        set_aside=tuple(
            SetAside(
                known[path].fits,
                known[path].timing_file,
                known[path].frames - kept.get(path, 0),
                _UNREADABLE if path in bad else PRODUCT_LOST,
                (reason if path in bad else _lost_reason(files[path], aside.get(path)))
                + in_products_too(kept.get(path, 0)),
            )
            for path in cubes
        ),
        withdrawn=tuple(sorted(gone)),
        products=parts,
    )


def join(generation: Generation, withdrawal: Withdrawal) -> Generation:
    """The generation with the withdrawal as part of its decision."""
    made = count_products(withdrawal.products)
    aside = sum(cube.frames for cube in withdrawal.set_aside)
    counts = replace(
        generation.counts,
        raw=generation.counts.raw + sum(cube.frames for cube in withdrawal.cubes),
        set_aside=generation.counts.set_aside + aside,
        **{name: getattr(generation.counts, name) + frames for name, frames in made.items()},
    )
    return replace(
        generation,
        cubes=_sorted(generation.cubes + withdrawal.cubes, lambda cube: cube.fits.path),
        set_aside=_sorted(generation.set_aside + withdrawal.set_aside, lambda cube: cube.path),
        products=_sorted(generation.products + withdrawal.products, lambda p: (p.order, p.name)),
        counts=counts,
        withdrawn=withdrawal.withdrawn,
    )


def without_withdrawn(generations: Sequence[Generation]) -> tuple[Generation, ...]:
    """The generations as they count, by number: without the products that a later one withdrew.

    Those that a later one replaces count nowhere. A cube that can be read again may give the same
    product, in a generation later still.
    """
    gone: set[str] = set()
    counting: list[Generation] = []
    replaced = {number for each in generations for number in each.replaces}
    every = sorted(generations, key=lambda each: each.number, reverse=True)
    for generation in (each for each in every if each.number not in replaced):
        counting.append(_counting(generation, gone))
        gone.update(generation.withdrawn)
    return tuple(reversed(counting))


def _counting(generation: Generation, gone: Container[str]) -> Generation:
    lost = [product for product in generation.products if product.identity in gone]
    if not lost:
        return generation
    counts = generation.counts
    less = {name: getattr(counts, name) - n for name, n in count_products(lost).items()}
    kept = tuple(product for product in generation.products if product.identity not in gone)
    return replace(generation, products=kept, counts=replace(counts, **less))


def _needs(parts: Iterable[FrameRange], cubes: Container[str]) -> bool:
    return any(part.cube in cubes for part in parts)


def frames_in(products: Iterable[Product], cubes: Container[str]) -> Counter[str]:
    """How many frames of each of these cubes the products hold."""
    held: Counter[str] = Counter()
    for product in products:
        for part in product.ranges:
            if part.cube in cubes:
                held[part.cube] += part.count
    return held


def _files_by_cube(products: Iterable[Product], files: Mapping[str, str]) -> dict[str, list[str]]:
    """The files of these products, by each cube whose frames they held."""
    by_cube: dict[str, list[str]] = {}
    for product in products:
        for cube in dict.fromkeys(part.cube for part in product.ranges):
            by_cube.setdefault(cube, []).append(files[product.identity])
    return by_cube


def _lost_reason(files: Sequence[str], before: SetAside | None) -> str:
    verb = "was" if len(files) == 1 else "were"
    reason = (
        f"{', '.join(sorted(files))} {verb} lost: without a good copy here or at the archive, and"
        " raw does not give the same bytes again"
    )
    return after_that(reason, before)


def after_that(reason: str, before: SetAside | None) -> str:
    """The reason, with what was the matter with the cube before."""
    return reason if before is None else f"{reason}; before that {before.code}: {before.reason}"


def in_products_too(frames: int) -> str:
    """What a reason says of the frames that stay in products."""
    return f"; {frames:,} of its frames are in products all the same" if frames else ""


def _without(product: Product, bad: Container[str], taken: set[str]) -> Iterator[Product]:
    """The product's other frames: with their partners, and without where these are lost."""
    own, partners = list(_expand(product.ranges)), list(_expand(product.partners))
    kept = [number for number, (cube, _) in enumerate(own) if cube not in bad]
    paired = [n for n in kept if partners and partners[n][0] not in bad]
    alone = [n for n in kept if not partners or partners[n][0] in bad]
    stem = stem_of(product.name)
    end = product.name.removeprefix(stem)
    if paired:
        yield replace(
            product,
            name=_free_name(stem, end, taken),
            ranges=_compress([own[n] for n in paired]),
            partners=_compress([partners[n] for n in paired]),
        )
    if alone:
        camera = product.order.camera
        stem = stem.replace("vsync", f"vcam{camera}", 1)
        yield replace(
            product,
            name=_free_name(stem, end.replace(f".cam{camera}", "", 1), taken),
            synchronised=False,
            ranges=_compress([own[n] for n in alone]),
            partners=(),
            offset_us=0,
            tolerance_us=0,
            pair_margin=0,
        )


def _expand(parts: Iterable[FrameRange]) -> Iterator[_Frame]:
    for part in parts:
        for position in part.frames():
            yield part.cube, position


def _compress(frames: Sequence[_Frame]) -> tuple[FrameRange, ...]:
    return tuple(
        part
        for cube, group in groupby(frames, key=lambda frame: frame[0])
        for part in compress_frames(cube, [position for _, position in group])
    )


def _free_name(stem: str, end: str, taken: set[str]) -> str:
    """The name that its siblings' ``_2`` and so on leave free; it is taken then."""
    name, count = f"{stem}{end}", 1
    while name in taken:
        count += 1
        name = f"{stem}_{count}{end}"
    taken.add(name)
    return name


def _sorted(items: tuple[_Item, ...], key: Callable[[_Item], Any]) -> tuple[_Item, ...]:
    return tuple(sorted(items, key=key))
