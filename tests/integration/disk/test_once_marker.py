"""Markers: a condition is reported once, also by those who come after a power cut."""

from pathlib import Path

import pytest

from tests.support.tools.fsyncs import record_fsyncs
from vampd.disk.durable import marker_value, markers_in, place_marker, remove_marker

PLACE = "sc6l:/mnt/tier 1"


def test_a_marker_stands_until_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "markers"
    assert marker_value(folder, PLACE) is None
    assert markers_in(folder) == {}
    assert place_marker(folder, PLACE, "7")
    assert not place_marker(folder, PLACE, "8")
    assert marker_value(folder, PLACE) == "7"
    assert place_marker(folder, f"{PLACE}/sub", "9")
    assert markers_in(folder) == {PLACE: "7", f"{PLACE}/sub": "9"}
    (folder / "no marker").write_text("8")
    remove_marker(folder, PLACE)
    remove_marker(folder, PLACE)
    assert markers_in(folder) == {f"{PLACE}/sub": "9"}
    assert marker_value(folder, PLACE) is None
    assert marker_value(folder, f"{PLACE}/sub") == "9"


def test_a_marker_is_durable_when_it_is_said_to_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = record_fsyncs(monkeypatch)
    assert place_marker(tmp_path, "a", "1")
    assert synced == [(tmp_path, ["a"])]
    remove_marker(tmp_path, "a")
    assert synced[1:] == [(tmp_path, [])]
