"""A whole night whose headers missed a turn of the wave plate, put right by the plate's log."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from astropy.io import fits

from tests.support.builders.nights import make_scenario
from tests.support.daemon.site import configure, make_site
from tests.support.daemon.state import connected, raw_state
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.headers import CORRECTIONS, table_name
from vampd.model.nights import Kind, Status
from vampd.model.proofs import parse_sums
from vampd.simulate import CROP_64, Pause, Run, Scenario

# Five cubes of each camera, eight frames one second apart, whose headers all say 22.5; then one
# whose header is right.
STALE = Run(
    triggers=40,
    period_us=1_000_000,
    exptime_us=900_000,
    frames_per_cube=(8, 8),
    hwp_angle_deg=22.5,
    pauses=(Pause(before=24, pause_s=1.5),),
)
RIGHT = Run(
    triggers=8,
    period_us=1_000_000,
    exptime_us=900_000,
    frames_per_cube=(8, 8),
    hwp_angle_deg=67.5,
    target="HD 2",
)
# What the plate did, by hand: the third cube saw it begin to turn, the trigger paused until it had,
# and the fourth and fifth are at 67.5.
TURNS_AT_S, TURNED_AT_S = 20, 24
# 05:00 UT is 19:00 HST of the date before.
BEGIN = datetime(2025, 11, 5, 19, tzinfo=timezone(timedelta(hours=-10)))


def plate_line(second: int) -> str:
    busy = TURNS_AT_S <= second < TURNED_AT_S
    angle = 22.5 if second < TURNS_AT_S else 45.0 if busy else 67.5
    target = 22.5 if second < TURNS_AT_S else 67.5
    state = "busy" if busy else "not busy"
    return (
        f"{BEGIN + timedelta(seconds=second):%Y%m%d %H:%M:%S} WPU status: pol in OKAY hwp {state},"
        f" hwp position {angle:.2f} target {target:.2f} mode STATIC"
    )


def write_logs(folder: Path) -> list[str]:
    """Of one HST date each; the first has a line that was cut short."""
    lines = [plate_line(second) for second in range(-5, 120)]
    lines[12] = lines[12][:40]
    paths = [folder / "wpu_20251105.log", folder / "wpu_20251106.log"]
    paths[0].write_text("\n".join(lines) + "\n")
    paths[1].write_text(plate_line(6 * 3600) + "\n")
    return [str(path) for path in paths]


def cuts(folder: Path) -> dict[int, list[tuple[str, float, int]]]:
    """Target, angle and number of frames of each packed product, camera by camera in time order."""
    found: dict[int, list[tuple[float, tuple[str, float, int]]]] = {1: [], 2: []}
    for path in (folder / "vgen2").glob("*.fits.fz"):
        header = fits.getheader(path, 1)
        cut = header["OBJECT"].strip(), header["RET-ANG1"], header["NAXIS3"]
        found[header["U_CAMERA"]].append((header["MJD"], cut))
        told = "corrected: RET-ANG1 was 22.5, is 67.5" in "".join(header["HISTORY"])
        assert told is (cut == ("HD 34700", 67.5, 16))
        # The stage's own scale is not the log's.
        assert header["RET-POS1"] == -47.0
    return {camera: [cut for _, cut in sorted(each)] for camera, each in found.items()}


@pytest.mark.early
def test_a_night_is_cut_and_told_as_the_plates_log_says(tmp_path: Path) -> None:
    # Without an authority an archive night that is cut waits.
    sync = {"hold_when_unexpected": True, "cut_after_s": 60}
    site = make_site(tmp_path, sync=sync, frameids={"authority": "none"})
    own = InProcess(site)
    night, _ = make_scenario(
        site.root, Scenario("plate", CROP_64, (STALE, RIGHT)), kind=Kind.ARCHIVE
    )
    folder, logs = site.folder(night), write_logs(tmp_path)
    raw = raw_state(folder)
    own.advance()
    # By the headers alone each run is one product of each camera.
    assert len(list((folder / "vgen2").glob("*.framelist"))) == 2 * 2
    shown = own.command("correct", night.date, "--from-wpu", *logs, "--dry-run")
    assert (shown.status, (folder / CORRECTIONS).exists()) == (0, False), shown.text
    done = own.command("correct", night.date, "--from-wpu", *logs)
    assert done.status == 0, done.text
    rows = [line.split("\t") for line in (folder / CORRECTIONS).read_text().splitlines()]
    corrected = [row[0] for row in rows if row[1:2] == ["RET-ANG1"]]
    cubes = [sorted((folder / stream).glob("*.fits")) for stream in ("vcam1", "vcam2")]
    expected = [path.relative_to(folder).as_posix() for each in cubes for path in each[3:5]]
    assert sorted(corrected) == sorted(expected)
    for each in cubes:
        assert each[2].relative_to(folder).as_posix() in done.text
    assert "the plate moves" in done.text
    configure(site, sync=sync)
    assert own.command("retry", night.date, "--from", "sync").status == 0
    own.advance()
    record = own.records()[night]
    assert (record.state.status, record.safe_at is not None) == (Status.DONE, True), record.error
    truth = [("HD 34700", 22.5, 24), ("HD 34700", 67.5, 16), ("HD 2", 67.5, 8)]
    assert cuts(folder) == cuts(site.copy(night)) == {1: truth, 2: truth}
    assert raw_state(folder) == raw
    assert (site.copy(night) / CORRECTIONS).read_bytes() == (folder / CORRECTIONS).read_bytes()
    assert own.command("audit", night.date).status == 0
    assert own.command("verify", night.date).status == 0
    # The decision that counts names the one that it replaced, which stays, travels and counts
    # nowhere.
    names = ["generation_0001.json", "generation_0002.json"]
    for place in (folder, site.copy(night)):
        sums = parse_sums((place / "SHA256SUMS").read_text())
        assert [path.name for path in sorted((place / "vgen2").glob("generation_*"))] == names
        assert {f"vgen2/{name}" for name in names} <= sums.keys()
        listed = (place / table_name(night.date)).read_text().splitlines()[1:]
        assert len(listed) == len(truth) * 2
    with connected(site) as connections:
        (counting,) = connections.reader.generations(night)
    assert (counting.number, counting.replaces, len(counting.products)) == (2, (1,), len(truth) * 2)
    assert own.command("get", night.date, "-o", str(tmp_path / "got")).status == 0
    assert len(list((tmp_path / "got").glob("*.fz"))) == len(truth) * 2
    manifest = (folder / f"manifest_VMP_{night.date}.csv").read_text()
    assert manifest.count("vgen2/VMPA") == len(truth) * 2
