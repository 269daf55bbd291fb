"""Generations: what sync decided, once and for all, for the frames present.

Sync commits its whole plan as one immutable file before the first framelist. A restart completes
that generation; only cubes that no generation accounts for are late and form the next one.
Every frame of every cube in ``cubes`` is either in one product or in one ``set_aside`` cube.
What a generation is and how it is written are one form, read in one module, however long.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from vampd.errors import DataError
from vampd.model.cubes.cube import CountedBy, SetAside
from vampd.model.cubes.framelist import FrameRange, ProductOrder, identity_of
from vampd.model.cubes.inside import product_name, raw_path
from vampd.model.nights import FileStamp, plain_cube_path
from vampd.model.proofs import FIRST_FORM, PRODUCT_FORM, text_digest

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class CubeAccount:
    """A raw cube that a generation accounts for, as it was at sync."""

    fits: FileStamp
    timing_file: FileStamp | None
    frames: int


@dataclass(frozen=True, slots=True)
class Product:
    """One product to be made.

    ``partners`` are the other camera's frames, one for one, empty for a solo product. ``first_us``,
    ``middle_us``, ``last_us`` are acquisition times of the cut that the product came from: its
    siblings (other camera, other FLC states) have the same ones. ``cards`` are the keywords and
    value fields that its frames go by, whatever their own cubes' cards say; ``uncertain`` are the
    keywords whose value changed while its frames were taken; ``corrected`` are keyword, old and new
    value, and reason of what a person corrected of its cubes. ``label_margin`` and ``pair_margin``
    are by how much the least certain of its labels and of its pairs was likelier than another, in
    1/1024 nat; 0 if it has none, or is of a version that did not say.
    """

    name: str
    order: ProductOrder
    synchronised: bool
    ranges: tuple[FrameRange, ...]
    partners: tuple[FrameRange, ...]
    first_us: int
    middle_us: int
    last_us: int
    offset_us: int
    tolerance_us: int
    cards: tuple[tuple[str, str], ...] = ()
    uncertain: tuple[str, ...] = ()
    corrected: tuple[tuple[str, str, str, str], ...] = ()
    label_margin: int = 0
    pair_margin: int = 0

    @property
    def identity(self) -> str:
        """The product's identity (hex SHA-256)."""
        return identity_of(self.ranges)

    @property
    def frames(self) -> int:
        """The number of frames."""
        return sum(part.count for part in self.ranges)


@dataclass(frozen=True)
class SyncCounts:
    """The fates of the frames at sync, for the verdict and for people; all are numbers of frames.

    ``unpaired`` counts externally triggered frames that should have had a partner (no cube of the
    other camera was set aside there). ``late_partners`` counts frames
    that are in products of earlier generations and would have a partner in this one, ``uncertain``
    those of which a setting changed while they were taken.
    """

    raw: int = 0
    synchronised: int = 0
    solo: int = 0
    unpaired: int = 0
    deinterleaved: int = 0
    dubious: int = 0
    set_aside: int = 0
    late_partners: int = 0
    uncertain: int = 0


@dataclass(frozen=True)
class Generation:
    """One sync decision; ``number`` counts from 1, ``version`` is vampd's at that time.

    ``form`` is the number of the form that its products have, whatever version makes them.
    ``withdrawn`` are the identities of products of earlier generations that will never be made.
    ``corrections`` is the SHA-256 of the corrections.tsv that it decided with, '' for none;
    ``replaces`` are the numbers of generations that count nowhere from here on.
    ``dubious`` counts the frames without a certain FLC state by reason; ``remarks`` say what a
    person may want to know about the decision.
    """

    number: int
    version: str
    cubes: tuple[CubeAccount, ...]
    products: tuple[Product, ...]
    set_aside: tuple[SetAside, ...]
    counts: SyncCounts
    remarks: tuple[str, ...] = ()
    dubious: Mapping[str, int] = field(default_factory=dict, hash=False)
    form: int = PRODUCT_FORM
    withdrawn: tuple[str, ...] = ()
    corrections: str = ""
    replaces: tuple[int, ...] = ()

    @property
    def file_name(self) -> str:
        """The generation's file in ``vgen2``."""
        return generation_name(self.number)


