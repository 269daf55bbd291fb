import errno
import hashlib
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.support.builders.nights import make_night, make_scenario
from vampd.disk.reading import list_raw_files
from vampd.errors import DiskFull, UsageError
from vampd.fits.raw import read_raw_cube
from vampd.model.cubes import RawCube, SetAside
from vampd.model.nights import CAMERA_STREAMS, Kind, NightId, timing_name, unfinished_cube_name
from vampd.simulate import (
    CROP_64,
    PRESETS,
    Defect,
    Run,
    Scenario,
    Spoiled,
    Writer,
    plan_night,
    write_night,
    write_truth,
)
from vampd.simulate.pixels import Detector

NIGHT = NightId("20251106", Kind.ARCHIVE)
BRIEF = Scenario(
    "brief",
    CROP_64,
    (
        Run(
            triggers=100,
            period_us=10_000,
            exptime_us=9_000,
            frames_per_cube=(50, 50),
            pause_s=0.0,
        ),
    ),
)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_cubes(folder: Path) -> dict[str, RawCube | SetAside]:
    """Every raw cube as sync's eyes would see it."""
    stamps = {stamp.path: stamp for stamp in list_raw_files(folder, CAMERA_STREAMS)}
    return {
        path: read_raw_cube(folder, stamp, stamps.get(timing_name(path)), stream)
        for stream in CAMERA_STREAMS
        for path, stamp in stamps.items()
        if path.startswith(stream) and path.endswith(".fits")
    }


@pytest.mark.parametrize("kind", Kind)
def test_a_night_lies_where_its_kind_says(tmp_path, kind):
    night, truth = make_night(tmp_path, kind=kind)

    folder = tmp_path / night.folder
    assert {path.name for path in folder.iterdir()} == {"vcam1", "vcam2"}
    assert {path.name for path in folder.glob("vcam*/*.fits")} == {
        Path(cube.path).name for cube in truth.cubes
    }


def test_the_same_seed_gives_the_same_bytes_in_every_way_of_writing(tmp_path):
    simulated = plan_night(BRIEF, NIGHT, 3)
    trees = [
        tree(write_night(simulated, tmp_path / writer, writer=writer, speed=1000))
        for writer in Writer
    ]

    assert trees[0] == trees[1] == trees[2]
    other = write_night(plan_night(BRIEF, NIGHT, 4), tmp_path / "other")
    assert not set(tree(other).values()) & set(trees[0].values())


@pytest.mark.parametrize("preset", ["tiny", "midnight", "defects"])
def test_readers_use_the_good_cubes_and_set_the_bad_ones_aside_for_their_defect(tmp_path, preset):
    night, truth = make_night(tmp_path, preset=preset)
    cubes = read_cubes(tmp_path / night.folder)

    assert set(cubes) == {cube.path for cube in truth.cubes}
    for expected in truth.cubes:
        found = cubes[expected.path]
        # Of junk, the truth knows what a header says, and a reader its timing file.
        if expected.defect is not Defect.CUBE_JUNK:
            assert found.frames == expected.frames
        if expected.family is None:
            assert isinstance(found, RawCube)
        else:
            assert isinstance(found, SetAside)
            assert expected.family.holds(found.code), (expected.defect, found.code)


def test_what_is_on_disk_is_what_was_planned(tmp_path):
    simulated = plan_night(PRESETS["tiny"], NIGHT, 1)
    cubes = read_cubes(write_night(simulated, tmp_path))

    for cube in simulated.cubes:
        found = cubes[cube.path]
        if isinstance(found, RawCube):
            assert found.cards == cube.cards
            assert found.shape[1:] == (64, 64)
            assert np.array_equal(found.timing.acquired_us, cube.timing.acquired_us)
            assert np.array_equal(found.timing.cnt0, cube.timing.cnt0)


