"""What the store knows of a night, as the daemon holds it of thousands."""

from __future__ import annotations

import tracemalloc

from vampd.model.nights import Kind, NightId, NightRecord, State

_RECORDS = 200


def test_a_record_takes_no_dictionary_of_its_own() -> None:
    night, state = NightId("20251106", Kind.ARCHIVE), State()
    tracemalloc.start()
    try:
        kept = [NightRecord(night, state) for _ in range(_RECORDS)]
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 512 * len(kept)
