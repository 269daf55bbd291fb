"""Products as strangers see them: by astropy, by text, and by the tools of the trade."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

_RANGE = re.compile(r"# frames (\d+) count (\d+) step (\d+) of (.+)")
_IDENTITY = re.compile(r"# identity ([0-9a-f]{64})")
BLOCK = 2880


@dataclass(frozen=True)
class PackedCube:
    """A packed product with its sidecar."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(".fits.fz")

    @cached_property
    def header(self) -> fits.Header:
        """HDU 1, as the observers' pipeline opens it."""
        return fits.getheader(self.path, 1)

    @cached_property
    def sidecar(self) -> list[str]:
        return self.path.with_name(f"{self.name}.txt").read_text().splitlines()

    @cached_property
    def rows(self) -> list[list[str]]:
        """The sidecar's rows, split into columns."""
        return [line.split() for line in self.sidecar if not line.startswith("#")]

    @property
    def acquired_us(self) -> list[int]:
        """Acquisition times of column 5, as exact integers."""
        return [int(row[4].replace(".", "")) for row in self.rows]

    @property
    def identity(self) -> str:
        return next(m[1] for line in self.sidecar if (m := _IDENTITY.fullmatch(line)))

    @property
    def raw_frames(self) -> list[tuple[str, int]]:
        """(raw cube, frame) of each frame, as the sidecar names them."""
        frames: list[tuple[str, int]] = []
        for line in self.sidecar:
            if match := _RANGE.fullmatch(line):
                start, count, step = (int(match[group]) for group in (1, 2, 3))
                frames += [(match[4], start + k * step) for k in range(count)]
        return frames

    def unpack(self, funpack: str, folder: Path) -> bytes:
        """The plain cube's bytes, as funpack gives them back."""
        plain = folder / f"{self.name}.fits"
        done = subprocess.run(
            [funpack, "-O", plain, self.path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        content = plain.read_bytes()
        plain.unlink()
        return content


def packed_cubes(vgen2: Path) -> list[PackedCube]:
    """The packed products of a folder, by name."""
    return [PackedCube(path) for path in sorted(vgen2.glob("*.fits.fz"))]


def raw_pixels(path: Path) -> npt.NDArray[np.uint8]:
    """The stored bytes of each frame of a plain cube, shape (frames, bytes of a frame)."""
    return plain_pixels(path.read_bytes())


def plain_pixels(content: bytes) -> npt.NDArray[np.uint8]:
    """The same of a plain cube in memory."""
    header = fits.Header.fromstring(content[: header_bytes(content)])
    frames = header["NAXIS3"] if header["NAXIS"] == 3 else 1
    size = header["NAXIS1"] * header["NAXIS2"] * 2
    assert header["BITPIX"] == 16
    begin = header_bytes(content)
    pixels = np.frombuffer(content, np.uint8, frames * size, begin)
    return pixels.reshape(frames, size)


def header_bytes(content: bytes) -> int:
    """Where the header ends."""
    for block in range(0, len(content), BLOCK):
        cards = content[block : block + BLOCK]
        if any(cards[at : at + 80] == b"END".ljust(80) for at in range(0, BLOCK, 80)):
            return block + BLOCK
    raise AssertionError("no END card")


def check_sums(sha256sum: str, folder: Path) -> list[str]:
    """The files that ``sha256sum -c SHA256SUMS`` has checked here; all must agree."""
    done = subprocess.run(
        [sha256sum, "--strict", "-c", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.endswith(": OK") for line in lines)
    return [line.removesuffix(": OK") for line in lines]


def verify_fits(tool: Callable[[str], str], path: Path) -> None:
    """fitsverify finds neither errors nor warnings."""
    done = subprocess.run(
        [tool("fitsverify"), "-q", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("verification OK"), done.stdout
