"""Databases of a test, and the night in them."""

from pathlib import Path

from vampd.model.nights import Kind, NightId, NightRecord
from vampd.store.nights import Nights

NIGHT = NightId("20251106", Kind.ARCHIVE)


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def the_night(nights: Nights) -> NightRecord:
    record = nights.night(NIGHT)
    assert record is not None
    return record