def generation_name(number: int) -> str:
    """The name of a generation's file in ``vgen2``."""
    return f"generation_{number:04d}.json"


def format_generation(generation: Generation) -> str:
    """The generation as text: one JSON object and a line with its SHA-256."""
    return "".join(generation_parts(generation))


def generation_parts(generation: Generation) -> Iterator[str]:
    """The same, part by part: of a long night it is tens of megabytes."""
    digest = hashlib.sha256()
    for part in _body_parts(generation):
        digest.update(part.encode())
        yield part
    yield f"{digest.hexdigest()}\n"


def _body_parts(generation: Generation) -> Iterator[str]:
    values: dict[str, Any] = {
        **vars(generation),
        # As earlier versions wrote it, who can read it then.
        "counts": _without_empty(vars(generation.counts), ("late_partners", "uncertain")),
        "products": map(_product_values, generation.products),
        "set_aside": map(_aside_values, generation.set_aside),
    }
    if generation.form == FIRST_FORM:
        del values["form"]
    values = _without_empty(values, ("withdrawn", "corrections", "replaces"))
    # Not by `asdict`: a long night has a hundred thousand of these, and it copies each.
    written = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=_fields_of).encode
    before = "{"
    for name in sorted(values):
        yield f"{before}{written(name)}:"
        before = ","
        if name in ("cubes", "products", "set_aside"):
            yield "["
            for number, entry in enumerate(values[name]):
                yield f"{',' if number else ''}{written(entry)}"
            yield "]"
        else:
            yield written(values[name])
    yield "}\n"


def _product_values(product: Product) -> dict[str, Any]:
    order = _without_empty(_fields_of(product.order), ("clock",))
    values = _without_empty(
        _fields_of(product), ("cards", "uncertain", "corrected", "label_margin", "pair_margin")
    )
    return {**values, "order": order}


def _aside_values(cube: SetAside) -> dict[str, Any]:
    values = _fields_of(cube)
    if cube.counted_by is CountedBy.HEADER:
        del values["counted_by"]
    return values


def _fields_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _without_empty(values: Mapping[str, Any], names: Container[str]) -> dict[str, Any]:
    """The values without those of these names that are empty or 0."""
    return {name: value for name, value in values.items() if value or name not in names}


