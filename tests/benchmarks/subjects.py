"""Raw cubes that are packed and read: those of the two windows that fill most nights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.options import workplace
from vampd.model.nights import Kind, NightId
from vampd.simulate.night import plan_night
from vampd.simulate.scenario import MBI, STANDARD, Crop, Run, Scenario
from vampd.simulate.writer import write_night

_NIGHT = NightId("20251106", Kind.ENGINEERING)
_ANGLES_DEG = (0.0, 45.0, 22.5, 67.5)


@dataclass(frozen=True)
class Subject:
    """A window with a star in it."""

    crop: Crop
    flux_e: float

    @property
    def title(self) -> str:
        """Rows and columns, as people say them."""
        return "{} x {}".format(*self.crop.shape(1))

    @property
    def frame_bytes(self) -> int:
        """The size of a frame."""
        rows, columns = self.crop.shape(1)
        return 2 * rows * columns


STANDARD_CUBE, MBI_CUBE = Subject(STANDARD, 3e5), Subject(MBI, 6e5)
SUBJECTS = (STANDARD_CUBE, MBI_CUBE)


@contextmanager
def raw_cubes(
    subject: Subject, folder: Path | None, sizes: tuple[float, ...]
) -> Iterator[tuple[Path, list[Path]]]:
    """A night's folder with raw cubes of one camera, of about so many bytes each."""
    with workplace(folder) as base:
        runs = tuple(_run(subject, max(2, round(size / subject.frame_bytes))) for size in sizes)
        night = write_night(plan_night(Scenario("bench", subject.crop, runs), _NIGHT, 1), base)
        (night / "vgen2").mkdir()
        yield night, sorted((night / "vcam1").glob("*.fits"))


def write_polarimetric_night(base: Path, night: NightId, size: float) -> Path:
    """Raw files of about so many bytes, of both cameras at four angles; the night's folder."""
    triggers = max(20, round(size / STANDARD_CUBE.frame_bytes / 2 / len(_ANGLES_DEG)))
    runs = tuple(
        Run(
            triggers=triggers,
            period_us=2_500,
            exptime_us=2_400,
            frames_per_cube=(500, 500),
            flc_jitter_us=20,
            camera_loss=0.0005,
            logger_loss=0.0005,
            hwp_angle_deg=angle_deg,
            flux_e=STANDARD_CUBE.flux_e,
        )
        for angle_deg in _ANGLES_DEG
    )
    return write_night(plan_night(Scenario("bench", STANDARD, runs), night, seed=1), base)


def _run(subject: Subject, frames: int) -> Run:
    return Run(
        triggers=frames,
        period_us=20_000,
        exptime_us=19_900,
        frames_per_cube=(frames, frames),
        cameras=(1,),
        flux_e=subject.flux_e,
    )
