"""The header and the timing rows of a product, from the raw cubes that it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

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
# Columns of a timing file that products take as they are.
_OF_CAMERA = "main_index", "logged_ns", "acquired_us", "cnt0", "cnt1"
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
    timing = _gather(product.ranges, cubes, is_readable=form >= READABLE_FORM)
    if product.synchronised:
        partners_us = _columns(["acquired_us"], product.partners, cubes)["acquired_us"]
        if len(partners_us) != len(timing):
            raise DataError("partners_differ", f"{product.name}: frames and partners differ")
        timing = replace(timing, acquired_us=(timing.acquired_us + partners_us) // 2)
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


def _gather(
    ranges: Sequence[FrameRange], cubes: Mapping[str, RawCube], *, is_readable: bool
) -> Timing:
    """The rows of these frames; from form 3 on, with their number and time in the product."""
    columns = _columns(_OF_CAMERA, ranges, cubes)
    if is_readable:
        logged_ns = columns["logged_ns"]
        frame = np.arange(len(logged_ns), dtype=np.int64)
        return Timing(frame=frame, elapsed_ns=logged_ns - logged_ns[:1], **columns)
    return Timing(**_columns(("frame", "elapsed_ns"), ranges, cubes), **columns)


def _columns(
    names: Iterable[str], ranges: Sequence[FrameRange], cubes: Mapping[str, RawCube]
) -> dict[str, npt.NDArray[np.int64]]:
    """These columns of the frames, and no others: each is made again whenever it is read."""
    timings = {path: cubes[path].timing for path in {part.cube for part in ranges}}
    positions = [(part.cube, _positions(part)) for part in ranges]
    found = {}
    for name in names:
        whole = {path: getattr(timing, name) for path, timing in timings.items()}
        found[name] = np.concatenate([whole[path][at] for path, at in positions])
    return found


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
    is_readable = form >= READABLE_FORM
    cards = _kept_cards(raw, is_readable)
    # All at once: each intermediate header would cost as much as the last.
    cards = cards.replaced([_frames_card(product, cards), *_own_cards(product, cards)])
    entries: tuple[str, ...] = ()
    if is_readable:
        readable = make_readable(cards, (keyword for keyword, _ in product.cards))
        cards, entries = readable.cards, readable.entries
    return cards.appended(_history(product, raw, paths, version, form, entries))


# A cube's products come one after the other, and some are made of both cameras' cubes by turns.
@lru_cache(maxsize=4)
def _kept_cards(raw: Cards, is_readable: bool) -> Cards:
    """The cards of a raw cube that its products keep, with one for the number of frames."""
    texts = [text for text in raw.texts if text[:8].rstrip() not in _STALE]
    cards = Cards(tuple(texts))
    if is_readable:
        cards = without_last_blanks(cards)
    if "NAXIS3" in cards:
        return cards
    # A single image becomes a cube of one frame; the standard requires NAXIS3 right after NAXIS2.
    texts = list(cards.with_value("NAXIS", 3).texts)
    behind = next(i for i, text in enumerate(texts) if text.startswith("NAXIS2  ")) + 1
    texts.insert(behind, render_card("NAXIS3", render_value(1), "number of frames").text)
    return Cards(tuple(texts))


def _frames_card(product: Product, raw: Cards) -> Card:
    old = raw.card("NAXIS3")
    return render_card("NAXIS3", render_value(product.frames), old.comment if old else "")


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
