"""A lost generation, as far as the products that were made of it and other records tell of it.

A product names its frames exactly: its sidecar lists them, and its identity confirms that. Its
times, settings and partners are those that its header and its siblings show. What nothing tells is
left out: such a product may not come out of raw again to the byte, but it is the same product.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from vampd.errors import DataError
from vampd.model.cubes import (
    Cards,
    CountedBy,
    CubeAccount,
    FrameCount,
    FrameRange,
    Generation,
    Product,
    ProductOrder,
    SetAside,
    SyncCounts,
    identity_of,
    raw_path,
)
from vampd.model.nights import DAY_US, FileStamp
from vampd.model.proofs import PRODUCT_FORM
from vampd.model.sync.products import count_products

# The code of frames of which no record says what became of them.
DECISION_LOST = "decision_lost"
_UNIX_EPOCH_MJD = 40587
_RANGE = re.compile(r"frames ([0-9]{1,9}) count ([0-9]{1,9}) step ([0-9]{1,9}) of (.+)")
_VERSION = re.compile(r"made by vampd (.+)")
_PAIRED = re.compile(r"synchronised: .* offset (-?[0-9]+) us .*, tolerance ([0-9]+) us")
_NAME = re.compile(
    r"(?:vsync|vcam[12])_([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{6})(?:_[0-9]+)?"
    r"(?:\.cam[12])?(?:\.([ABD]))?"
)
_CARD_OF_CUBE = re.compile(r"HISTORY ([A-Z0-9_-]{1,8}) of its raw cube: ")
_UNCERTAIN = re.compile(r"HISTORY [A-Za-z0-9_-]+: ([A-Z0-9_-]{1,8}) may have changed before or ")


@dataclass(frozen=True)
class ProductTrace:
    """What is left of a product: its name at sync, identity, the ``notes`` of its sidecar, header.

    ``form`` is the one that it has.
    """

    name: str
    identity: str
    notes: tuple[str, ...]
    cards: Cards
    form: int


@dataclass(frozen=True)
class CubeTrace:
    """A raw cube as far as it is known: what it is here, or was when it was purged.

    ``frames`` is None where it is gone. Of a cube that another generation accounts for, ``account``
    is what that says. ``reason`` is its row of reasons.tsv: frames, code, reason.
    """

    path: str
    fits: FileStamp
    timing_file: FileStamp | None
    frames: FrameCount | None = None
    account: CubeAccount | None = None
    reason: tuple[int, str, str] | None = None


@dataclass(frozen=True)
class DecidedAgain:
    """A product with the identity of one that is not whole, as raw decides it again."""

    product: Product
    version: str
    form: int


def regain_generations(
    traces: Sequence[ProductTrace],
    cubes: Mapping[str, CubeTrace],
    others: Sequence[Generation],
    again: Sequence[DecidedAgain] = (),
    *,
    lost: Collection[int],
    bound: Collection[str],
    corrections: str,
    version: str,
) -> tuple[Generation, ...]:
    """Generations that stand for the ``lost`` ones, by number: one for each version and form.

    ``traces`` are the products that no whole generation holds, ``cubes`` the raw cubes by path: all
    of which a product holds frames, and those with a ``reason``. ``others`` are the whole
    generations, as they count, ``again`` what raw decides again; ``bound`` the identities that have
    frame IDs. ``version`` is today's, for what has no product. DataError ``decision_unknown`` if
    the frames of a product are not what its identity says.
    """
    made: dict[tuple[str, int], list[Product]] = {}
    for trace in traces:
        made.setdefault((_version(trace), trace.form), []).append(_regain_product(trace))
    for each in again:
        made.setdefault((each.version, each.form), []).append(each.product)
    if not made:
        made[version, PRODUCT_FORM] = []
    everything = [product for products in made.values() for product in products]
    kept = [product for generation in others for product in generation.products]
    used = _count_frames((*everything, *kept))
    own = {part.cube for product in everything for part in product.ranges}
    known = {cube.fits.path for generation in others for cube in generation.cubes}
    aside_only = {path for path, cube in cubes.items() if cube.reason} - known
    accounts = {path: _account(cubes[path], used[path]) for path in sorted(own | aside_only)}
    aside = tuple(
        _set_aside(cubes[path], account, used[path])
        for path, account in accounts.items()
        if account.frames > used[path]
    )
    identities = {product.identity for product in (*everything, *kept)}
    number = 1 + max((*lost, *(generation.number for generation in others)), default=0)
    partnered = _with_partners(everything)
    regained = [
        Generation(
            number=number + place,
            version=made_by,
            cubes=(),
            products=_sorted(partnered[product.identity] for product in made[made_by, form]),
            set_aside=(),
            counts=SyncCounts(**count_products(made[made_by, form])),
            remarks=(_remark(lost),),
            form=form,
            corrections=corrections,
            replaces=tuple(sorted(lost)),
        )
        for place, (made_by, form) in enumerate(sorted(made))
    ]
    # The last one accounts for all cubes: written after the others, it completes them.
    last = regained[-1]
    regained[-1] = replace(
        last,
        cubes=tuple(accounts.values()),
        set_aside=aside,
        counts=replace(
            last.counts,
            raw=sum(account.frames for account in accounts.values()),
            set_aside=sum(cube.frames for cube in aside),
        ),
        withdrawn=tuple(sorted(set(bound) - identities)),
    )
    return tuple(regained)


def _sorted(products: Iterable[Product]) -> tuple[Product, ...]:
    return tuple(sorted(products, key=lambda each: (each.order, each.name)))


def _account(cube: CubeTrace, used: int) -> CubeAccount:
    """A cube that is gone has the frames that are known of it."""
    if cube.account is not None:
        return cube.account
    known = used + (cube.reason[0] if cube.reason else 0)
    frames = known if cube.frames is None else max(cube.frames.frames, used)
    return CubeAccount(cube.fits, cube.timing_file, frames)


def _remark(lost: Collection[int]) -> str:
    numbers = ", ".join(map(str, sorted(lost)))
    return (
        f"in place of generation {numbers}, which was lost: from the products, at a person's word"
    )


def _set_aside(cube: CubeTrace, account: CubeAccount, used: int) -> SetAside:
    frames = account.frames - used
    counted = cube.frames.counted_by if cube.frames is not None else CountedBy.HEADER
    if cube.reason is not None and cube.reason[0] == frames:
        _, code, reason = cube.reason
    else:
        before = f"; before that {cube.reason[1]}: {cube.reason[2]}" if cube.reason else ""
        code = DECISION_LOST
        reason = f"the decision on these frames was lost with its generation{before}"
    return SetAside(account.fits, account.timing_file, frames, code, reason, counted)


def cubes_of(traces: Iterable[ProductTrace], again: Iterable[DecidedAgain] = ()) -> frozenset[str]:
    """The raw cubes whose frames these products hold; DataError as `regain_generations`."""
    products = (*map(_regain_product, traces), *(each.product for each in again))
    return frozenset(part.cube for product in products for part in product.ranges)


def _count_frames(products: Iterable[Product]) -> Counter[str]:
    used: Counter[str] = Counter()
    for product in products:
        for part in product.ranges:
            used[part.cube] += part.count
    return used


def _version(trace: ProductTrace) -> str:
    return next((found[1] for note in trace.notes if (found := _VERSION.fullmatch(note))), "")


def _regain_product(trace: ProductTrace) -> Product:
    """The product without its partners."""
    ranges = tuple(
        FrameRange(raw_path(found[4]), *(int(found[place]) for place in (1, 2, 3)))
        for note in trace.notes
        if (found := _RANGE.fullmatch(note))
    )
    named = _NAME.fullmatch(trace.name)
    if named is None:
        raise DataError(
            "decision_unknown",
            f"nothing says what {trace.name} was called at sync, and so when it begins",
        )
    if identity_of(ranges) != trace.identity or not ranges:
        raise DataError(
            "decision_unknown", f"the sidecar of {trace.name} does not say which frames it has"
        )
    paired = next((found for note in trace.notes if (found := _PAIRED.fullmatch(note))), None)
    hour, minute, second, micros = (int(named[place]) for place in (1, 2, 3, 4))
    clock_us = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros
    day_us = _day_us(trace.cards)
    first_us = day_us + clock_us
    camera = 1 if ranges[0].cube.startswith("vcam1/") else 2
    return Product(
        name=trace.name,
        order=ProductOrder(first_us, camera, named[5] or ""),
        synchronised=paired is not None,
        ranges=ranges,
        partners=(),
        first_us=first_us,
        middle_us=_moment(trace.cards, "", first_us),
        last_us=_moment(trace.cards, "-END", first_us),
        offset_us=int(paired[1]) if paired else 0,
        tolerance_us=int(paired[2]) if paired else 0,
        cards=tuple(_own_cards(trace.cards)),
        uncertain=tuple(
            found[1] for text in trace.cards.texts if (found := _UNCERTAIN.match(text))
        ),
    )


def _own_cards(cards: Cards) -> Iterator[tuple[str, str]]:
    """The keywords that its frames go by, with their value fields."""
    for text in cards.texts:
        if (found := _CARD_OF_CUBE.match(text)) and (card := cards.card(found[1])):
            yield found[1], card.text[10:].partition(" /")[0].strip()


def _day_us(cards: Cards) -> int:
    said = cards.value("DATE-OBS")
    try:
        day = date.fromisoformat(str(said).strip())
    except ValueError as error:
        raise DataError(
            "decision_unknown", f"DATE-OBS of a product is {said!r}, no date"
        ) from error
    return (day - date(1970, 1, 1)).days * DAY_US


def _moment(cards: Cards, end: str, first_us: int) -> int:
    """A time that gives both cards again: UT in cut milliseconds, MJD rounded to its decimals."""
    said, clock = cards.card(f"MJD{end}"), str(cards.value(f"UT{end}")).strip()
    if said is None or not re.fullmatch(r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}", clock):
        return first_us
    number = re.match(r"\s*([0-9]+\.[0-9]+)", said.text[10:])
    if number is None:
        return first_us
    half = Decimal(5).scaleb(-1 - len(number[1].partition(".")[2]))
    least_us = math.ceil((Decimal(number[1]) - half - _UNIX_EPOCH_MJD) * DAY_US)
    hour, minute, second = int(clock[:2]), int(clock[3:5]), int(clock[6:8])
    clock_us = ((hour * 60 + minute) * 60 + second) * 1_000_000 + int(clock[9:]) * 1000
    # The day on which this time of day is nearest to the MJD.
    day_us = round((least_us - clock_us) / DAY_US) * DAY_US
    return max(least_us, day_us + clock_us)


def _with_partners(products: Sequence[Product]) -> dict[str, Product]:
    """By identity; the frames of a synchronized product's sibling are its partners."""
    by_name = {product.name: product for product in products}
    found = {}
    for product in products:
        own, other = f".cam{product.order.camera}", f".cam{3 - product.order.camera}"
        sibling = by_name.get(product.name.replace(own, other)) if product.synchronised else None
        if sibling is not None and sibling.frames == product.frames:
            product = replace(product, partners=sibling.ranges)
        found[product.identity] = product
    return found
