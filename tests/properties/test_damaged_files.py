"""However the files of one cube are damaged, it is used whole or set aside, and it costs no other.

Mutations of the raw cube, its header and its timing file, through the real eyes and both stages
that read headers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.raw_cubes import (
    FIRST_ACQUISITION_US,
    raw_cards,
    raw_file,
    raw_pixels,
    timing_text,
)
from tests.support.examples import examples
from tests.support.worlds.sites.sync_site import SyncSite
from vampd.model.cubes import Timing
from vampd.model.nights import Stream
from vampd.stages import headers

_FRAMES = 6
_CARD = 80
_HEADER_BYTES = 5760
_ODD = "vcam1/vcam1_10:00:01.000000000.fits"
_STEPS_US = 2_000


@dataclass(frozen=True)
class Mutation:
    """One change of a file; ``where`` and ``what`` are parts of its length and of a byte's values.

    ``piece`` is how many bytes a line has: cards have 80, timing rows 108.
    """

    kind: str
    where: float
    other: float
    what: int

    def apply(self, content: bytes, piece: int) -> bytes:
        if not content:
            return content
        at = int(self.where * (len(content) - 1))
        line, to = at // piece * piece, int(self.other * (len(content) - 1)) // piece * piece
        cut = content[line : line + piece]
        match self.kind:
            case "flip a bit":
                flipped = content[at] ^ (1 << self.what % 8)
                return content[:at] + bytes([flipped]) + content[at + 1 :]
            case "set a byte":
                return content[:at] + bytes([self.what]) + content[at + 1 :]
            case "set a digit":
                return content[:at] + b"%d" % (self.what % 10) + content[at + 1 :]
            case "truncate":
                return content[:at]
            case "drop a byte":
                return content[:at] + content[at + 1 :]
            case "insert a byte":
                return content[:at] + bytes([self.what]) + content[at:]
            case "drop a line":
                return content[:line] + content[line + piece :]
            case "double a line":
                return content[: line + piece] + content[line:]
            case "move a line":
                rest = content[:line] + content[line + piece :]
                return rest[:to] + cut + rest[to:]
            case _:
                return content[:at] + bytes(piece) + content[at + piece :]


_KINDS = (
    *("flip a bit", "set a byte", "set a digit", "truncate", "drop a byte", "insert a byte"),
    *("drop a line", "double a line", "move a line", "zero a block"),
)
_PART = st.floats(0, 1)
_MUTATIONS = st.lists(
    st.builds(Mutation, st.sampled_from(_KINDS), _PART, _PART, st.integers(0, 255)), max_size=3
)


def _timing(at_s: int, stream: Stream) -> Timing:
    frame = np.arange(_FRAMES, dtype=np.int64)
    first_us = FIRST_ACQUISITION_US + at_s * 1_000_000 + (100 if stream is Stream.VCAM2 else 0)
    acquired_us = first_us + frame * _STEPS_US + frame % 2 * 40
    logged_ns = acquired_us * 1_000 + 346_918
    count = frame + 1_000_000 + at_s * 500
    return Timing(frame, count, logged_ns - logged_ns[:1], logged_ns, acquired_us, count, frame * 0)


@cache
def _sound_files() -> dict[str, tuple[bytes, bytes]]:
    """Cube and timing file by path: both cameras, before, with and behind the odd one."""
    files = {}
    for stream in (Stream.VCAM1, Stream.VCAM2):
        for number in range(3):
            path = f"{stream}/{stream}_10:00:{number:02d}.000000000.fits"
            cube = raw_file(raw_cards((_FRAMES, 6, 10), stream), raw_pixels(_FRAMES, seed=number))
            files[path] = cube, timing_text(_timing(number, stream)).encode()
    return files


def _mutated(content: bytes, mutations: Sequence[Mutation], piece: int) -> bytes:
    for mutation in mutations:
        content = mutation.apply(content, piece)
    return content


@settings(max_examples=examples(18))
@given(header=_MUTATIONS, pixels=_MUTATIONS, timing=_MUTATIONS)
def test_a_damaged_cube_is_used_whole_or_set_aside_and_costs_no_other(
    header: list[Mutation], pixels: list[Mutation], timing: list[Mutation]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        site = SyncSite(Path(base))
        for path, (cube, rows) in _sound_files().items():
            if path == _ODD:
                # Damage of the pixels that keeps their length shows nowhere, and changes nothing.
                cube = _mutated(cube[:_HEADER_BYTES], header, _CARD) + _mutated(
                    cube[_HEADER_BYTES:], pixels[:1], _CARD
                )
                rows = _mutated(rows, timing, 108)
            (site.folder / path).write_bytes(cube)
            (site.folder / path).with_suffix(".txt").write_bytes(rows)
        site.run()
        site.run(headers)
        audit = site.audit()
        for path in _sound_files():
            if path != _ODD:
                assert site.frames_of(path) == _FRAMES, path
        assert audit.findings == ()
        assert audit.balanced
        assert {cube.path for cube in audit.rejected} <= {_ODD}
        assert not site.plan()
