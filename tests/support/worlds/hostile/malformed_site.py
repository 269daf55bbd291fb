"""A site with one pair of good cubes on either side of a bad one."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.support.builders.raw_cubes import (
    FIRST_ACQUISITION_US,
    WrittenCube,
    raw_pixels,
    write_raw_cube,
)
from tests.support.worlds.sites.sync_site import SyncSite
from vampd.model.cubes import Timing
from vampd.model.nights import Stream

FRAMES = 12


SECOND_US = 1_000_000


OFFSET_US = 100


def timing_at(at_s: float, stream: Stream = Stream.VCAM1, frames: int = FRAMES) -> Timing:
    """Rows of frames with the FLC switching; camera 2 is later by a static offset."""
    frame = np.arange(frames, dtype=np.int64)
    offset_us = OFFSET_US if stream is Stream.VCAM2 else 0
    first_us = FIRST_ACQUISITION_US + round(at_s * SECOND_US) + offset_us
    acquired_us = first_us + frame * 2_000 + (frame % 2) * 40
    logged_ns = acquired_us * 1_000 + 346_918
    count = frame + 1_000_000 + round(at_s * 500)
    return Timing(frame, count, logged_ns - logged_ns[:1], logged_ns, acquired_us, count, frame * 0)


def add_cube(
    site: SyncSite, at_s: float, stream: Stream = Stream.VCAM1, **how: object
) -> WrittenCube:
    timing = timing_at(at_s, stream, int(how.pop("frames", FRAMES)))  # type: ignore[call-overload]
    pixels = raw_pixels(len(timing), seed=stream.camera)
    return write_raw_cube(site.folder, stream, timing=timing, pixels=pixels, **how)  # type: ignore[arg-type]


def add_pair(site: SyncSite, at_s: float, **how: object) -> tuple[WrittenCube, WrittenCube]:
    one, two = (add_cube(site, at_s, stream, **how) for stream in (Stream.VCAM1, Stream.VCAM2))
    return one, two


def path_of(cube: WrittenCube) -> str:
    return str(cube.path.relative_to(cube.night_folder))


@contextmanager
def neighbors_kept(site: SyncSite) -> Iterator[None]:
    """Sound cubes of both cameras before and behind: whatever happens costs them nothing."""
    sound = [*add_pair(site, -60), *add_pair(site, 60)]
    yield
    site.run()
    for cube in sound:
        assert site.frames_of(path_of(cube)) == FRAMES
    audit = site.audit()
    assert audit.findings == ()
    assert audit.balanced
    assert not site.plan()


def listening_socket(path: Path) -> None:
    # A socket's address is short: it is made here and moved there.
    short = Path("s")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(short))
    short.rename(path)


UNREADABLE: dict[str, Callable[[Path], None]] = {
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a folder": lambda path: path.symlink_to(".."),
    "link through a file": lambda path: path.symlink_to("/etc/passwd/x"),
    "folder": lambda path: path.mkdir(),
    "named pipe": os.mkfifo,
    "socket": listening_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
}
LINKS = frozenset(
    {"dangling link", "link to itself", "link to a folder", "link through a file", "device"}
)
