"""What a worker has made counts when this host sees it, however late a shared file system is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from vampd.disk.pace import SteadyPace
from vampd.engine import sight
from vampd.engine.sight import SEEN_WITHIN_S, Sight
from vampd.errors import ClaimLost, TransientError
from vampd.model.nights import FileStamp
from vampd.model.proofs import PackingReceipt, Place, Receipt

PRODUCT, SIDECAR = "vgen2/one.fits.fz", "vgen2/one.txt"
MTIME_NS = 1_700_000_000_123_456_789
READING = Receipt(Place.HERE, FileStamp(PRODUCT, 4, MTIME_NS), "00", 0.0)
OF_SIDECAR = PackingReceipt(SIDECAR, 2, "00", None)


@dataclass
class Late:
    """A clock that only sleeping moves, and what happens at which time."""

    deeds: dict[float, Callable[[], object]] = field(default_factory=dict)
    now: float = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for at in [at for at in self.deeds if 100.0 + at <= self.now]:
            self.deeds.pop(at)()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vgen2").mkdir()
    return tmp_path


def write(folder: Path, path: str, content: str, mtime_ns: int = MTIME_NS) -> None:
    (folder / path).write_text(content)
    os.utime(folder / path, ns=(mtime_ns, mtime_ns))


def wait(folder: Path, late: Late) -> float:
    Sight(folder, SteadyPace(), late.clock, late.sleep).wait_for_product(READING, OF_SIDECAR)
    return late.now - 100.0


def test_what_is_seen_at_once_is_not_waited_for(folder: Path) -> None:
    write(folder, PRODUCT, "four")
    write(folder, SIDECAR, "ab", 1)
    assert wait(folder, Late()) == 0.0


@pytest.mark.parametrize(
    ("path", "content", "mtime_ns"),
    [
        (PRODUCT, None, 0),
        (PRODUCT, "fou", MTIME_NS),
        (PRODUCT, "four", MTIME_NS - 1),
        (SIDECAR, None, 0),
        (SIDECAR, "a", 1),
    ],
)
def test_what_is_seen_late_is_waited_for(
    folder: Path, path: str, content: str | None, mtime_ns: int
) -> None:
    write(folder, PRODUCT, "four")
    write(folder, SIDECAR, "ab")
    (folder / path).unlink()
    if content is not None:
        write(folder, path, content, mtime_ns)
    whole = {PRODUCT: "four", SIDECAR: "ab"}[path]
    assert wait(folder, Late({60.0: lambda: write(folder, path, whole)})) == 60.0


def test_what_is_never_seen_is_tried_again_later(folder: Path) -> None:
    late = Late()
    with pytest.raises(TransientError) as caught:
        wait(folder, late)
    assert caught.value.code == "product_unseen"
    assert SEEN_WITHIN_S <= late.now - 100.0 <= SEEN_WITHIN_S + 1.0


def test_a_listing_that_is_a_minute_old_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ["one.txt"]
    monkeypatch.setattr(sight, "names_in", lambda _: listed)
    late = Late({60.0: lambda: listed.append("one.fits.fz")})
    Sight(folder, SteadyPace(), late.clock, late.sleep).wait_for_names([PRODUCT, SIDECAR])
    assert late.now == 160.0


def test_who_is_stopped_waits_for_nothing(folder: Path) -> None:
    class Stopped(SteadyPace):
        def check(self) -> None:
            raise ClaimLost("stopped", "stopped")

    with pytest.raises(ClaimLost):
        Sight(folder, Stopped()).wait_for_product(READING, OF_SIDECAR)


def test_a_folder_that_refuses_is_no_late_one(folder: Path) -> None:
    (folder / "vgen2").rmdir()
    (folder / "vgen2").write_text("no folder")
    with pytest.raises(NotADirectoryError):
        wait(folder, Late())
