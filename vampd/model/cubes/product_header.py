"""The header and the timing rows of a product, from the raw cubes that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vampd.errors import DataError
from vampd.model.cubes.cards import (
    CARD_LENGTH,
    Card,
    Cards,
    history_card,
    render_card,
    render_value,
)
from vampd.model.cubes.cube import RawCube
from vampd.model.cubes.framelist import Framelist, FrameRange
from vampd.model.cubes.generation import Product
from vampd.model.cubes.kept_timing import pack_times
from vampd.model.cubes.readable_cards import make_readable, without_last_blanks
from vampd.model.cubes.timing import Timing
from vampd.model.nights import format_clock, format_date, format_hst_clock, format_mjd
from vampd.model.proofs import FIRST_FORM, READABLE_FORM, refuse_other_form

_HISTORY_TEXT = CARD_LENGTH - len("HISTORY ")
# Sums over the raw cube's own bytes; the packed product gets its own.
_STALE = frozenset({"CHECKSUM", "DATASUM"})
_TIME_DECIMALS = 3
# What HISTORY says of a card whose value is not certain for the product's frames.
_UNCERTAIN = {"RET-ANG1": "angle_uncertain", "EXPTIME": "exptime_uncertain"}
_MADE = re.compile(r"HISTORY vampd [^:,]+(?:, form ([0-9]{1,9}))?: \d+ frames of ")


def build_framelist(
    product: Product, cubes: Mapping[str, RawCube], version: str, form: int
) -> Framelist:
    """The framelist of a product, in the form that its generation decided.

    ``cubes`` holds the raw cubes of its ranges and partners by path, with all their cards. Frames
    of a synchronized product carry the mean of both acquisition times (us, rounded down) and keep
    the camera's own logging times; from form 3 on, rows count the product's own frames, and the
    time since its first one (logging). DataError ``other_form`` if it is not written any more.
    """
    refuse_other_form(form, product.name)
    timing = _gather(product.ranges, cubes)
    if product.synchronised:
        partner = _gather(product.partners, cubes)
        if len(partner) != len(timing):
            raise DataError("partners_differ", f"{product.name}: frames and partners differ")
        common = (timing.acquired_us + partner.acquired_us) // 2
        timing = replace(timing, acquired_us=common)
    if form >= READABLE_FORM:
        timing = replace(
            timing,
            frame=np.arange(len(timing), dtype=np.int64),
            elapsed_ns=timing.logged_ns - timing.logged_ns[:1],
        )
    paths = tuple(dict.fromkeys(part.cube for part in product.ranges))
    return Framelist(
        name=product.name,
        order=product.order,
        sources=tuple(cubes[path].fits for path in paths),
        ranges=product.ranges,
        notes=tuple(_notes(product, version)),
        cards=_product_cards(product, cubes[paths[0]].cards, paths, version, form),
        times=pack_times(timing),
    )


def form_of(cards: Cards) -> int:
    """The form that a product's HISTORY names."""
    made = [match for match in map(_MADE.match, cards.texts) if match]
    return int(made[-1][1] or FIRST_FORM) if made else FIRST_FORM


def _gather(ranges: Sequence[FrameRange], cubes: Mapping[str, RawCube]) -> Timing:
    return Timing(*(_column(name, ranges, cubes) for name in Timing.__dataclass_fields__))


def _column(
    name: str, ranges: Sequence[FrameRange], cubes: Mapping[str, RawCube]
) -> npt.NDArray[np.int64]:
    # Read once: a column may be made whenever it is read.
    columns = {path: getattr(cubes[path].timing, name) for path in {part.cube for part in ranges}}
    return np.concatenate([columns[part.cube][_positions(part)] for part in ranges])


def _positions(part: FrameRange) -> npt.NDArray[np.int64]:
    return np.arange(part.start, part.start + part.count * part.step, part.step, dtype=np.int64)


def _notes(product: Product, version: str) -> Iterator[str]:
    yield f"made by vampd {version}"
    if product.synchronised:
        yield (
            f"synchronised: column 5 is the mean of both cameras, offset {product.offset_us} us"
            f" (camera 2 - camera 1), tolerance {product.tolerance_us} us"
        )
    for part in product.ranges:
        yield f"frames {part.start} count {part.count} step {part.step} of {part.cube}"