def test_pixels_are_unsigned_and_those_of_the_exposures(tmp_path):
    simulated = plan_night(PRESETS["tiny"], NIGHT, 1)
    folder = write_night(simulated, tmp_path)

    for cube in (simulated.cubes[0], simulated.cubes[-1]):
        pixels = fits.getdata(folder / cube.path)
        detector = Detector(CROP_64, cube.stream.camera, 1)
        run = simulated.scenario.runs[cube.run]
        stored = b"".join(bytes(block) for block in detector.blocks(run, cube.exposures))
        assert pixels.dtype == np.uint16
        assert pixels.shape == (len(cube.timing), 64, 64)
        assert np.array_equal(
            pixels.astype(np.int64) - 32768, np.frombuffer(stored, ">i2").reshape(pixels.shape)
        )
        assert np.median(pixels) > 190


@pytest.mark.parametrize("frames", [1, 2, 10])
@pytest.mark.parametrize("defect", Defect)
def test_every_defect_spoils_cubes_of_any_length(tmp_path, defect, frames):
    run = Run(
        triggers=2 * frames,
        period_us=10_000,
        exptime_us=9_000,
        frames_per_cube=(frames, frames),
        spoiled=(Spoiled(1, 0, defect),),
    )
    night, truth = make_scenario(tmp_path, Scenario("one", CROP_64, (run,)))

    codes = {
        path: cube.code
        for path, cube in read_cubes(tmp_path / night.folder).items()
        if isinstance(cube, SetAside)
    }
    (bad,) = truth.bad_cubes
    assert list(codes) == [bad.path]
    assert bad.family is not None
    assert bad.family.holds(codes[bad.path])


def test_a_header_copy_holds_the_cubes_cards_one_a_line(tmp_path):
    night, _ = make_night(tmp_path)
    copies = sorted((tmp_path / night.folder).rglob("*.fits.header"))

    assert copies
    for copy in copies:
        lines = copy.read_text(encoding="ascii").splitlines()
        header = copy.with_suffix("").read_bytes()
        assert "".join(lines).encode() == header[: 80 * len(lines)]
        assert header[80 * len(lines) :].startswith(b"END  ")


def test_the_truth_lies_only_where_it_was_asked_for(tmp_path):
    night, truth = make_night(tmp_path / "root")
    write_truth(truth, tmp_path / "truth.tsv")

    suffixes = {path.suffix for path in (tmp_path / "root").rglob("*") if path.is_file()}
    assert suffixes == {".fits", ".txt", ".header"}
    assert len((tmp_path / "truth.tsv").read_text().splitlines()) == len(truth) + 1
    assert night.kind is Kind.ENGINEERING


def test_a_night_is_never_written_over_another(tmp_path):
    night, _ = make_night(tmp_path)
    before = tree(tmp_path)

    with pytest.raises(UsageError) as refused:
        make_night(tmp_path)
    assert refused.value.code == "cube_exists"
    assert str(tmp_path / night.folder) in refused.value.message
    assert tree(tmp_path) == before