def parse_generation(text: str) -> Generation:
    """Read a generation; DataError ``generation_damaged`` if a single character differs."""
    # No copy of a long one: its first line is read where it is.
    end = len(text.removesuffix("\n"))
    last = text.rfind("\n", 0, end) + 1
    if text[last:end] != text_digest(text, last):
        raise DataError("generation_damaged", "the generation file's checksum does not agree")
    try:
        kept: dict[Any, Any] = {}
        reader = json.JSONDecoder(object_hook=partial(_made_of, kept))
        values, after = reader.raw_decode(text)
        if text[after:last] != "\n":
            raise ValueError("more follows its object")
        return _parse(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(
            "generation_damaged", f"the generation cannot be read: {type(error).__name__}: {error}"
        ) from error


def _parse(raw: Mapping[str, Any]) -> Generation:
    return Generation(
        number=raw["number"],
        version=raw["version"],
        cubes=_all_of(CubeAccount, raw["cubes"]),
        products=_all_of(Product, raw["products"]),
        set_aside=_all_of(SetAside, raw["set_aside"]),
        counts=SyncCounts(**raw["counts"]),
        remarks=tuple(raw["remarks"]),
        dubious=raw["dubious"],
        form=raw.get("form", FIRST_FORM),
        withdrawn=tuple(raw.get("withdrawn", ())),
        corrections=raw.get("corrections", ""),
        replaces=tuple(raw.get("replaces", ())),
    )


def _all_of(kind: type[_Made], found: Iterable[object]) -> tuple[_Made, ...]:
    made = tuple(found)
    if not all(isinstance(one, kind) for one in made):
        raise TypeError(f"an entry is no {kind.__name__}")
    return cast(tuple[_Made, ...], made)


def _made_of(kept: dict[Any, Any], raw: dict[str, Any]) -> object:
    """What an object of the text stands for, made as soon as it is read.

    The objects of a long night take a hundred megabytes. ``kept`` has what many entries share.
    """
    if "mtime_ns" in raw:
        return FileStamp(_kept(kept, raw_path(raw["path"])), raw["size"], raw["mtime_ns"])
    if "step" in raw:
        cube = _kept(kept, raw_path(raw["cube"]))
        return _kept(kept, FrameRange(cube, raw["start"], raw["count"], raw["step"]))
    if "ranges" in raw:
        return _product(kept, raw)
    if "code" in raw:
        return _aside(raw)
    if "fits" in raw:
        return CubeAccount(_stamp(raw["fits"]), _stamp_or_none(raw["timing_file"]), raw["frames"])
    return raw


def _kept(kept: dict[Any, Any], value: _Made) -> _Made:
    return cast(_Made, kept.setdefault(value, value))


def accounted_cubes(generations: Iterable[Generation]) -> dict[str, CubeAccount]:
    """For each raw cube that any generation knows, its newest account.

    A cube that got its name since it was accounted for under its logger's temporary one, or in a
    compressed form, counts once.
    """
    accounts = {
        cube.fits.path: cube
        for generation in sorted(generations, key=lambda g: g.number)
        for cube in generation.cubes
    }
    return {path: cube for path, cube in accounts.items() if plain_cube_path(path) not in accounts}


def set_aside_cubes(generations: Iterable[Generation]) -> dict[str, SetAside]:
    """The cubes that are set aside now: a later generation may have used one after all."""
    aside: dict[str, SetAside] = {}
    known = tuple(generations)
    for generation in sorted(known, key=lambda g: g.number):
        for cube in generation.cubes:
            aside.pop(cube.fits.path, None)
        aside.update((cube.path, cube) for cube in generation.set_aside)
    accounts = accounted_cubes(known)
    return {path: cube for path, cube in aside.items() if path in accounts}


def wholly_aside(generations: Iterable[Generation]) -> frozenset[str]:
    """The cubes that are set aside whole, by path: of others, single frames are."""
    known = tuple(generations)
    accounts = accounted_cubes(known)
    aside = set_aside_cubes(known).items()
    return frozenset(path for path, cube in aside if accounts[path].frames <= cube.frames)


def _stamp(found: object) -> FileStamp:
    if not isinstance(found, FileStamp):
        raise TypeError("an entry has no file")
    return found


def _stamp_or_none(found: object) -> FileStamp | None:
    return None if found is None else _stamp(found)


def _aside(raw: Mapping[str, Any]) -> SetAside:
    return SetAside(
        fits=_stamp(raw["fits"]),
        timing_file=_stamp_or_none(raw["timing_file"]),
        frames=raw["frames"],
        code=raw["code"],
        reason=raw["reason"],
        counted_by=CountedBy(raw.get("counted_by", CountedBy.HEADER)),
    )


def _product(kept: dict[Any, Any], raw: Mapping[str, Any]) -> Product:
    cards = tuple((keyword, field) for keyword, field in raw.get("cards", ()))
    return Product(
        name=product_name(raw["name"]),
        order=ProductOrder(**raw["order"]),
        synchronised=raw["synchronised"],
        ranges=_all_of(FrameRange, raw["ranges"]),
        partners=_all_of(FrameRange, raw["partners"]),
        first_us=raw["first_us"],
        middle_us=raw["middle_us"],
        last_us=raw["last_us"],
        offset_us=raw["offset_us"],
        tolerance_us=raw["tolerance_us"],
        cards=_kept(kept, cards),
        uncertain=_kept(kept, tuple(raw.get("uncertain", ()))),
        corrected=tuple((kw, old, new, why) for kw, old, new, why in raw.get("corrected", ())),
        label_margin=raw.get("label_margin", 0),
        pair_margin=raw.get("pair_margin", 0),
    )


def total_counts(generations: tuple[Generation, ...]) -> SyncCounts:
    """The counts of all generations together; each cube counts by its newest account."""
    names = SyncCounts.__dataclass_fields__
    sums = {name: sum(getattr(g.counts, name) for g in generations) for name in names}
    sums["raw"] = sum(cube.frames for cube in accounted_cubes(generations).values())
    sums["set_aside"] = sum(cube.frames for cube in set_aside_cubes(generations).values())
    return SyncCounts(**sums)
