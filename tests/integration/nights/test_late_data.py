"""Late data reopen a night, and nothing that was finished changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.builders.products import check_sums, packed_cubes
from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import running, wait_until
from tests.support.daemon.settled import SettledSites
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import audit, history_of, ledger_rows, raw_state, record_of
from vampd.model.nights import EventName, Kind, NightId, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


@pytest.fixture
def done(settled: SettledSites, tmp_path: Path) -> Site:
    """A site whose night is finished."""
    return settled.copy(tmp_path / "done")


def finished_files(site: Site, night: NightId) -> dict[Path, tuple[str, int, int]]:
    """What must never change again: products, sidecars, generations, manifests, here and there."""
    return {
        path: (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
        )
        for folder in (site.folder(night), site.copy(night))
        for pattern in ("vgen2/*", "manifest*")
        for path in folder.glob(pattern)
        # Listings that grow with the night.
        if path.name not in ("name_changes.txt", "receipts.tsv")
    }


def assert_done(site: Site, night: NightId) -> None:
    record = record_of(site, night)
    assert record.state.status is Status.DONE, (record.code, record.error)
    assert record.safe_at is not None
    shown = audit(site, night)
    assert shown["balanced"], shown["findings"]


def assert_only_added(
    site: Site, night: NightId, before: dict[Path, tuple[str, int, int]]
) -> set[Path]:
    """Nothing that was there has changed; the files that are new."""
    after = finished_files(site, night)
    assert {path: after[path] for path in before} == before
    return after.keys() - before.keys()


def manifest_ids(path: Path) -> list[str]:
    return [line.split("|")[0] for line in path.read_bytes().decode().split("\r\n") if line]


def test_late_cubes_reopen_a_finished_night(done: Site, tool) -> None:
    site, night = done, NIGHT
    assert_done(site, night)
    before = finished_files(site, night)
    ids = ledger_rows(site)
    safe_at = record_of(site, night).safe_at
    assert safe_at is not None
    changes = site.folder(night) / "vgen2" / "name_changes.txt"
    named = changes.read_text()

    add_late_cubes(site.root)
    raw = raw_state(site.folder(night))
    settle_here(site)

    assert_done(site, night)
    assert EventName.REOPENED in {event.event for event in history_of(site, night)}
    new = assert_only_added(site, night, before)
    assert ledger_rows(site)[: len(ids)] == ids
    assert changes.read_text().startswith(named)
    late = [cube for cube in packed_cubes(site.folder(night) / "vgen2") if cube.path in new]
    assert late
    assert all("06:00:0" in path for cube in late for path, _ in cube.raw_frames)
    late_ids = [f"VMPA{row.number:08d}" for row in ledger_rows(site)[len(ids) :]]
    assert [cube.name for cube in late] == late_ids
    assert (site.folder(night) / "vgen2" / "generation_0002.json") in new
    supplement = site.folder(night) / "manifest_VMP_20251106_s1.csv"
    assert supplement in new
    assert manifest_ids(supplement) == late_ids
    first = site.folder(night) / "manifest_VMP_20251106.csv"
    assert manifest_ids(first) == [f"VMPA{row.number:08d}" for row in ids]
    for folder in (site.folder(night), site.copy(night)):
        checked = check_sums(tool("sha256sum"), folder)
        assert {f"vgen2/{cube.name}.fits.fz" for cube in late} <= set(checked)
    record = record_of(site, night)
    assert record.safe_at is not None
    assert record.safe_at > safe_at
    assert raw_state(site.folder(night)) == raw


@pytest.mark.soak
def test_late_cubes_reopen_an_engineering_night(settled: SettledSites, tmp_path: Path) -> None:
    site = settled.copy(tmp_path / "done", Kind.ENGINEERING)
    night = NightId(NIGHT.date, Kind.ENGINEERING)
    before = finished_files(site, night)
    add_late_cubes(site.root, kind=Kind.ENGINEERING)
    settle_here(site)
    assert_done(site, night)
    assert assert_only_added(site, night, before)


@pytest.mark.soak
def test_late_cubes_are_seen_by_a_running_daemon(site: Site) -> None:
    configure(site, watch={"scan_every_s": 0.3})
    night, _ = make_smallest(site.root)

    def is_done() -> bool:
        return record_of(site, night).state.status is Status.DONE

    with running(site) as daemon:
        wait_until((site.folder(night) / "manifest_VMP_20251106.csv").exists, "a manifest")
        wait_until(is_done, "done")
        before = finished_files(site, night)
        add_late_cubes(site.root)
        wait_until((site.folder(night) / "manifest_VMP_20251106_s1.csv").exists, "a supplement")
        wait_until(is_done, "done again")
        assert daemon.stop() == 0
    assert_done(site, night)
    assert assert_only_added(site, night, before)


@pytest.mark.soak
def test_a_third_generation_follows_the_second(done: Site) -> None:
    site, night = done, NIGHT
    # Its frames are of one camera alone.
    configure(site, sync={"hold_when_unexpected": False})
    add_late_cubes(site.root)
    settle_here(site)
    before = finished_files(site, night)
    source = site.folder(night) / "vcam2"
    # The darks that an observer adds: a cube of the second day, copied from another night.
    other, _ = add_late_cubes(site.base / "elsewhere", "20251107", seed=9)
    for path in (site.base / "elsewhere" / other.folder / "vcam2").iterdir():
        (source / path.name.replace("06:00", "06:01")).write_bytes(path.read_bytes())
    settle_here(site)
    assert_done(site, night)
    new = {path.name for path in assert_only_added(site, night, before)}
    assert {"generation_0003.json", "manifest_VMP_20251106_s2.csv"} <= new


def test_a_set_aside_cube_whose_timing_file_comes_late_is_taken_in(site: Site) -> None:
    night, truth = make_smallest(site.root)
    (bad,) = [cube for cube in truth.cubes if cube.defect is not None]
    good = next(cube for cube in truth.cubes if cube.defect is None and cube.run == bad.run)
    settle_here(site)
    assert audit(site, night)["rejected_frames"] == bad.frames
    before = finished_files(site, night)

    rows = (site.folder(night) / good.path).with_suffix(".txt").read_text().splitlines()
    data = [line for line in rows if not line.startswith("#")][: bad.frames]
    moved = [_later(line, 120_000) for line in data]
    timing = (site.folder(night) / bad.path).with_suffix(".txt")
    timing.write_text("\n".join([line for line in rows if line.startswith("#")] + moved) + "\n")
    settle_here(site)

    assert_done(site, night)
    shown = audit(site, night)
    assert shown["rejected"] == []
    assert shown["product_frames"] == shown["raw_frames"]
    new = assert_only_added(site, night, before)
    assert any(path.name.endswith(".fits.fz") for path in new)
    assert (site.folder(night) / "manifest_VMP_20251106_s1.csv") in new


def _later(line: str, micros: int) -> str:
    """A row of a timing file, logged and taken so much later."""
    fields = line.split()
    for written in fields[3:5]:
        seconds, fraction = written.split(".")
        total = int(seconds + fraction.ljust(9, "0")) + micros * 1000
        later = f"{total // 10**9}.{total % 10**9:09d}"
        fields[fields.index(written)] = later[: len(written)]
    return " ".join(fields)


def test_a_file_that_is_no_raw_data_changes_nothing(done: Site) -> None:
    site, night = done, NIGHT
    before = finished_files(site, night)
    (site.folder(night) / "vcam1" / "notes.txt").write_text("seeing was bad\n")
    (site.folder(night) / "observers-log.md").write_text("seeing was bad\n")
    settle_here(site)
    assert_done(site, night)
    assert not assert_only_added(site, night, before)


def test_raw_data_that_change_after_sync_hold_the_night(site: Site) -> None:
    night, truth = make_smallest(site.root)
    settle_here(site)
    before = finished_files(site, night)
    good = next(cube for cube in truth.cubes if cube.defect is None)
    timing = (site.folder(night) / good.path).with_suffix(".txt")
    timing.write_text(timing.read_text() + "\n")
    add_late_cubes(site.root)
    settle_here(site)
    record = record_of(site, night)
    assert (record.state.status, record.code) == (Status.HELD, "raw_changed")
    assert not assert_only_added(site, night, before)
