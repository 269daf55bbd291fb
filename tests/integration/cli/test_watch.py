"""vampctl watch: what the cameras write, seen with few looks, on a terminal that stays clean."""

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.builders.raw_cubes import raw_pixels, write_raw_cube
from tests.support.daemon.running import BIN, vampctl, wait_until
from tests.support.daemon.site import Site, make_site
from tests.support.daemon.state import connected
from tests.support.tools.warm_start import start
from vampd.cli.live import newest_cubes
from vampd.cli.live.newest_cubes import NewestCubes
from vampd.disk import reading
from vampd.fits import headers
from vampd.model.nights import Kind, NightId, Stream
from vampd.store.database.opening import Access, open_store

NIGHT = NightId("20251106", Kind.ARCHIVE)
NOW = 1_762_480_313.0  # 2025-11-07 01:51:53 UT
ENTER, LEAVE, SHOW_CURSOR = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


def write_cube(root: Path, second: int, camera: Stream = Stream.VCAM1, **how: Any) -> Path:
    """A cube whose name and mtime are so many seconds after 01:51."""
    name = f"{camera}_01:51:{second:02}.450520368.fits"
    night = how.pop("night", NIGHT)
    written = write_raw_cube(root / night.folder, camera, name=name, **how)
    os.utime(written.path, (NOW - 53 + second,) * 2)
    return written.path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "fuuu").mkdir()
    return tmp_path / "fuuu"


def test_the_newest_cubes_of_each_camera_are_found_with_what_headers_say(root: Path) -> None:
    for second in (1, 2, 3, 9):
        write_cube(root, second, pixels=raw_pixels(9, 5, 6))
    write_cube(root, 5, Stream.VCAM2, changes={"OBJECT": "HD 34700", "DATA-TYP": "DARK"})
    cubes = NewestCubes(root, most=2).look(NOW)
    assert [(cube.name[:14], cube.night) for cube in cubes] == [
        ("vcam1_01:51:09", NIGHT),
        ("vcam1_01:51:03", NIGHT),
        ("vcam2_01:51:05", NIGHT),
    ]
    assert (cubes[0].shape, cubes[2].object, cubes[2].type) == ("9x5x6", "HD 34700", "DARK")
    assert cubes[0].size == cubes[1].size > 9 * 5 * 6 * 2


def test_a_night_that_is_yet_to_come_hides_no_other(root: Path) -> None:
    write_cube(root, 1)
    write_cube(root, 2, night=NightId("20991231", Kind.ENGINEERING))
    assert [cube.night for cube in NewestCubes(root).look(NOW)] == [NIGHT]


def test_cubes_that_come_grow_or_go_are_seen(root: Path) -> None:
    looker = NewestCubes(root, most=2)
    assert looker.look(NOW) == ()
    first = write_cube(root, 1)
    (seen,) = looker.look(NOW)
    with first.open("ab") as file:
        file.write(bytes(2880))
    os.utime(first, (seen.changed_at,) * 2)
    assert looker.look(NOW)[0].size == seen.size + 2880
    write_cube(root, 2)
    assert [cube.name[12:14] for cube in looker.look(NOW)] == ["02", "01"]
    first.unlink()
    assert [cube.name[12:14] for cube in looker.look(NOW)] == ["02"]


@pytest.mark.parametrize("content", [b"", b"SIMPLE", b"no FITS at all" * 300, bytes(2880)])
def test_what_has_no_header_is_shown_with_the_reason(root: Path, content: bytes) -> None:
    write_cube(root, 1).write_bytes(content)
    (cube,) = NewestCubes(root).look(NOW)
    assert (cube.size, cube.shape) == (len(content), "")
    assert cube.why in {"not_fits", "fits_truncated"}


def test_links_that_lead_out_and_pipes_are_not_opened(root: Path, tmp_path: Path) -> None:
    folder = write_cube(root, 1).parent
    outside = write_cube(tmp_path / "elsewhere", 3)
    (folder / "vcam1_01:51:03.450520368.fits").symlink_to(outside)
    os.mkfifo(folder / "vcam1_01:51:04.450520368.fits")
    shown = {cube.name[12:14]: cube for cube in NewestCubes(root).look(NOW)}
    assert {name: cube.why for name, cube in shown.items()} == {
        "01": "",
        "03": "link",
        "04": "unreadable",
    }
    assert shown["03"].size < 1000 < outside.stat().st_size


