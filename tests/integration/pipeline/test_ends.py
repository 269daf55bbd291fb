"""A simulated night runs through all stages and ends done, safe and accounted for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from astropy.io import fits

from tests.support.builders.products import (
    check_sums,
)
from tests.support.daemon.running import vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.state import audit, history_of, product_tree, raw_state, record_of
from tests.support.worlds.sites.finished_nights import Finished, Tool
from vampd.model.nights import EventName, Kind, NightId, Status, stages_of


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


def test_status_shows_the_contract_keys(finished: Finished) -> None:
    shown = json.loads(vampctl(finished.site, "status", "--json").stdout)
    assert [(n["date"], n["kind"], n["status"]) for n in shown] == [
        ("20251106", "archive", "done"),
        ("20251106", "engineering", "done"),
    ]
    keys = ["date", "kind", "stage", "status", "safe_at", "frames", "bytes", "attempts", "error"]
    for one in shown:
        assert set(keys) <= one.keys()
        assert one["safe_at"]
        assert one["attempts"] == 0
        assert one["error"] is None


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
    # The manifest tells of the copy and is no part of it, nor are the names from before, nor the
    # receipts, which SHA256SUMS tells there; what is set aside is a link here only.
    stays = {name for name in here if name.startswith("manifest_VMP")}
    stays |= {"vgen2/name_changes.txt", "vgen2/receipts.tsv"} & here.keys()
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
    shown = audit(site, night)
    aside = {entry["path"]: entry["frames"] for entry in shown["rejected"]}
    expected = {
        (path, frame) for path, count in raw.items() if path not in aside for frame in range(count)
    }
    assert set(used) == expected
    assert shown["balanced"] is True
    assert shown["findings"] == []
    assert shown["raw_frames"] == sum(raw.values())
    assert shown["product_frames"] == sum(used.values())
    assert shown["rejected_frames"] == sum(aside.values())
    assert shown["raw_frames"] == shown["product_frames"] + shown["rejected_frames"]


def test_set_aside_cubes_travel_with_their_reason(finished: Finished, night: NightId) -> None:
    bad = {cube.path for cube in finished.truths[night].cubes if cube.defect is not None}
    assert bad
    shown = audit(finished.site, night)
    assert {entry["path"] for entry in shown["rejected"]} == bad
    assert all(entry["reason"] for entry in shown["rejected"])
    copy = finished.site.copy(night)
    reasons = (copy / "vbad" / "reasons.tsv").read_text()
    for path in bad:
        assert (copy / "vbad" / path).read_bytes() == (
            finished.site.folder(night) / path
        ).read_bytes()
        assert path in reasons


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
    settle_here(finished.site)
    assert history_of(finished.site, night) == events
    assert {path: path.lstat().st_mtime_ns for path in before} == before
    assert set(before) == {folder, *folder.rglob("*"), there, *there.rglob("*")}
