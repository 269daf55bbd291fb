"""vampctl correct proposes what is certain, shows it, and writes nothing that would not fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.pipeline.test_corrections import (
    TRUE,
    CorrectedSite,
    angles,
    correct,
    cubes,
)
from tests.support.builders.frames import make_cube
from tests.support.builders.nights import make_night
from tests.support.daemon.running import vampctl
from tests.support.daemon.site import make_site
from tests.support.daemon.state import connected
from tests.support.worlds.sites.sync_site import NIGHT
from tests.unit.model.headers.test_wave_plate_log import BEGIN_US as PLATE_US
from tests.unit.model.headers.test_wave_plate_log import line
from vampd.config import load_settings
from vampd.disk.reading import read_to_end
from vampd.engine.nights.correcting import Proposal, propose_angles, propose_values, read_cubes
from vampd.errors import TransientError, UsageError
from vampd.model.cubes import Cards
from vampd.model.headers import CORRECTIONS, format_corrections, parse_plate_log
from vampd.model.nights import CAMERA_STREAMS, Kind
from vampd.model.sync import find_together
from vampd.store.database.opening import Access, open_store


@pytest.fixture
def site(tmp_path: Path) -> CorrectedSite:
    return CorrectedSite(tmp_path)


def test_a_log_gives_both_cameras_the_true_angle_and_what_moved_is_undecided(
    site: CorrectedSite,
) -> None:
    seen, all_cubes = read_cubes(NIGHT, site.reader), {*cubes(site, 1), *cubes(site, 2)}
    still = parse_plate_log(["\n".join(line(s, 67.5) for s in range(-2, 30))])
    found = propose_angles(seen, still)
    assert {(row.files, row.old, row.new) for row in found.rows} == {
        (path, "22.5", "67.50") for path in all_cubes
    }
    assert not found.undecided
    rows = [line(s, 22.5, state="busy" if s == 0 else "not busy") for s in range(-2, 9)]
    moving = parse_plate_log(["\n".join(rows)])
    found = propose_angles(seen, moving)
    assert (found.rows, {path for path, _ in found.undecided}) == ([], all_cubes)
    # Where the card is right already, nothing is proposed.
    right = parse_plate_log(["\n".join(line(s, 22.5) for s in range(-2, 30))])
    assert propose_angles(seen, right) == Proposal()


@pytest.mark.parametrize(
    ("stage", "corrected"),
    [("22.5", {"RET-ANG1", "RET-POS1"}), ("-47.0", {"RET-ANG1"}), ("67.5", {"RET-ANG1"})],
)
def test_a_log_gives_the_stages_card_only_where_it_says_the_same_as_the_angles(
    site: CorrectedSite, stage: str, corrected: set[str]
) -> None:
    card = f"RET-POS1= {stage:>20}".ljust(80)
    seen = [
        replace(cube, cards=Cards((*cube.cards.texts, card)))
        for cube in read_cubes(NIGHT, site.reader)
    ]
    found = propose_angles(seen, parse_plate_log(["\n".join(line(s, 67.5) for s in range(-2, 30))]))
    assert {row.keyword for row in found.rows} == corrected
    right = parse_plate_log(["\n".join(line(s, 22.5) for s in range(-2, 30))])
    assert propose_angles(seen, right) == Proposal()


def test_what_the_other_camera_took_then_is_proposed_with_a_cube_and_decided_with_it(
    site: CorrectedSite,
) -> None:
    seen = read_cubes(NIGHT, site.reader)
    cube = seen[0]
    found = propose_values(seen, {"OBJECT": "HD 2"}, [cube.path], "a person")
    taken = {each.path for each in find_together(cube, seen)}
    assert {row.files for row in found.rows} == taken
    assert len(taken) > 1


def test_a_cube_is_undecided_with_what_was_taken_with_it() -> None:
    one, two = CAMERA_STREAMS
    spans = ((one, 0, 40), (one, 40, 120), (two, 0, 85))
    seen = [
        make_cube(stream, PLATE_US + np.arange(begin, end) * 100_000, {"RET-ANG1": 22.5})
        for stream, begin, end in spans
    ]
    rows = [line(s, 67.5, state="busy" if s == 10 else "not busy") for s in range(-2, 20)]
    found = propose_angles(seen, parse_plate_log(["\n".join(rows)]))
    assert (found.rows, len(found.undecided)) == ([], 3)


@pytest.mark.parametrize("exposure", [None, -1.0])
def test_a_cube_that_does_not_tell_its_exposure_is_undecided(exposure: float | None) -> None:
    cards = {"RET-ANG1": 22.5} | ({} if exposure is None else {"EXPTIME": exposure})
    cube = make_cube(CAMERA_STREAMS[0], PLATE_US + np.arange(4) * 1_000_000, cards)
    if exposure is None:
        texts = [text for text in cube.cards.texts if not text.startswith("EXPTIME")]
        cube = replace(cube, cards=Cards(tuple(texts)))
    still = parse_plate_log(["\n".join(line(s, 67.5) for s in range(-20, 30))])
    found = propose_angles([cube], still)
    assert (found.rows, [path for path, _ in found.undecided]) == ([], [cube.path])
    assert "how long it was exposed" in found.undecided[0][1]


def test_a_condition_on_a_card_means_all_its_cubes_and_no_condition_that_none_meets_passes(
    site: CorrectedSite,
) -> None:
    seen = read_cubes(NIGHT, site.reader)
    found = propose_values(seen, {"RET-ANG1": TRUE}, ["RET-ANG1=22.5"], "a person")
    (site.folder / CORRECTIONS).write_text(format_corrections(found.rows))
    (site.folder / CORRECTIONS).chmod(0o644)
    site.run()
    assert set(angles(site).values()) == {float(TRUE)}
    with pytest.raises(UsageError, match="no cube"):
        propose_values(seen, {"RET-ANG1": TRUE}, ["RET-ANG1=99"], "a person")


def test_the_command_shows_the_report_and_writes_only_without_dry_run(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    night, _ = make_night(site.root, kind=Kind.ENGINEERING)
    open_store(load_settings(site.config).database.url, Access.MIGRATE).close()
    with connected(site) as connections:
        connections.store.discover(night, 1.0)
        (cube, *_) = read_cubes(night, connections.reader)
        old = cube.cards.string("OBJECT") or ""
    words = (
        "correct",
        night.date,
        "--set",
        "OBJECT=HD 2",
        "--where",
        f"OBJECT={old}",
        "--why",
        "x",
    )
    path = site.folder(night) / CORRECTIONS
    dry = vampctl(site, *words, "--dry-run")
    assert (dry.returncode, path.exists()) == (0, False), dry.stderr
    assert cube.path in dry.stdout
    assert "HD 2" in dry.stdout
    done = vampctl(site, *words)
    assert done.returncode == 0, done.stderr
    written = path.read_bytes()
    assert b"HD 2" in written
    # Again, it is nothing new; and another value for the same cards does not fit.
    assert vampctl(site, *words).returncode == 0
    other = [word.replace("HD 2", "HD 3") for word in words]
    refused = vampctl(site, *other)
    assert refused.returncode == 1
    assert "another line corrects" in refused.stderr
    # A fault of what was typed is none of the file's: there is nothing to mend or to try again.
    for changed in ("EXPTIME=2", "RET-ANG1=north", "OBJECT=\u00c4"):
        typed = vampctl(site, *words[:3], changed, *words[4:])
        assert typed.returncode == 1
        assert "Nothing was changed" in typed.stderr
        assert "mend" not in typed.stderr
        assert "retry" not in typed.stderr
    # A file that is no log of the unit leaves no doubt about cubes: it is named, beside a good one.
    good, wrong = tmp_path / "wpu.log", tmp_path / "wrong.log"
    good.write_text(line(0, 67.5))
    wrong.write_bytes(b"20251106 05:00:00 another unit\n\0\xff\n")
    named = vampctl(site, "correct", night.date, "--from-wpu", str(good), str(wrong), "--dry-run")
    assert (named.returncode, "wrong.log has no line" in named.stderr) == (2, True), named.stderr
    assert path.read_bytes() == written
    path.chmod(0o664)
    assert vampctl(site, *words).returncode == 1
    assert vampctl(site, "correct", night.date, "--accept").returncode == 0
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (written, 0o644)


def test_half_of_what_is_being_written_decides_nothing(
    site: CorrectedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(site, cubes(site, 1)[1])
    path = site.folder / CORRECTIONS

    def read_and_write(*arguments: Any) -> bytes:
        content = read_to_end(*arguments)
        with path.open("a") as file:
            file.write("more")
        return content

    with monkeypatch.context() as patch:
        patch.setattr("vampd.engine.nights.corrections_file.read_to_end", read_and_write)
        with pytest.raises(TransientError, match="it is read again"):
            site.run()
    assert not list(site.folder.glob("vgen2/*"))
    path.write_text(path.read_text().removesuffix("more"))
    site.run()
    assert float(TRUE) in angles(site).values()
