"""A generation of ten thousand cubes takes a second to parse: surveys share what one has read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from vampd.disk.reading import unchanged
from vampd.engine.nights import folder_reader
from vampd.engine.nights.folder_reader import Recorded, RecordedReader
from vampd.errors import DataError
from vampd.model.cubes import Generation, SyncCounts, format_generation, parse_generation
from vampd.model.delivery import Correspondence
from vampd.model.nights import Kind, NightId
from vampd.model.proofs import Place

NIGHT = NightId("20251106", Kind.ENGINEERING)
NOTHING = Recorded(frozenset(), {place: {} for place in Place}, (), (), (), {}, Correspondence())


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []

    def parse(text: str) -> Generation:
        texts.append(text)
        return parse_generation(text)

    monkeypatch.setattr(folder_reader, "parse_generation", parse)
    return texts


def test_a_generation_is_parsed_once_and_its_damage_is_seen_all_the_same(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    generation = Generation(1, "0.3.0", (), (), (), SyncCounts())
    path = tmp_path / NIGHT.folder / "vgen2" / generation.file_name
    path.parent.mkdir(parents=True)
    path.write_text(format_generation(generation))
    monkeypatch.setattr(unchanged, "_SETTLED_AFTER_S", 0.0)
    time.sleep(0.02)  # a tick of the file system's clock
    reader = RecordedReader(tmp_path, (), NOTHING)
    assert [reader.generations(NIGHT) for _ in range(3)] == [(generation,)] * 3
    assert len(parsed) == 1
    before = path.stat()
    time.sleep(0.02)
    path.write_text(path.read_text().replace('"raw":0', '"raw":1'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(2):
        with pytest.raises(DataError, match="checksum"):
            reader.generations(NIGHT)
