"""Framelists: virtual cubes, made of header cards and ordered references to raw frames.

A framelist is a text file ``vgen2/<name>.framelist``. Its last line is the SHA-256 of all lines
before it, so that a damaged one is never mistaken for a whole one::

    vampd framelist 2
    name vsync_10:20:00.509073.cam1.A
    identity 3f5c...
    order 1762424400509073 1 A
    source 574080000 1762424402510000000 vcam1/vcam1_10:20:00.509403978.fits
    range 0 500 2 vcam1/vcam1_10:20:00.509403978.fits
    note made by vampd 0.1.0
    cards 415
    (80 characters a line)
    times 500
    (the numbers of the rows of the product's frames, packed, in one line)
    sha256 9a0b...

The *identity* names a product by what it holds (night-relative source paths and frame ranges) and
nothing else: a frame ID is bound to it, and renaming the framelist does not change it. The times
are unpacked where rows are wanted, and not where cards are changed.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from vampd.errors import DataError
from vampd.model.cubes.cards import CARD_LENGTH, Card, Cards, render_card, render_string
from vampd.model.cubes.inside import product_name, raw_path
from vampd.model.frame_ids import FrameId
from vampd.model.nights import FileStamp

SUFFIX = ".framelist"
_FIRST_LINE = "vampd framelist 2"
# Of 0.3.0 and earlier, which wrote the rows as text: nights that they began go on.
_EARLIER_LINE = "vampd framelist 1"
_ID_WIDTH = 12  # the dictionary's form of FRAMEID and EXP-ID, %-12s


@dataclass(frozen=True, order=True, slots=True)
class FrameRange:
    """``count`` frames of one raw cube: ``start``, ``start + step``, ... (0-based)."""

    cube: str
    start: int
    count: int
    step: int = 1

    def frames(self) -> range:
        """The frame positions in the cube."""
        return range(self.start, self.start + self.count * self.step, self.step)


@dataclass(frozen=True, slots=True)
class ProductOrder:
    """The order of products in a night: first acquisition time, camera, FLC state ('' if none).

    Before all of these comes how often the host's ``clock`` had been set back when they were taken.
    """

    first_us: int
    camera: int
    flc_state: str
    clock: int = 0

    def __lt__(self, other: ProductOrder) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[int, int, int, str]:
        return self.clock, self.first_us, self.camera, self.flc_state


@dataclass(frozen=True, slots=True)
class FramelistHead:
    """An entry in a listing of framelists: its path and which product it is."""

    path: str
    identity: str


@dataclass(frozen=True, slots=True)
class PackedProduct:
    """An entry in a listing of products; ``identity`` is the sidecar's, None without one."""

    file: FileStamp
    sidecar: FileStamp | None
    identity: str | None


@dataclass(frozen=True)
class Framelist:
    """A virtual cube.

    ``name`` is the product's stem; ``sources`` are the stamps of the raw cubes as they were at
    sync; ``notes`` become the ``#`` lines of the sidecar and ``times`` (`pack_times`) its rows;
    ``cards`` are the plain cube's primary header, NAXIS3 included.
    """

    name: str
    order: ProductOrder
    sources: tuple[FileStamp, ...]
    ranges: tuple[FrameRange, ...]
    notes: tuple[str, ...]
    cards: Cards
    times: str

    @cached_property
    def rows(self) -> str:
        """One line per frame, in the logger's form; DataError ``framelist_damaged``."""
        # What only lists nights starts without numpy.
        from vampd.model.cubes.kept_timing import unpack_times
        from vampd.model.cubes.timing import format_rows

        try:
            return format_rows(unpack_times(self.times, self.frames))
        except ValueError as error:
            raise DataError("framelist_damaged", f"{self.path}: {error}", path=self.path) from error

    @property
    def identity(self) -> str:
        """The product's identity (hex SHA-256)."""
        return identity_of(self.ranges)

    @property
    def frames(self) -> int:
        """The number of frames."""
        return sum(part.count for part in self.ranges)

    @property
    def path(self) -> str:
        """The framelist's path, relative to the night's folder."""
        return f"vgen2/{self.name}{SUFFIX}"

    @property
    def packed_path(self) -> str:
        """The path of its packed product, relative to the night's folder."""
        return f"vgen2/{self.name}.fits.fz"

    @property
    def sidecar_path(self) -> str:
        """The path of its product's timing file, relative to the night's folder."""
        return f"vgen2/{self.name}.txt"

    def renamed(self, name: str, cards: Cards) -> Framelist:
        """The same frames under another name and header."""
        return replace(self, name=name, cards=cards)