def test_a_refresh_lists_nothing_that_has_not_changed_and_reads_no_pixels(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in range(40):
        write_cube(root, second)
    listed: list[object] = []
    read: list[int] = []
    stats: list[object] = []

    def scandir(folder: int) -> Any:
        listed.append(folder)
        return os.scandir(folder)

    def stamp_of(night: Path, path: str) -> Any:
        stats.append(path)
        return reading.stamp_of(night, path)

    def read_cards_at(file_fd: int, offset: int, path: Path) -> Any:
        read.append(offset)
        return headers.read_cards_at(file_fd, offset, path)

    tools = SimpleNamespace(**{**vars(os), "scandir": scandir})
    monkeypatch.setattr(newest_cubes, "os", tools)
    monkeypatch.setattr(newest_cubes, "stamp_of", stamp_of)
    monkeypatch.setattr(newest_cubes, "read_cards_at", read_cards_at)
    looker = NewestCubes(root, most=3)
    first = looker.look(NOW)
    assert (len(listed), read) == (3, [0, 0, 0])  # the root, the archive nights, the camera
    assert len(stats) <= newest_cubes._CANDIDATES
    assert looker.look(NOW) == first
    assert (len(listed), len(read)) == (3, 3)


def test_of_a_folder_with_too_many_entries_a_part_is_listed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second in range(9):
        write_cube(root, second)
    monkeypatch.setattr(newest_cubes, "_MOST_ENTRIES", 4)
    looker = NewestCubes(root)
    looker.look(NOW)
    assert max(len(folder.names) for folder in looker._folders.values()) == 4


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    open_store(f"sqlite:///{made.database}", Access.MIGRATE).close()
    with connected(made) as connections:
        connections.store.discover(NIGHT, 0.0)
    write_cube(made.root, 7)
    return made


def test_one_frame_is_plain_lines(site: Site) -> None:
    done = vampctl(site, "watch", "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    for part in ("vcam1_01:51:07", "20251106  archive  sync  filling", "vampd is NOT running"):
        assert part in done.stdout
    # It has ended.
    assert "Ctrl-C" not in done.stdout


def test_without_root_or_database_the_rest_is_shown(site: Site) -> None:
    site.root.rename(site.base / "gone")
    shown = vampctl(site, "watch", "--once")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "No such file or directory: is it mounted?" in shown.stdout
    assert "20251106  archive  sync  filling" in shown.stdout
    (site.base / "gone").rename(site.root)
    site.database.unlink()
    shown = vampctl(site, "watch", "--once")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "there is no database" in shown.stdout
    assert "vcam1_01:51:07" in shown.stdout
    assert not site.database.exists()


def test_without_a_terminal_it_refuses_and_says_what_does(site: Site) -> None:
    done = vampctl(site, "watch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "vampctl watch --once" in done.stderr


class Screen:
    """`vampctl watch` on a terminal of its own, and all that it wrote."""

    def __init__(self, site: Site, columns: int, rows: int) -> None:
        self.outer, self.inner = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.inner)
        environ = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        command = [str(BIN / "vampctl"), "--config", str(site.config), "watch", "--every", "0.5"]
        with open(os.dup(self.inner), "wb", buffering=0) as terminal:
            environ["TERM"] = "xterm-256color"
            self.process = start(command, environ, terminal, terminal)
        os.set_blocking(self.outer, False)
        self.shown = b""

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self) -> bytes:
        while True:
            try:
                self.shown += os.read(self.outer, 65536)
            except OSError:
                return self.shown

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.read()
        return status

    def close(self) -> None:
        self.process.kill()
        os.close(self.outer)
        os.close(self.inner)


@pytest.fixture
def screen(site: Site) -> Iterator[Screen]:
    with closing(Screen(site, 80, 24)) as made:
        yield made


def frames_of(shown: bytes) -> list[bytes]:
    """What was written for each frame: rich goes home before it."""
    return re.split(rb"\x1b\[H", shown)[1:]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_however_it_is_ended_the_terminal_is_as_before(
    screen: Screen, number: signal.Signals
) -> None:
    wait_until(lambda: b"vcam1_01:51:07" in screen.read(), "a first frame")
    assert screen.end(number) == 130
    assert screen.shown.count(ENTER) == screen.shown.count(LEAVE) == 1
    assert screen.shown.rindex(LEAVE) > screen.shown.rindex(b"vcam1")
    assert SHOW_CURSOR in screen.shown[screen.shown.rindex(b"vcam1") :]
    assert termios.tcgetattr(screen.inner) == screen.before
    assert b"Traceback" not in screen.shown


def test_a_screen_follows_the_cameras_and_its_size_and_writes_little(
    screen: Screen, site: Site
) -> None:
    wait_until(lambda: b"vcam1_01:51:07" in screen.read(), "a first frame")
    write_cube(site.root, 9)
    wait_until(lambda: b"vcam1_01:51:09" in screen.read(), "the next cube")
    # At a frame each two seconds, as it is by default: a few kB/s.
    assert max(map(len, frames_of(screen.shown))) < 6000
    screen.resize(120, 40)
    os.kill(screen.process.pid, signal.SIGWINCH)
    begun = len(screen.shown)
    wait_until(lambda: frames_of(screen.read()[begun:])[1:], "a frame of the new size")
    time.sleep(0.1)
    assert screen.end(signal.SIGINT) == 130
