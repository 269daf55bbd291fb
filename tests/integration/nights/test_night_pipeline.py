"""An archive and an engineering night from raw cubes to the archive host, judged by strangers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from tests.support.builders.nights import make_night
from tests.support.builders.products import (
    PackedCube,
    check_sums,
    packed_cubes,
    plain_pixels,
    raw_pixels,
    verify_fits,
)
from tests.support.worlds.daemon import (
    Ended,
    Site,
    audit,
    history_of,
    ledger_rows,
    make_site,
    product_tree,
    raw_state,
    record_of,
    settle,
    vampctl,
)
from vampd.model.nights import EventName, Kind, NightId, Status, stages_of
from vampd.model.sync import STATE_OF_CODE
from vampd.simulate import Truth

Tool = Callable[[str], str]
_TIME_KEYS = tuple(f"{scale}{suffix}" for scale in ("UT", "HST") for suffix in ("", "-STR", "-END"))


@dataclass(frozen=True)
class Finished:
    """Two nights after one run of the daemon."""

    site: Site
    nights: tuple[NightId, ...]
    truths: dict[NightId, Truth]
    raw_before: dict[NightId, dict[str, tuple[object, ...]]]
    ended: Ended

    def cubes(self, night: NightId) -> list[PackedCube]:
        return packed_cubes(self.site.folder(night) / "vgen2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VAMPD_CONFIG", raising=False)
        site = make_site(tmp_path_factory.mktemp("pipeline"))
        made = [
            make_night(site.root, kind=Kind.ARCHIVE, preset="tiny", seed=1),
            make_night(site.root, kind=Kind.ENGINEERING, preset="tiny", seed=2),
        ]
        raw = {night: raw_state(site.folder(night)) for night, _ in made}
        ended = settle(site)
        yield Finished(site, tuple(night for night, _ in made), dict(made), raw, ended)


@pytest.fixture(params=[Kind.ARCHIVE, Kind.ENGINEERING], ids=str)
def night(request: pytest.FixtureRequest) -> NightId:
    return NightId("20251106", request.param)


@pytest.fixture
def archive() -> NightId:
    return NightId("20251106", Kind.ARCHIVE)


def test_a_night_ends_done_and_safe(finished: Finished, night: NightId) -> None:
    record = record_of(finished.site, night)
    assert record.state.status is Status.DONE
    assert record.state.stage is stages_of(night.kind)[-1]
    assert record.processed_at is not None
    assert record.transferred_at is not None
    assert record.safe_at is not None
    assert record.processed_at <= record.transferred_at <= record.safe_at
    assert (record.code, record.error) == (None, None)
    raw = finished.raw_before[night]
    sizes = [(finished.site.folder(night) / path).stat().st_size for path, s in raw.items() if s[0]]
    assert record.bytes == sum(sizes)


def test_each_stage_is_claimed_once_and_in_order(finished: Finished, night: NightId) -> None:
    history = history_of(finished.site, night)
    assert Counter(e.event for e in history) == {
        EventName.SETTLED: 1,
        EventName.CLAIMED: len(stages_of(night.kind)),
        EventName.ADVANCED: len(stages_of(night.kind)),
    }
    claimed = [e.stage for e in history if e.event is EventName.CLAIMED]
    assert claimed == list(stages_of(night.kind))
    times = [e.at for e in history]
    assert times == sorted(times)


def test_the_log_has_one_canonical_line_per_attempt(finished: Finished, night: NightId) -> None:
    lines = [
        line
        for line in finished.ended.named("stage.finished")
        if (line["night"], line["kind"]) == (night.date, night.kind)
    ]
    assert [line["stage"] for line in lines] == list(stages_of(night.kind))
    for line in lines:
        assert {"actions", "frames", "bytes", "duration_s", "code", "attempt"} <= line.keys()
        assert line["attempt"] == 1
    packed = next(line for line in lines if line["stage"] == "fpack")
    assert packed["frames"] == sum(len(cube.rows) for cube in finished.cubes(night))
    assert not [e for e in finished.ended.events if e["level"] in ("error", "critical")]


def test_status_tells_the_contract_keys(finished: Finished) -> None:
    told = json.loads(vampctl(finished.site, "status", "--json").stdout)
    assert [(n["date"], n["kind"], n["status"]) for n in told] == [
        ("20251106", "archive", "done"),
        ("20251106", "engineering", "done"),
    ]
    keys = ["date", "kind", "stage", "status", "safe_at", "frames", "bytes", "attempts", "error"]
    for one in told:
        assert set(keys) <= one.keys()
        assert one["safe_at"]
        assert one["attempts"] == 0
        assert one["error"] is None


def test_fitsverify_accepts_every_product(finished: Finished, night: NightId, tool: Tool) -> None:
    cubes = finished.cubes(night)
    assert len(cubes) >= 15
    for cube in cubes:
        verify_fits(tool, cube.path)


def test_sums_agree_here_and_on_the_archive_host(
    finished: Finished, night: NightId, tool: Tool
) -> None:
    here, there = finished.site.folder(night), finished.site.copy(night)
    checked = check_sums(tool("sha256sum"), there)
    assert check_sums(tool("sha256sum"), here) == checked
    files = {p.relative_to(there).as_posix() for p in there.rglob("*") if p.is_file()}
    assert files == {*checked, "SHA256SUMS"}
    for cube in finished.cubes(night):
        assert {f"vgen2/{cube.name}.fits.fz", f"vgen2/{cube.name}.txt"} <= set(checked)


def test_the_archive_copy_is_the_local_tree(finished: Finished, night: NightId) -> None:
    here = product_tree(finished.site.folder(night))
    there = product_tree(finished.site.copy(night))
    # The manifest tells of the copy and is no part of it, nor are the names from before; what is
    # set aside is a link here only.
    stays = {name for name in here if name.startswith("manifest_VMP")}
    stays |= {"vgen2/name_changes.txt"} & here.keys()
    assert here.keys() - there.keys() == stays
    assert not there.keys() - here.keys()
    differing = {name for name in there if here[name] != there[name]}
    assert differing == {name for name in here if here[name].startswith("link to ")}
    for name in differing:
        source = finished.site.folder(night) / name
        assert source.read_bytes() == (finished.site.copy(night) / name).read_bytes()


def test_raw_is_sacred(finished: Finished, night: NightId) -> None:
    assert raw_state(finished.site.folder(night)) == finished.raw_before[night]


def test_no_camera_stream_travels(finished: Finished, night: NightId) -> None:
    copy = finished.site.copy(night)
    assert not (copy / "vcam1").exists()
    assert not (copy / "vcam2").exists()
    solo = [cube for cube in finished.cubes(night) if cube.header["U_SYNC"] is False]
    assert solo
    for cube in solo:
        assert (copy / "vgen2" / cube.path.name).is_file()


def test_nothing_half_made_or_plain_is_left(finished: Finished, night: NightId) -> None:
    tree = product_tree(finished.site.folder(night))
    names = [Path(name).name for name in tree]
    assert not [name for name in names if name.startswith(".")]
    assert not [name for name in tree if name.endswith(".framelist")]
    assert not [name for name in tree if name.startswith("vgen2/") and name.endswith(".fits")]
    copied = [p.name for p in finished.site.copy(night).rglob("*")]
    assert not [name for name in copied if name.startswith(".")]


def test_every_raw_frame_is_in_one_product_or_set_aside(finished: Finished, night: NightId) -> None:
    site = finished.site
    folder = site.folder(night)
    raw = Counter[str]()
    for stream in ("vcam1", "vcam2"):
        for path in sorted((folder / stream).glob("*.fits")):
            raw[f"{stream}/{path.name}"] = fits.getheader(path)["NAXIS3"]
    used = Counter(frame for cube in finished.cubes(night) for frame in cube.raw_frames)
    assert set(used.values()) == {1}
    told = audit(site, night)
    aside = {entry["path"]: entry["frames"] for entry in told["rejected"]}
    expected = {
        (path, frame) for path, count in raw.items() if path not in aside for frame in range(count)
    }
    assert set(used) == expected
    assert told["balanced"] is True
    assert told["findings"] == []
    assert told["raw_frames"] == sum(raw.values())
    assert told["product_frames"] == sum(used.values())
    assert told["rejected_frames"] == sum(aside.values())
    assert told["raw_frames"] == told["product_frames"] + told["rejected_frames"]


def test_set_aside_cubes_travel_with_their_reason(finished: Finished, night: NightId) -> None:
    bad = {cube.path for cube in finished.truths[night].cubes if cube.defect is not None}
    assert bad
    told = audit(finished.site, night)
    assert {entry["path"] for entry in told["rejected"]} == bad
    assert all(entry["reason"] for entry in told["rejected"])
    copy = finished.site.copy(night)
    reasons = (copy / "vbad" / "reasons.tsv").read_text()
    for path in bad:
        assert (copy / "vbad" / path).read_bytes() == (
            finished.site.folder(night) / path
        ).read_bytes()
        assert path in reasons


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
    (manifest,) = finished.site.folder(archive).glob("manifest*")
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


def test_engineering_nights_get_no_ids_and_no_manifest(finished: Finished) -> None:
    night = NightId("20251106", Kind.ENGINEERING)
    folder = finished.site.folder(night)
    assert not list(folder.rglob("manifest*"))
    assert not list(folder.rglob("VMPA*"))
    for cube in finished.cubes(night):
        assert not cube.header["FRAMEID"].strip()
        assert not cube.header["EXP-ID"].strip()
    assert "engineering" not in finished.site.ledger.read_text()


def test_a_finished_night_is_left_alone(finished: Finished, night: NightId) -> None:
    folder = finished.site.folder(night)
    before = {p: p.lstat().st_mtime_ns for p in [folder, *folder.rglob("*")]}
    there = finished.site.copy(night)
    before |= {p: p.lstat().st_mtime_ns for p in [there, *there.rglob("*")]}
    events = history_of(finished.site, night)
    settle(finished.site)
    assert history_of(finished.site, night) == events
    assert {path: path.lstat().st_mtime_ns for path in before} == before
    assert set(before) == {folder, *folder.rglob("*"), there, *there.rglob("*")}