def _product_cards(
    product: Product, raw: Cards, paths: Sequence[str], version: str, form: int
) -> Cards:
    cards = Cards(tuple(text for text in raw.texts if text[:8].rstrip() not in _STALE))
    is_readable = form >= READABLE_FORM
    cards = _with_frames(without_last_blanks(cards) if is_readable else cards, product.frames)
    # All at once: each intermediate header would cost as much as the last.
    cards = cards.replaced(_own_cards(product, cards))
    entries: tuple[str, ...] = ()
    if is_readable:
        readable = make_readable(cards, (keyword for keyword, _ in product.cards))
        cards, entries = readable.cards, readable.entries
    return cards.appended(_history(product, raw, paths, version, form, entries))


def _own_cards(product: Product, raw: Cards) -> Iterator[Card]:
    """The cards that describe the product itself; existing comments stay."""

    def card(keyword: str, field: str, comment: str = "") -> Card:
        old = raw.card(keyword)
        return render_card(keyword, field, (old.comment if old else "") or comment)

    yield card("U_SYNC", render_value(product.synchronised), "synchronised with the other camera")
    if product.order.flc_state:
        yield card("U_FLC", render_value(product.order.flc_state), "FLC state of the frames")
    for keyword, field in product.cards:
        yield card(keyword, field)
    yield card("DATE-OBS", render_value(format_date(product.first_us)), "UT date of observation")
    for suffix, time_us in (
        ("", product.middle_us),
        ("-STR", product.first_us),
        ("-END", product.last_us),
    ):
        yield card(f"UT{suffix}", render_value(format_clock(time_us, _TIME_DECIMALS)))
        yield card(f"HST{suffix}", render_value(format_hst_clock(time_us, _TIME_DECIMALS)))
        yield card(f"MJD{suffix}", format_mjd(time_us))


def _with_frames(cards: Cards, frames: int) -> Cards:
    if "NAXIS3" in cards:
        return cards.with_value("NAXIS3", frames)
    # A single image becomes a cube of one frame; the standard requires NAXIS3 right after NAXIS2.
    texts = list(cards.with_value("NAXIS", 3).texts)
    behind = next(i for i, text in enumerate(texts) if text.startswith("NAXIS2  ")) + 1
    texts.insert(behind, render_card("NAXIS3", render_value(frames), "number of frames").text)
    return Cards(tuple(texts))


def _history(
    product: Product,
    raw: Cards,
    paths: Sequence[str],
    version: str,
    form: int,
    entries: Sequence[str],
) -> Iterator[Card]:
    made_by = f"vampd {version}" if form == FIRST_FORM else f"vampd {version}, form {form}"
    lines = [f"{made_by}: {product.frames} frames of {len(paths)} raw cubes"]
    for path in paths:
        parts = [part for part in product.ranges if part.cube == path]
        first, last = parts[0].start, parts[-1].frames()[-1]
        count = sum(part.count for part in parts)
        lines.append(f"{path} frames {first} to {last}, {count} of them")
    if product.synchronised:
        lines.append(f"offset {product.offset_us} us, tolerance {product.tolerance_us} us")
    for keyword, _ in product.cards:
        was = raw.card(keyword)
        said = was.text[10:].partition("/")[0].strip() if was else "no card"
        lines.append(f"{keyword} of its raw cube: {said}")
    for keyword, old, new, why in product.corrected:
        lines.append(f"corrected: {keyword} was {old or 'undefined'}, is {new}: {why}")
    for keyword in product.uncertain:
        code = _UNCERTAIN.get(keyword, keyword)
        lines.append(f"{code}: {keyword} may have changed before or while these were taken")
    for line in (*lines, *entries):
        printable = "".join(c if " " <= c <= "~" else "?" for c in line)
        for start in range(0, len(printable), _HISTORY_TEXT):
            yield history_card(printable[start : start + _HISTORY_TEXT])
