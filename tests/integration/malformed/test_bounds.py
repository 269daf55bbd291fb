"""Whatever lies in a night or answers for the archive: it costs neither the memory nor the day."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import settle
from tests.support.daemon.site import make_site
from tests.support.daemon.state import audit, record_of
from vampd.disk.reading import list_hollow_files, list_raw_files, listing, read_whole
from vampd.engine.nights import night_listing
from vampd.engine.nights.night_listing import find_nights, find_strangers
from vampd.engine.nights.old_traces import old_tool_traces
from vampd.errors import DataError
from vampd.model.nights import CAMERA_STREAMS, Kind, NightId, Status

ONE_GB = 10**9
# In a process of its own, so that its peak is its own: everything hostile, each at its limit.
HOSTILE = """
import os, sys
from pathlib import Path
from tests.support.worlds.archive.archive_sites import NIGHT, ssh_transfer
from tests.support.worlds.archive.arrivals import host_of
from vampd.disk.reading.foreign_file import read_whole
from vampd.disk.reading.listing import stamp_of
from vampd.errors import VampdError
from vampd.fits.raw import read_raw_cube
from vampd.ledger.file import open_ledger_file, read_ledger_file, read_whole_lines
from vampd.ledger.rebuild import compose_ledger
from vampd.model.cubes import SetAside
from vampd.model.nights import Stream

def code_of(ask):
    try:
        return getattr(ask(), "code", "good")
    except VampdError as error:
        return error.code

base = Path(sys.argv[1])
cube = lambda name: read_raw_cube(
    base, stamp_of(base, f"vcam1/{name}.fits"), stamp_of(base, f"vcam1/{name}.txt"), Stream.VCAM1
)
print(code_of(lambda: cube("rows")), code_of(lambda: cube("sparse")))
print(code_of(lambda: read_whole(base / "vcam1/sparse.txt")))
host = host_of(ssh_transfer(base, [str(base / "hostile-ssh")]))
print(code_of(lambda: host.files(NIGHT)))
def agreed(path):
    with open_ledger_file(path) as file:
        file.mend_tail()
        for record in file.records():
            pass
for name in ("sparse.ledger", "empty.ledger"):
    print(code_of(lambda: agreed(base / name)))
    print(code_of(lambda: list(read_ledger_file(base / name))))
    print(code_of(lambda: compose_ledger(read_whole_lines(base / name), [], [])))
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1])
"""


def write_tiny_frames(path: Path, frames: int) -> None:
    """A whole cube of frames of a single pixel."""
    cards = [
        "SIMPLE  =                    T",
        "BITPIX  =                   16",
        "NAXIS   =                    3",
        "NAXIS1  =                    1",
        "NAXIS2  =                    1",
        f"NAXIS3  = {frames:20d}",
        "BZERO   =                32768",
        "BSCALE  =                    1",
        "EXPTIME =                 0.01",
        "END",
    ]
    path.write_bytes("".join(card.ljust(80) for card in cards).ljust(2880).encode())
    os.truncate(path, 2880 + -(-2 * frames // 2880) * 2880)


@pytest.mark.early
def test_the_memory_of_a_process_stays_below_a_gigabyte_under_hostile_input(tmp_path: Path) -> None:
    folder = tmp_path / "vcam1"
    folder.mkdir()
    row = b"1 1 0.000000000 1.000000000 1.000000 1 1\n"
    rows = (1 << 25) // len(row)
    write_tiny_frames(folder / "rows.fits", rows)
    (folder / "rows.txt").write_bytes(row * rows)
    write_tiny_frames(folder / "sparse.fits", 10_000_000)
    (folder / "sparse.txt").touch()
    os.truncate(folder / "sparse.txt", 4 * ONE_GB)
    for name, content in (("sparse", b""), ("empty", b"\n" * 1_000_000)):
        (tmp_path / f"{name}.ledger").write_bytes(content)
    os.truncate(tmp_path / "sparse.ledger", 4 * ONE_GB)
    ssh = tmp_path / "hostile-ssh"
    # 33 MB of the shortest records that there are, and it would go on.
    ssh.write_text(
        f"#!{sys.executable}\nimport sys\nout = sys.stdout.buffer\nout.write(b'vampd begins\\0')\n"
        "try:\n    while True: out.write(b'0 0.000000000 a\\0' * 100000)\n"
        "except BrokenPipeError: pass\n"
    )
    ssh.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, tmp_path], capture_output=True, text=True, check=True
    )
    *codes, peak_kb = done.stdout.split()
    assert codes == [
        "timing_duplicated",
        "timing_too_long",
        "file_too_long",
        "archive_listing_too_long",
        *("ledger_damaged", "file_too_long", "file_too_long"),
        *("ledger_damaged", "ledger_damaged", "good"),
    ]
    assert int(peak_kb) * 1024 < ONE_GB


def test_a_listing_beyond_what_a_night_has_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_FILES", 10)
    (tmp_path / "vcam1").mkdir()
    for number in range(11):
        (tmp_path / "vcam1" / f"{number}.txt").touch()
    with pytest.raises(OSError, match="more than 10 entries") as caught:
        list_raw_files(tmp_path, CAMERA_STREAMS)
    assert caught.value.filename == str(tmp_path / "vcam1")


def test_of_more_nights_than_a_site_can_have_so_many_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(night_listing, "MOST_NIGHTS", 3)
    for day in range(11, 16):
        (tmp_path / f"202511{day}" / "vcam1").mkdir(parents=True)
    assert len(find_nights(tmp_path)) == 3


def test_a_file_of_the_longest_length_is_read_and_a_longer_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "generation_0001.json"
    file.write_bytes(b"x" * 100)
    assert read_whole(file, 100) == b"x" * 100
    with pytest.raises(DataError, match=r"generation_0001\.json has more than 99 bytes"):
        read_whole(file, 99)


def test_a_log_of_the_old_tools_that_is_too_long_is_named_and_keeps_no_night(
    tmp_path: Path,
) -> None:
    log = tmp_path / "PROCESSING_LOG.csv"
    log.touch()
    os.truncate(log, 4 * ONE_GB)
    assert old_tool_traces(tmp_path, NightId("20251106", Kind.ENGINEERING)) == []
    (stranger,) = find_strangers(tmp_path)
    assert (stranger.path, "longer than a log" in stranger.why) == (log, True)


def test_only_files_of_gigabytes_that_hold_nearly_nothing_are_mostly_holes(tmp_path: Path) -> None:
    (tmp_path / "vbad").mkdir()
    for name, size in (("small.fits", ONE_GB), ("large.fits", 3 * ONE_GB)):
        (tmp_path / "vbad" / name).touch()
        os.truncate(tmp_path / "vbad" / name, size)
    (tmp_path / "vbad" / "written.fits").write_bytes(b"x" * 10_000)
    assert list_hollow_files(tmp_path, "vbad") == {"vbad/large.fits"}


@pytest.mark.soak
def test_a_set_aside_cube_of_holes_stays_here_and_delays_nothing(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    cube = max(site.folder(night).glob("vcam1/*.fits"))
    os.truncate(cube, 250 * ONE_GB)
    began = time.monotonic()
    settle(site)
    assert time.monotonic() - began < 60
    assert record_of(site, night).state.status is Status.DONE
    codes = {one["path"]: one["code"] for one in audit(site, night)["rejected"]}
    assert codes[f"vcam1/{cube.name}"] == "fits_too_long"
    sent = {path.name for path in site.copy(night).rglob("*") if path.is_file()}
    assert cube.name not in sent
    assert cube.with_suffix(".txt").name in sent
