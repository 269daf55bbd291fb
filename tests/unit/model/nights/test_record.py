"""What the row of a night may hold, and what the daemon holds of it, of thousands."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from vampd.model.nights import (
    Kind,
    NightId,
    NightRecord,
    State,
    is_sound_column,
    unsound_field,
)

_RECORDS = 200
RECORD = NightRecord(NightId("20251106", Kind.ARCHIVE), State())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frames", "many"),
        ("frames", 1.5),
        ("frames", None),
        ("frames", True),
        ("changed_at", None),
        ("changed_at", 1e12),
        ("changed_at", float("-inf")),
        ("safe_at", "soon"),
        ("safe_at", 1e12),
        ("products", 2.0),
        ("sync_sums", b"{}"),
    ],
)
def test_a_value_that_vampd_never_wrote_is_found_among_others(name: str, value: Any) -> None:
    sound = getattr(RECORD, name)
    assert unsound_field(replace(RECORD, **{name: value})) == name
    assert is_sound_column(name, [sound, sound])
    assert not is_sound_column(name, [sound, value])
    assert not is_sound_column(name, [value, sound])


@pytest.mark.parametrize(("attempts", "not_before"), [("1", None), (1, "x"), (1, -1e12)])
def test_a_state_that_vampd_never_wrote_is_found(attempts: Any, not_before: Any) -> None:
    state = replace(State(), attempts=attempts, not_before=not_before)
    name = "attempts" if type(attempts) is str else "not_before"
    assert unsound_field(replace(RECORD, state=state)) == name


def test_what_vampd_writes_is_sound() -> None:
    assert unsound_field(RECORD) is None
    assert unsound_field(replace(RECORD, safe_at=1, products=3, sync_sums="{}")) is None
    assert is_sound_column("note", [None, "of any text"])
    assert is_sound_column("safe_at", [None, None])


def test_a_record_takes_no_dictionary_of_its_own() -> None:
    night, state = NightId("20251106", Kind.ARCHIVE), State()
    tracemalloc.start()
    try:
        kept = [NightRecord(night, state) for _ in range(_RECORDS)]
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 512 * len(kept)
