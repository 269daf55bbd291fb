"""What was set aside is looked at again once it was mended, and each frame counts once."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.site import make_site
from tests.support.examples import others_in_soak
from tests.support.worlds.proof.beginning import TABLES
from tests.support.worlds.proof.in_process import InProcess
from vampd.model.nights import Kind, NightRecord, Status

DATE = "20251106"
_ASKED = frozenset({"cameras_clocks_differ", "late_partners", "set_aside_changed"})
_FIFTH_COLUMN = re.compile(r"^((?:\s*\S+\s+){4})(\S+)")


def timing_files(folder: Path, camera: int) -> list[Path]:
    return sorted((folder / f"vcam{camera}").glob("*.txt"))


def set_clock(path: Path, rows: slice = slice(None)) -> None:
    """Give these rows acquisition times of a clock that is an hour ahead."""
    lines = path.read_text().splitlines(keepends=True)
    for number in [i for i, line in enumerate(lines) if not line.startswith("#")][rows]:
        lines[number] = _FIFTH_COLUMN.sub(
            lambda found: f"{found[1]}{float(found[2]) + 3600:.6f}", lines[number]
        )
    path.write_text("".join(lines))


def one_cubes_clock(folder: Path) -> None:
    set_clock(timing_files(folder, 1)[0])


def a_cameras_clock(folder: Path) -> None:
    for path in timing_files(folder, 2):
        set_clock(path)


def some_rows(folder: Path) -> None:
    set_clock(timing_files(folder, 1)[0], slice(3, 6))


def an_original_beside_its_copy(folder: Path) -> None:
    path = timing_files(folder, 1)[0]
    for file in (path, path.with_suffix(".fits")):
        shutil.copyfile(file, file.with_stem(f"{file.stem}9"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-40] + b"x" + whole[-39:])


def settle(vampd: InProcess) -> NightRecord:
    """Until nothing moves any more, released wherever a person is asked."""
    for _ in range(8):
        vampd.advance()
        (now,) = vampd.records().values()
        if now.state.status is Status.HELD:
            assert now.code in _ASKED, now.error
            assert vampd.command("release", DATE).status == 0
        elif now.state.status is Status.DONE:
            return now
    raise AssertionError(f"never done: {vampd.records()}")


def codes(vampd: InProcess) -> dict[str, int]:
    """The frames that are set aside, by the reason; in an audit that is balanced."""
    shown = json.loads(vampd.command("audit", DATE, "--json").text)
    assert shown["balanced"], shown["findings"]
    return {bad["code"]: bad["frames"] for bad in shown["rejected"]}


@pytest.mark.parametrize("is_shown", others_in_soak([False, True], few=0), ids=["unseen", "seen"])
@pytest.mark.parametrize(
    ("happens", "before", "after"),
    others_in_soak(
        [
            (one_cubes_clock, {"acquisition_time_absurd": 16}, {}),
            (a_cameras_clock, {"acquisition_time_absurd": 3}, {}),
            (some_rows, {"timing_backwards": 16}, {}),
            (an_original_beside_its_copy, {"timing_malformed": 16}, {"duplicate_cube": 16}),
        ]
    ),
)
def test_a_later_generation_takes_up_what_was_mended_and_no_frame_twice(
    tmp_path: Path,
    happens: Callable[[Path], None],
    before: dict[str, int],
    after: dict[str, int],
    is_shown: bool,
) -> None:
    site = make_site(tmp_path / "site", **TABLES)
    night, _ = make_smallest(site.root, kind=Kind.ENGINEERING)
    folder = site.folder(night)
    whole = {path: path.read_bytes() for path in folder.glob("vcam?/*")}
    happens(folder)
    vampd = InProcess(site)
    raw = settle(vampd).frames
    assert codes(vampd) == before | {"timing_missing": 3}
    for path, content in whole.items():
        if path.read_bytes() != content:
            stamp = path.stat().st_mtime_ns
            path.write_bytes(content)
            if not is_shown:
                os.utime(path, ns=(stamp, stamp))
    if not is_shown:
        assert vampd.command("retry", DATE, "--from", "sync").status == 0
    else:
        vampd.advance()
    assert settle(vampd).frames == raw
    assert codes(vampd) == after | {"timing_missing": 3}
    reasons = (folder / "vbad" / "reasons.tsv").read_text()
    assert [code in reasons for code in before] == [False] * len(before)
    # Nothing is left to take up: looking again changes nothing.
    generations = sorted((folder / "vgen2").glob("generation_*"))
    assert vampd.command("retry", DATE, "--from", "sync").status == 0
    settle(vampd)
    assert sorted((folder / "vgen2").glob("generation_*")) == generations
