"""The products of a simulated night: pixels, times, pairs, states, IDs and manifest."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.support.builders.products import (
    PackedCube,
    plain_pixels,
    raw_pixels,
    verify_fits,
)
from tests.support.daemon.state import ledger_rows
from tests.support.worlds.sites.finished_nights import Finished, Tool
from vampd.model.nights import NightId
from vampd.model.sync import STATE_OF_CODE

_TIME_KEYS = tuple(f"{scale}{suffix}" for scale in ("UT", "HST") for suffix in ("", "-STR", "-END"))


def test_fitsverify_accepts_every_product(finished: Finished, night: NightId, tool: Tool) -> None:
    cubes = finished.cubes(night)
    assert len(cubes) >= 15
    for cube in cubes:
        verify_fits(tool, cube.path)


def test_unpacked_pixels_are_the_raw_frames_that_the_sidecar_names(
    finished: Finished, night: NightId, tool: Tool, tmp_path: Path
) -> None:
    folder = finished.site.folder(night)
    raw = {
        path.relative_to(folder).as_posix(): path
        for stream in ("vcam1", "vcam2")
        for path in (folder / stream).glob("*.fits")
    }
    pixels: dict[str, npt.NDArray[np.uint8]] = {}
    for cube in finished.cubes(night):
        plain = cube.unpack(tool("funpack"), tmp_path)
        frames = cube.raw_frames
        for name in {name for name, _ in frames}:
            pixels.setdefault(name, raw_pixels(raw[name]))
        expected = np.stack([pixels[name][frame] for name, frame in frames])
        assert np.array_equal(plain_pixels(plain), expected), cube.name
        assert len(cube.rows) == len(frames) == cube.header["NAXIS3"]


def _utc(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _mjd(micros: int) -> float:
    return 40587 + micros / 86_400e6


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _cuts(cubes: list[PackedCube]) -> dict[tuple[Any, ...], list[PackedCube]]:
    """Siblings: what readers group by exact MJD text."""
    cuts: dict[tuple[Any, ...], list[PackedCube]] = defaultdict(list)
    for cube in cubes:
        card = next(str(c) for c in cube.header.cards if c.keyword == "MJD")
        key = card[10:30], cube.header["U_SYNC"]
        cuts[key if cube.header["U_SYNC"] else (*key, cube.header["U_CAMERA"])].append(cube)
    return cuts


def test_header_times_come_from_the_frames_of_the_cut(finished: Finished, night: NightId) -> None:
    cuts = _cuts(finished.cubes(night))
    assert len(cuts) > 5
    for siblings in cuts.values():
        one_camera = [c for c in siblings if c.header["U_CAMERA"] == siblings[0].header["U_CAMERA"]]
        times = sorted(t for cube in one_camera for t in cube.acquired_us)
        first, middle, last = times[0], times[len(times) // 2], times[-1]
        for cube in siblings:
            header = cube.header
            assert header["DATE-OBS"].strip() == f"{_utc(first):%Y-%m-%d}"
            for suffix, micros in (("-STR", first), ("", middle), ("-END", last)):
                in_day_s = (micros % 86_400_000_000) / 1e6
                assert abs(_seconds(header[f"UT{suffix}"]) - in_day_s) <= 0.0011, cube.name
                hst_s = (in_day_s - 36_000) % 86_400
                assert abs(_seconds(header[f"HST{suffix}"]) - hst_s) <= 0.0011, cube.name
                assert abs(header[f"MJD{suffix}"] - _mjd(micros)) <= 1.5e-8, cube.name
            assert all(len(header[key].strip().split(".")[1]) == 3 for key in _TIME_KEYS)


def test_siblings_carry_identical_times(finished: Finished, night: NightId) -> None:
    synchronised = [
        siblings
        for siblings in _cuts(finished.cubes(night)).values()
        if siblings[0].header["U_SYNC"]
    ]
    assert synchronised
    for siblings in synchronised:
        cards = {
            tuple(
                str(c)[:30]
                for c in cube.header.cards
                if c.keyword in (*_TIME_KEYS, "MJD", "MJD-STR", "MJD-END", "DATE-OBS")
            )
            for cube in siblings
        }
        assert len(cards) == 1
        states = Counter((c.header["U_CAMERA"], c.header["U_FLC"].strip()) for c in siblings)
        assert set(states.values()) == {1}
        assert {camera for camera, _ in states} == {1, 2}
        for one in siblings:
            (other,) = (
                c for c in siblings if c is not one and c.header["U_FLC"] == one.header["U_FLC"]
            )
            assert one.acquired_us == other.acquired_us


def test_pairs_and_states_are_the_truth(finished: Finished, night: NightId) -> None:
    truth = finished.truths[night]
    paths = [cube.path for cube in truth.cubes]
    trigger = {
        (paths[cube], frame): number
        for cube, frame, number in zip(
            truth.cube.tolist(), truth.frame.tolist(), truth.trigger.tolist(), strict=True
        )
    }
    state = {
        (paths[cube], frame): STATE_OF_CODE[code]
        for cube, frame, code in zip(
            truth.cube.tolist(), truth.frame.tolist(), truth.flc.tolist(), strict=True
        )
    }
    cubes = finished.cubes(night)
    assert {c.header["U_FLC"].strip() for c in cubes} >= {"A", "B"}
    for cube in cubes:
        label = cube.header["U_FLC"].strip()
        assert isinstance(cube.header["U_SYNC"], bool)
        assert cube.header["U_FLC"].strip() in ("A", "B", "D", "NA"), cube.name
        if label in ("A", "B"):
            assert {state[frame] for frame in cube.raw_frames} == {label}, cube.name
        if label == "NA":
            assert {state[frame] for frame in cube.raw_frames} == {None}
        camera = cube.header["U_CAMERA"]
        assert all(path.startswith(f"vcam{camera}/") for path, _ in cube.raw_frames)
    for siblings in _cuts(cubes).values():
        if not siblings[0].header["U_SYNC"]:
            continue
        by_side = {(c.header["U_CAMERA"], c.header["U_FLC"]): c for c in siblings}
        for (camera, label), cube in by_side.items():
            if camera == 1:
                partner = by_side[2, label]
                assert [trigger[f] for f in cube.raw_frames] == [
                    trigger[f] for f in partner.raw_frames
                ]


def test_frame_ids_follow_time_one_to_one(finished: Finished, archive: NightId) -> None:
    cubes = finished.cubes(archive)
    assert [cube.name for cube in cubes] == [
        f"VMPA{number:08d}" for number in range(90000001, 90000001 + len(cubes))
    ]
    orders = [
        (cube.header["MJD-STR"], cube.header["U_CAMERA"], cube.header["U_FLC"]) for cube in cubes
    ]
    starts = [order[0] for order in orders]
    assert starts == sorted(starts)
    for cube in cubes:
        assert cube.header["FRAMEID"].strip() == cube.name
        assert cube.header["EXP-ID"].strip() == cube.name.replace("VMPA", "VMPE")
    rows = ledger_rows(finished.site)
    assert [(row.number, row.identity, row.applied) for row in rows] == [
        (int(cube.name[4:]), cube.identity, True) for cube in cubes
    ]
    ledger = finished.site.ledger.read_text().splitlines()
    for cube in cubes:
        lines = [line.split("\t")[0] for line in ledger if f"\t{cube.name}\t" in line]
        assert lines == ["granted", "bound", "applied"]


def test_the_manifest_lists_each_product_once(finished: Finished, archive: NightId) -> None:
    (manifest,) = finished.site.folder(archive).glob("manifest*.csv")
    assert manifest.name == "manifest_VMP_20251106.csv"
    text = manifest.read_bytes().decode()
    assert text.endswith("\r\n")
    lines = text.removesuffix("\r\n").split("\r\n")
    copy = finished.site.copy(archive)
    assert lines == [
        f"{cube.name}|{copy}/vgen2/{cube.name}.fits.fz"
        f"|{(copy / 'vgen2' / cube.path.name).stat().st_size}"
        for cube in finished.cubes(archive)
    ]