def apply_edits(framelist: Framelist, edits: Iterable[tuple[Card, Card]]) -> Framelist:
    """The framelist with each old card replaced by its new one.

    Every edit takes the first card with that text that no earlier edit took; DataError
    ``edit_mismatch`` if there is none.
    """
    texts = list(framelist.cards.texts)
    places: dict[str, deque[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(text, deque()).append(place)
    for old, new in edits:
        left = places.get(old.text)
        if not left:
            raise DataError(
                "edit_mismatch",
                f"{framelist.path} should hold the card {old.text.rstrip()!r} and does not: it has"
                " changed since it was surveyed; survey it again",
                framelist=framelist.path,
            )
        texts[left.popleft()] = new.text
    return replace(framelist, cards=Cards(tuple(texts)))


def stamp_frame_id(framelist: Framelist, frame_id: FrameId) -> Framelist:
    """The framelist under its frame ID's name, with FRAMEID and EXP-ID in the dictionary's form."""
    stamps = (
        ("FRAMEID", str(frame_id), "Image sequential number"),
        ("EXP-ID", frame_id.exposure_id, "ID of the exposure this data was taken"),
    )
    changes = []
    for keyword, value, comment in stamps:
        old = framelist.cards.card(keyword)
        kept = old.comment if old and old.comment else comment
        changes.append(render_card(keyword, render_string(value, _ID_WIDTH), kept))
    return framelist.renamed(str(frame_id), framelist.cards.replaced(changes))


def identity_of(ranges: Iterable[FrameRange]) -> str:
    """The identity of a product that holds these frames."""
    text = "".join(f"{part.start} {part.count} {part.step} {part.cube}\n" for part in ranges)
    return _digest(text)


def compress_frames(cube: str, positions: Sequence[int]) -> Iterator[FrameRange]:
    """Rising frame positions of one cube as few ranges as a greedy walk finds."""
    start, end = 0, len(positions)
    while start < end:
        first = positions[start]
        stop = start + 1
        step = 1
        if stop < end:
            step = positions[stop] - first
            expected = first + step
            while stop < end and positions[stop] == expected:
                stop += 1
                expected += step
        if stop - start == 2 and step > 1:
            # Two frames far apart are no pattern; let the second begin the next range.
            stop, step = start + 1, 1
        yield FrameRange(cube, first, stop - start, step if stop - start > 1 else 1)
        start = stop


def format_framelist(framelist: Framelist) -> str:
    """The framelist's text, a function of its content alone."""
    order = framelist.order
    lines = [
        _FIRST_LINE,
        f"name {framelist.name}",
        f"identity {framelist.identity}",
        f"order {order.first_us} {order.camera} {order.flc_state or '-'}"
        + (f" {order.clock}" if order.clock else ""),
        *(f"source {s.size} {s.mtime_ns} {s.path}" for s in framelist.sources),
        *(f"range {r.start} {r.count} {r.step} {r.cube}" for r in framelist.ranges),
        *(f"note {note}" for note in framelist.notes),
        f"cards {len(framelist.cards)}",
        *framelist.cards.texts,
        f"times {framelist.frames}",
        framelist.times,
    ]
    body = "\n".join(lines) + "\n"
    return f"{body}sha256 {_digest(body)}\n"


def parse_framelist(text: str) -> Framelist:
    """Read a framelist; DataError ``framelist_damaged`` if a single character differs."""
    body, separator, last = text.rpartition("sha256 ")
    if not separator or last != _digest(body) + "\n":
        raise DataError("framelist_damaged", "the framelist's own checksum does not agree")
    # Not splitlines(): only a line feed ends a line, whatever bytes a card holds.
    lines = (f"{line}\n" for line in body.split("\n")[:-1])
    try:
        framelist = _read_body(lines)
    except (ValueError, StopIteration, KeyError) as error:
        raise DataError("framelist_damaged", f"the framelist cannot be read: {error}") from error
    return framelist


def _read_body(lines: Iterator[str]) -> Framelist:
    first_line = next(lines).rstrip("\n")
    if first_line not in (_FIRST_LINE, _EARLIER_LINE):
        raise ValueError(f"the first line is not {_FIRST_LINE!r}")
    fields: dict[str, list[str]] = {"source": [], "range": [], "note": []}
    key, _, rest = next(lines).rstrip("\n").partition(" ")
    while key != "cards":
        fields.setdefault(key, []).append(rest)
        key, _, rest = next(lines).rstrip("\n").partition(" ")
    # A list, as a generator would turn the end of the lines into a RuntimeError.
    texts = [next(lines)[:CARD_LENGTH] for _ in range(int(rest))]
    next(lines)
    behind = "".join(lines)
    first_us, camera, state, *clock = fields["order"][0].split(" ")
    return Framelist(
        name=product_name(fields["name"][0]),
        order=ProductOrder(
            int(first_us), int(camera), "" if state == "-" else state, *map(int, clock)
        ),
        sources=tuple(_read_source(text) for text in fields["source"]),
        ranges=tuple(_read_range(text) for text in fields["range"]),
        notes=tuple(fields["note"]),
        cards=Cards(tuple(texts)),
        times=behind.rstrip("\n") if first_line == _FIRST_LINE else _pack_rows(behind),
    )


def _read_source(text: str) -> FileStamp:
    size, mtime_ns, path = text.split(" ", 2)
    return FileStamp(raw_path(path), int(size), int(mtime_ns))


def _pack_rows(rows: str) -> str:
    from vampd.model.cubes.kept_timing import pack_times, parse_rows

    return pack_times(parse_rows(rows))


def _read_range(text: str) -> FrameRange:
    start, count, step, cube = text.split(" ", 3)
    return FrameRange(raw_path(cube), int(start), int(count), int(step))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()
