"""Framelists of written raw cubes, and strategies for any framelist."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from tests.support.builders.raw_cubes import Pixels, WrittenCube
from vampd.model.cubes import (
    Cards,
    Framelist,
    FrameRange,
    ProductOrder,
    Timing,
    format_framelist,
    pack_times,
)
from vampd.model.nights import FileStamp

COLUMNS = tuple(Timing.__dataclass_fields__)
NAME = "vsync_10:20:00.509073.cam1.A"


def framelist_of(
    cubes: Sequence[WrittenCube],
    ranges: Sequence[FrameRange] | None = None,
    *,
    cards: Cards | None = None,
    name: str = NAME,
) -> Framelist:
    """All frames of some cubes, or these ranges of them, under the first cube's header."""
    if ranges is None:
        ranges = [FrameRange(cube.stamp.path, 0, len(cube.pixels)) for cube in cubes]
    by_path = {cube.stamp.path: cube for cube in cubes}
    frames = sum(part.count for part in ranges)
    return Framelist(
        name=name,
        order=ProductOrder(int(cubes[0].timing.acquired_us[0]), cubes[0].stream.camera, "A"),
        sources=tuple(cube.stamp for cube in cubes),
        ranges=tuple(ranges),
        notes=("made by a test", *(f"source {part.cube}" for part in ranges)),
        cards=(cards or cubes[0].cards).with_value("NAXIS3", frames),
        times=pack_times(
            joined_timing(
                by_path[part.cube].timing.take(np.array(part.frames())) for part in ranges
            )
        ),
    )


def joined_timing(parts: Iterable[Timing]) -> Timing:
    """The rows of several timings, one after the other."""
    columns = ([getattr(part, name) for name in COLUMNS] for part in parts)
    return Timing(*(np.concatenate(each) for each in zip(*columns, strict=True)))


def times_of(frames: int) -> str:
    """The packed times of so many frames: each row holds its number, seven times."""
    return pack_times(Timing(*(np.arange(frames),) * len(COLUMNS)))


def text_of_version_1(framelist: Framelist) -> str:
    """The framelist as 0.3.0 and earlier wrote it."""
    head = format_framelist(framelist).rpartition("times ")[0].partition("\n")[2]
    body = f"vampd framelist 1\n{head}rows {framelist.frames}\n{framelist.rows}"
    digest = hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{body}sha256 {digest}\n"


def pixels_of(cubes: Sequence[WrittenCube], ranges: Sequence[FrameRange]) -> Pixels:
    """The pixels that these ranges refer to, as a person would pick them."""
    by_path = {cube.stamp.path: cube for cube in cubes}
    return np.concatenate([by_path[part.cube].pixels[list(part.frames())] for part in ranges])


# What a header may hold: printable characters, those of Latin-1 too.
card_texts = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]),
    min_size=80,
    max_size=80,
)
# Any name that a file can have and vampd takes: see `name_unusable`.
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cn"], exclude_characters="/"),
    min_size=1,
    max_size=30,
).filter(lambda name: name.strip() == name and name.isprintable() and name[0] != ".")
paths = st.builds("{}/{}".format, st.sampled_from(["vcam1", "vcam2"]), names)
counts = st.integers(0, 10**12)
stamps = st.builds(FileStamp, paths, counts, counts)
ranges_of_frames = st.builds(FrameRange, paths, counts, st.integers(1, 5), st.integers(1, 9))


def timings(frames: int) -> st.SearchStrategy[Timing]:
    """Any rows of so many frames: times before the first one's, if a clock was set back."""
    at_least = {"elapsed_ns": -(10**13)}
    columns = [
        st.lists(st.integers(at_least.get(name, 0), 10**15), min_size=frames, max_size=frames).map(
            lambda values: np.array(values, dtype=np.int64)
        )
        for name in COLUMNS
    ]
    return st.builds(Timing, *columns)


@st.composite
def framelists(draw: st.DrawFn) -> Framelist:
    """Any framelist that could be written."""
    ranges = tuple(draw(st.lists(ranges_of_frames, min_size=1, max_size=4)))
    frames = sum(part.count for part in ranges)
    line = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)
    return Framelist(
        name=draw(names),
        order=draw(
            st.builds(ProductOrder, counts, st.integers(1, 2), st.sampled_from(["", "A", "B", "D"]))
        ),
        sources=tuple(draw(st.lists(stamps, max_size=4))),
        ranges=ranges,
        notes=tuple(draw(st.lists(line, max_size=3))),
        cards=Cards(tuple(draw(st.lists(card_texts, max_size=6)))),
        times=pack_times(draw(timings(frames))),
    )
