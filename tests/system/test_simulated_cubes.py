"""Simulated raw cubes, judged by the FITS tools."""

import subprocess
from dataclasses import replace

import pytest

from tests.support.builders.nights import make_night, make_scenario
from vampd.simulate import MBI, PRESETS, STANDARD, Defect, Scenario


def good_cubes(root, night, truth):
    return [str(root / night.folder / cube.path) for cube in truth.cubes if cube.defect is None]


@pytest.mark.parametrize("preset", ["tiny", "midnight"])
def test_fitsverify_accepts_every_simulated_cube(tmp_path, tool, preset):
    night, truth = make_night(tmp_path, preset=preset)

    subprocess.run([tool("fitsverify"), "-q", *good_cubes(tmp_path, night, truth)], check=True)


@pytest.mark.parametrize("crop", [STANDARD, pytest.param(MBI, marks=pytest.mark.soak)])
def test_fitsverify_accepts_the_instruments_real_windows(tmp_path, tool, crop):
    run = replace(PRESETS["tiny"].runs[1], triggers=3)
    night, truth = make_scenario(tmp_path, Scenario("window", crop, (run,)))

    subprocess.run([tool("fitsverify"), "-q", *good_cubes(tmp_path, night, truth)], check=True)


def test_fitsverify_refuses_a_cube_that_was_cut(tmp_path, tool):
    night, truth = make_night(tmp_path, preset="defects")
    cut = [cube.path for cube in truth.bad_cubes if cube.defect is Defect.CUBE_CUT]

    assert cut
    judged = subprocess.run(
        [tool("fitsverify"), "-q", str(tmp_path / night.folder / cut[0])],
        check=False,
        capture_output=True,
    )
    assert judged.returncode != 0


def test_simulated_pixels_compress_like_a_detectors(tmp_path, tool):
    run = replace(PRESETS["tiny"].runs[1], triggers=8)
    night, truth = make_scenario(tmp_path, Scenario("window", STANDARD, (run,)))
    cube = good_cubes(tmp_path, night, truth)[0]

    packed = subprocess.run([tool("fpack"), "-r", "-S", cube], check=True, capture_output=True)

    with open(cube, "rb") as file:
        raw_bytes = len(file.read())
    assert 2 < raw_bytes / len(packed.stdout) < 5
