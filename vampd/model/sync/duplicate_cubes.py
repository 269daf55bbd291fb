"""Duplicates: raw cubes whose frames the night already has, in another cube of the same camera.

One camera takes one frame at a time, so equal times and counts are equal frames: a copy, a hard
link or a symbolic link under another name, or a cube that overlaps one whose frames are in
products.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from vampd.model.cubes import Generation, RawCube, SetAside
from vampd.model.nights import Stream
from vampd.model.sync.taking import overlap


@dataclass(frozen=True)
class GoneSpan:
    """The acquisition times (us) between which a camera's frames are in products, of removed cubes.

    ``path`` is one of these cubes. Their own times are gone with them. ``is_solo`` if the frames
    have no partners.
    """

    stream: Stream
    first_us: int
    last_us: int
    path: str
    is_solo: bool


def find_gone_spans(
    generations: Iterable[Generation], here: Container[str]
) -> tuple[GoneSpan, ...]:
    """The spans of the products of which some raw cube is not ``here`` any more."""
    return tuple(
        GoneSpan(
            Stream(gone.partition("/")[0]),
            # A synchronized product's times are means of both cameras'.
            product.first_us - abs(product.offset_us) - product.tolerance_us,
            product.last_us + abs(product.offset_us) + product.tolerance_us,
            gone,
            not product.synchronised,
        )
        for generation in generations
        for product in generation.products
        if (gone := next((p.cube for p in product.ranges if p.cube not in here), None)) is not None
    )


def set_aside_duplicates(
    late: Sequence[RawCube], used: Sequence[RawCube], gone: Sequence[GoneSpan] = ()
) -> tuple[list[RawCube], list[SetAside]]:
    """The late cubes whose frames are new, and the others as SetAside.

    Codes: ``duplicate_cube`` (the same times and counts, frame by frame) and ``overlaps_cube``
    (frames from the time of a cube in ``used``, whose frames are in products, or from one of the
    spans in ``gone``, where no one can tell any more). Of copies that are all late, the
    one with the logger's name is kept; else the first by path.
    """
    originals = {_times_key(cube): cube for cube in used}
    kept: list[RawCube] = []
    aside: list[SetAside] = []
    for cube in sorted(late, key=_name_key):
        original = originals.setdefault(_times_key(cube), cube)
        if original is not cube:
            reason = f"it holds the same {cube.frames} frames as {original.path}"
            aside.append(_set_aside(cube, "duplicate_cube", reason))
        elif other := _overlapped(cube, used):
            reason = (
                f"its frames were acquired at the same time as those of {other.path}, which are in"
                " products"
            )
            aside.append(_set_aside(cube, "overlaps_cube", reason))
        elif span := _within(cube, gone):
            reason = (
                f"its frames were acquired at the time of products of {span.path} and others, which"
                " were removed: they may be the same frames"
            )
            aside.append(_set_aside(cube, "overlaps_cube", reason))
        else:
            kept.append(cube)
    return kept, aside


def _times_key(cube: RawCube) -> tuple[str, bytes]:
    rows = hashlib.sha256(cube.timing.acquired_us.tobytes())
    rows.update(cube.timing.cnt0.tobytes())
    return cube.stream, rows.digest()


def _name_key(cube: RawCube) -> tuple[bool, str]:
    return not cube.path.startswith(f"{cube.stream}/{cube.stream}_"), cube.path


def _overlapped(cube: RawCube, others: Iterable[RawCube]) -> RawCube | None:
    counted = cube.count_span
    return next(
        (
            other
            for other in others
            if other.stream is cube.stream
            and overlap(other.span_us, cube.span_us)
            # Where the counter went on, the host's clock was set back.
            and overlap(other.count_span, counted)
        ),
        None,
    )


def _within(cube: RawCube, spans: Iterable[GoneSpan]) -> GoneSpan | None:
    return next(
        (
            span
            for span in spans
            if span.stream is cube.stream and overlap((span.first_us, span.last_us), cube.span_us)
        ),
        None,
    )


def _set_aside(cube: RawCube, code: str, reason: str) -> SetAside:
    return SetAside(cube.fits, cube.timing_file, cube.frames, code, reason)
