"""A file's time is kept as far as a database holds it."""

import os
import sqlite3
from pathlib import Path

import pytest

from vampd.disk.pace import SteadyPace
from vampd.disk.reading import hash_file, list_raw_files, stamp_of
from vampd.model.nights import bounded_ns

CENTURY_NS = 100 * 365 * 86_400 * 10**9


@pytest.mark.parametrize("ns", [0, 1_762_424_000_123_456_789, -(10**18)])
def test_a_usual_time_is_itself(ns: int) -> None:
    assert bounded_ns(ns) == ns


@pytest.mark.parametrize("centuries", [3, -4])
def test_a_time_beyond_is_the_same_for_all_who_look_and_fits_a_database(
    tmp_path: Path, centuries: int
) -> None:
    cube = tmp_path / "vcam1" / "x.fits"
    cube.parent.mkdir()
    cube.write_bytes(b"")
    os.utime(cube, ns=(0, centuries * CENTURY_NS))
    if cube.stat().st_mtime_ns != centuries * CENTURY_NS:
        pytest.skip("this file system keeps no such time")
    (stamp,) = list_raw_files(tmp_path, ["vcam1"])
    assert stamp == stamp_of(tmp_path, "vcam1/x.fits")
    assert hash_file(cube, SteadyPace())[1] == stamp.mtime_ns
    with sqlite3.connect(":memory:") as connection:
        assert connection.execute("SELECT ?", (stamp.mtime_ns,)).fetchone() == (stamp.mtime_ns,)
    connection.close()
