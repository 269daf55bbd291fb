"""Pixels of simulated frames: bias, read noise, photons, and a star's speckles in bad seeing.

A frame is the sum of two pools drawn once: one of star images with their photon noise, chosen by
the exposure's number (so that partners see the same speckles), and one long strip of bias and read
noise, entered at another place for every exposure. One addition per pixel makes frames as fast as a
disk takes them, no two frames of a camera are equal, and they compress like a detector's.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from vampd.model.cubes import Int64
from vampd.simulate.scenario import Crop, Run

Pixels = npt.NDArray[np.uint16]
Image = npt.NDArray[np.float64]

_BIAS_ADU = 200.0
_READ_NOISE_ADU = 3.0
_ADU_PER_E = 1 / 0.105
_SKY_E = 0.05
_BRIGHTEST_ADU = 60_000
_SPECKLE_PATTERNS = 8
# A prime: exposure times _STRIDE modulo it enters the strip at another place for as many exposures.
_PLACES = 100_003
_STRIDE = 7_919
_CHUNK_BYTES = 8 * 2**20
_STAMP = 512
_PHASE_RMS_RAD = 2.0
_PIXELS_PER_ELEMENT = 3  # pixels per lambda / D
_PHASES, _PHOTONS, _NOISE = range(3, 6)  # streams of random numbers, apart from the plan's


class Detector:
    """The frames of one camera; ``blocks`` gives them in the bytes' order of a FITS file."""

    def __init__(self, crop: Crop, camera: int, seed: int) -> None:
        self._crop = crop
        self._camera = camera
        self._seed = seed
        rows, columns = crop.shape(camera)
        self._pixels = rows * columns
        noise = self._rng(_NOISE).standard_normal(self._pixels + _PLACES, dtype=np.float32)
        strip = np.rint(_BIAS_ADU + _READ_NOISE_ADU * noise).astype(np.uint16)
        # FITS stores unsigned pixels less BZERO = 32768, modulo 2**16.
        self._strip: Pixels = strip + np.uint16(0x8000)
        self._skies: dict[tuple[str, float], Pixels] = {}

    @property
    def frame_bytes(self) -> int:
        """The size of one frame."""
        return 2 * self._pixels

    def blocks(self, run: Run, exposures: Int64, frames: int | None = None) -> Iterator[memoryview]:
        """The frames of these exposures as stored bytes, up to ``frames`` of them per block.

        A block is valid until the next one.
        """
        sky = self._sky(run)
        length = min(max(1, frames or _CHUNK_BYTES // self.frame_bytes), max(1, len(exposures)))
        buffer = np.empty((length, self._pixels), dtype=np.uint16)
        for start in range(0, len(exposures), length):
            numbers = exposures[start : start + length].tolist()
            block = buffer[: len(numbers)]
            for row, exposure in zip(block, numbers, strict=True):
                place = exposure * _STRIDE % _PLACES
                noise = self._strip[place : place + self._pixels]
                np.add(sky[exposure % len(sky)], noise, out=row)
            block.byteswap(inplace=True)
            yield block.data.cast("B")

    def _rng(self, purpose: int, *more: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, purpose, self._camera, *more])

    def _sky(self, run: Run) -> Pixels:
        """Star images with photon noise, in ADU above the bias; shape (patterns, pixels)."""
        key = (run.target, run.flux_e)
        if key not in self._skies:
            self._skies[key] = self._expose(*key)
        return self._skies[key]

    def _expose(self, target: str, flux_e: float) -> Pixels:
        if flux_e == 0:
            return np.zeros((1, self._pixels), dtype=np.uint16)
        # The seed of the speckles excludes the camera: both look through the same air.
        name = zlib.crc32(target.encode())
        phases = np.random.default_rng([self._seed, _PHASES, name])
        photons = self._rng(_PHOTONS, name)
        images = np.empty((_SPECKLE_PATTERNS, self._pixels), dtype=np.uint16)
        for image in images:
            electrons = photons.poisson(self._scene(phases, flux_e)).ravel()
            image[:] = np.minimum(np.rint(electrons * _ADU_PER_E), _BRIGHTEST_ADU)
        return images

    def _scene(self, rng: np.random.Generator, flux_e: float) -> Image:
        """The mean electrons of one speckle pattern: the star in each field of the window."""
        rows, columns = self._crop.shape(self._camera)
        scene = np.full((rows, columns), _SKY_E)
        across = 1 if self._crop.fields == 1 else 2
        down = self._crop.fields // across
        high, wide = rows // down, columns // across
        stamp = min(high, wide, _STAMP) // 2 * 2
        for field in range(self._crop.fields):
            top = field // across * high + (high - stamp) // 2
            left = field % across * wide + (wide - stamp) // 2
            star = draw_speckles(stamp, rng) * (flux_e / self._crop.fields)
            scene[top : top + stamp, left : left + stamp] += star
        return scene


def draw_speckles(size: int, rng: np.random.Generator) -> Image:
    """A star's image of sum 1 and shape (size, size) through one screen of turbulent phase.

    The screen has Kolmogorov's spectrum with an outer scale of the pupil's size: power falls as
    frequency ** (-11 / 3).
    """
    frequency = np.fft.fftfreq(size)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    pupil_pixels = size / _PIXELS_PER_ELEMENT
    amplitude = (radius**2 + pupil_pixels**-2) ** (-11 / 12)
    white = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    screen = np.fft.ifft2(white * amplitude).real
    place = np.hypot(*np.meshgrid(*[np.arange(size) - size / 2] * 2))
    pupil = (place <= pupil_pixels / 2) & (place >= 0.3 * pupil_pixels / 2)
    screen *= _PHASE_RMS_RAD / screen[pupil].std()
    field = np.fft.fftshift(np.fft.fft2(pupil * np.exp(1j * screen)))
    image = np.abs(field).astype(np.float64) ** 2
    normalized: Image = image / image.sum()
    return normalized
