"""The raw cubes that are kept for framelists are few, however small they are."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest

from tests.support.builders.raw_cubes import raw_timing
from vampd.engine.nights.raw_cube_cache import RawCubeCache
from vampd.model.cubes import Cards, RawCube
from vampd.model.nights import FileStamp, Stream

# The real headers have 415.
CARDS = Cards(tuple(f"K{number:<7}= 1".ljust(80) for number in range(415)))


@pytest.mark.parametrize(("frames", "least", "most"), [(17, 200, 300), (2_000, 150, 250)])
def test_what_is_kept_of_raw_cubes_counts_their_headers(monkeypatch, frames, least, most):
    made: list[weakref.ref[RawCube]] = []

    def read(cache: RawCubeCache, path: str) -> RawCube:
        file, shape = FileStamp(path, 0, 0), (frames, 8, 8)
        cube = RawCube(Stream.VCAM1, file, file, shape, CARDS, raw_timing(frames))
        made.append(weakref.ref(cube))
        return cube

    monkeypatch.setattr(RawCubeCache, "_read", read)
    cache = RawCubeCache(Path("/nowhere"), dict)
    for number in range(400):
        cache.read(f"vcam1/{number}.fits")
    kept = [each for each in made if each() is not None]
    assert least < len(kept) < most
    assert kept == made[-len(kept) :]
