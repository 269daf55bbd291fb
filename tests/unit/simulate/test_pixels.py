from dataclasses import replace

import numpy as np
import pytest

from vampd.simulate import CROP_64, MBI, PRESETS, Crop
from vampd.simulate.pixels import Detector, draw_speckles

STAR = PRESETS["tiny"].runs[0]
DARK = replace(STAR, flux_e=0.0, target="DARK")
CROP = Crop("CROP_100", (100, 104), 90)
SQUARE = Crop("SQUARE", (96, 96), 96)


def expose(detector, run, exposures, frames=None):
    """Frames as a FITS reader would see them, shape (frames, pixels)."""
    blocks = detector.blocks(run, np.asarray(exposures, dtype=np.int64), frames)
    stored = np.frombuffer(b"".join(bytes(block) for block in blocks), dtype=">i2")
    return stored.reshape(len(exposures), -1).astype(np.int64) + 32768


@pytest.mark.parametrize("run", [STAR, DARK])
def test_no_two_frames_of_a_camera_are_equal(run):
    frames = expose(Detector(CROP_64, 1, seed=1), run, range(3000))

    assert len({frame.tobytes() for frame in frames}) == 3000


def test_frames_depend_on_seed_camera_and_exposure_and_not_on_blocks():
    whole = expose(Detector(CROP_64, 1, seed=1), STAR, range(20))
    in_parts = expose(Detector(CROP_64, 1, seed=1), STAR, range(20), frames=3)
    alone = expose(Detector(CROP_64, 1, seed=1), STAR, [13])

    assert np.array_equal(whole, in_parts)
    assert np.array_equal(whole[13], alone[0])
    assert not np.array_equal(whole, expose(Detector(CROP_64, 1, seed=2), STAR, range(20)))
    assert not np.array_equal(whole, expose(Detector(CROP_64, 2, seed=1), STAR, range(20)))


def test_darks_are_bias_and_read_noise():
    frames = expose(Detector(CROP, 1, seed=1), DARK, range(50))

    assert frames.mean() == pytest.approx(200, abs=0.5)
    assert frames.std() == pytest.approx(3, rel=0.05)


def test_a_star_stands_in_the_middle_and_its_electrons_are_counted():
    detector = Detector(CROP, 2, seed=1)
    star = expose(detector, STAR, range(64)).mean(axis=0).reshape(CROP.shape(2)) - 200

    middle = star[30:60, 35:70].mean()
    corner = star[:10, :10].mean()
    assert middle > 5 * corner
    assert star.sum() * 0.105 == pytest.approx(STAR.flux_e, rel=0.05)


def test_photon_noise_is_the_square_root_of_the_electrons():
    first, second = (
        expose(Detector(SQUARE, camera, seed=1), STAR, [0])[0].astype(float) for camera in (1, 2)
    )

    # Same speckles, other photons: the difference is noise alone.
    mean_adu = (first + second) / 2 - 200
    bright = mean_adu > 500
    expected_adu = np.sqrt(2 * (mean_adu[bright] / 0.105 + 3**2))
    assert bright.sum() > 300
    assert ((first - second)[bright] / expected_adu).std() == pytest.approx(1, rel=0.1)


def test_partners_see_the_same_speckles_and_others_do_not():
    first = expose(Detector(SQUARE, 1, seed=1), STAR, [0, 1]).astype(float)
    second = expose(Detector(SQUARE, 2, seed=1), STAR, [0, 1]).astype(float)

    def likeness(left, right):
        return np.corrcoef(np.log(left), np.log(right))[0, 1]

    assert likeness(first[0], second[0]) > likeness(first[0], second[1]) + 0.1


def test_pixels_fit_in_sixteen_bits_whatever_the_flux():
    frames = expose(Detector(CROP_64, 1, seed=1), replace(STAR, flux_e=1e9), range(16))

    assert 60_000 < frames.max() < 61_000
    assert frames.min() > 150


def test_multiband_frames_hold_four_images():
    frame = expose(Detector(MBI, 1, seed=1), STAR, [0])[0].reshape(MBI.shape(1))
    rows, columns = (size // 2 for size in MBI.shape(1))

    for field in (
        frame[:rows, :columns],
        frame[:rows, columns:],
        frame[rows:, :columns],
        frame[rows:, columns:],
    ):
        middle = field[rows // 2 - 20 : rows // 2 + 20, columns // 2 - 20 : columns // 2 + 20]
        assert middle.mean() > 250
        assert field[:20].mean() < 220


def test_speckles_share_out_all_the_light():
    image = draw_speckles(64, np.random.default_rng(1))

    assert image.shape == (64, 64)
    assert image.sum() == pytest.approx(1)
    assert image.min() >= 0