def test_nothing_is_written_when_a_later_cube_exists_already(tmp_path):
    simulated = plan_night(BRIEF, NIGHT, 1)
    last = tmp_path / NIGHT.folder / simulated.cubes[-1].path
    last.parent.mkdir(parents=True)
    last.write_bytes(b"kept")

    with pytest.raises(UsageError):
        write_night(simulated, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [last]
    assert last.read_bytes() == b"kept"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_time_does_not_stand_still(tmp_path, speed):
    with pytest.raises(ValueError, match="positive speed"):
        write_night(plan_night(BRIEF, NIGHT, 1), tmp_path, speed=speed)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_reported_as_such_and_ends_both_loggers(tmp_path, monkeypatch):
    blocks = Detector.blocks

    def fill_disk(self, run, exposures, frames=None):
        if self._camera == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return blocks(self, run, exposures, frames)

    monkeypatch.setattr(Detector, "blocks", fill_disk)
    slow = replace(BRIEF, runs=(replace(BRIEF.runs[0], period_us=10_000_000),))
    started = time.monotonic()

    with pytest.raises(DiskFull) as full:
        write_night(plan_night(slow, NIGHT, 1), tmp_path, writer=Writer.RECENT_LOGGER)
    assert full.value.code == "disk_full"
    assert time.monotonic() - started < 30  # of a night of a thousand seconds
    assert not list(tmp_path.rglob("*.txt"))
    assert not list(tmp_path.rglob("*.fits"))


def test_other_failures_of_the_disk_are_not_called_a_full_one(tmp_path):
    (tmp_path / NIGHT.folder).mkdir(parents=True)
    (tmp_path / NIGHT.folder / "vcam2").write_text("in the way")

    with pytest.raises(OSError, match="vcam2"):
        write_night(plan_night(BRIEF, NIGHT, 1), tmp_path)


class Watcher:
    """Looks at a folder again and again while a night is written: name -> sizes, in order."""

    def __init__(self, folder: Path) -> None:
        self.looks: list[dict[str, int]] = []
        self._folder = folder
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._end.wait(0.002):
            self._look()

    def _look(self) -> None:
        # Companions first: what is seen with a timing file was there before it.
        found = {}
        for path in sorted(self._folder.glob("vcam*/*"), key=lambda path: path.suffix != ".txt"):
            try:
                found[f"{path.parent.name}/{path.name}"] = path.stat().st_size
            except FileNotFoundError:  # renamed since it was listed
                continue
        self.looks.append(found)


def watch_writing(tmp_path, writer):
    simulated = plan_night(BRIEF, NIGHT, 1)
    started = time.monotonic()
    with Watcher(tmp_path / NIGHT.folder) as watcher:
        write_night(simulated, tmp_path, writer=writer, speed=1.0)
    return simulated, watcher.looks, time.monotonic() - started


def test_a_recent_logger_shows_a_cube_only_when_it_is_whole(tmp_path):
    simulated, looks, took_s = watch_writing(tmp_path, Writer.RECENT_LOGGER)

    final = looks[-1]
    growing = [
        {name: size for name, size in look.items() if unfinished_cube_name(Path(name).name)}
        for look in looks
    ]
    assert took_s > 1.0  # a hundred triggers at 100 Hz
    assert not growing[-1]
    assert any(len(names) == 2 for names in growing), "both cameras write at once"
    assert len({tuple(names.values()) for names in growing}) > 10, "cubes grow step by step"
    for look in looks:
        for name, size in look.items():
            if name.endswith(".fits"):
                assert size == final[name]
            if name.endswith(".txt"):
                assert name.removesuffix(".txt") + ".fits" in look
    assert {name for name in final if name.endswith(".fits")} == {
        cube.path for cube in simulated.cubes
    }


def test_an_old_logger_writes_in_place_and_the_timing_file_follows(tmp_path):
    _, looks, took_s = watch_writing(tmp_path, Writer.OLD_LOGGER)

    final = looks[-1]
    assert took_s > 1.0
    assert not any(name.endswith(".tmp") for look in looks for name in look)
    assert any(
        size < final[name] for look in looks for name, size in look.items() if ".fits" in name
    )
    for look in looks:
        for name in look:
            cube = name.removesuffix(".txt") + ".fits"
            if name.endswith(".txt"):
                assert look[cube] == final[cube]


def test_a_night_passes_as_fast_as_is_asked(tmp_path):
    hours = replace(BRIEF, runs=(replace(BRIEF.runs[0], period_us=10**8),))
    started = time.monotonic()

    write_night(plan_night(hours, NIGHT, 1), tmp_path, writer=Writer.OLD_LOGGER, speed=20_000)

    assert 0.49 < time.monotonic() - started < 30


def test_a_tiny_night_is_made_within_two_seconds(tmp_path):
    started = time.process_time()

    make_night(tmp_path)

    assert time.process_time() - started < 2
