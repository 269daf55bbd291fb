"""Corrections are laid over raw before it is cut: all or none, and raw itself stays as it is."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from astropy.io import fits

from tests.integration.daemon.test_quiet import tree_state
from tests.support.builders.nights import make_night
from tests.support.builders.raw_cubes import FIRST_ACQUISITION_US, raw_timing, write_raw_cube
from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import run_until_idle, vampctl
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import make_site
from tests.support.daemon.state import audit, ledger_rows, raw_state, record_of
from tests.support.worlds.sites.sync_site import NIGHT, SyncSite
from vampd.cli.look.frame_summary import used_cubes
from vampd.errors import DataError, UsageError
from vampd.fits.headers import read_cards
from vampd.model.cubes import Framelist
from vampd.model.frame_ids import BoundId, FrameId
from vampd.model.headers import CORRECTIONS, Correction, format_corrections
from vampd.model.nights import CAMERA_STREAMS, Kind, Status
from vampd.stages.records.corrections import refuse_changed_corrections

FRAMES, STEP_US = 8, 2_000
STALE, TRUE = "22.5", "67.5"


class CorrectedSite(SyncSite):
    """A night of two cubes of each camera in a row, all with the angle of the first.

    ``with_ids`` are the identities of products that have frame IDs, ``mailed_at`` is when it was.
    """

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.with_ids: list[str] = []
        for camera, stream in enumerate(CAMERA_STREAMS):
            for cube in range(2):
                first_us = FIRST_ACQUISITION_US + cube * FRAMES * STEP_US + camera * 140
                write_raw_cube(
                    self.folder,
                    stream,
                    FRAMES,
                    timing=raw_timing(FRAMES, first_us, STEP_US),
                    changes={"U_FLCEN": False, "RET-ANG1": float(STALE)},
                )
        self.mailed_at: float | None = None
        mail_log = SimpleNamespace(correspondence=lambda _: SimpleNamespace(mailings=self._mails()))
        self.reader._ledger = cast("Any", SimpleNamespace(bound=self._bound))
        self.reader._mail_log = cast("Any", mail_log)

    def _mails(self) -> list[SimpleNamespace]:
        return [] if self.mailed_at is None else [SimpleNamespace(at=self.mailed_at)]

    def _bound(self, _: object) -> dict[str, BoundId]:
        numbered = enumerate(self.with_ids, start=1)
        return {each: BoundId(each, FrameId(n), applied=True) for n, each in numbered}


@pytest.fixture
def site(tmp_path: Path) -> CorrectedSite:
    return CorrectedSite(tmp_path)


def cubes(site: CorrectedSite, stream: int) -> list[str]:
    paths = sorted((site.folder / f"vcam{stream}").glob("*.fits"))
    return [path.relative_to(site.folder).as_posix() for path in paths]


def correct(site: CorrectedSite, files: str, **changes: str) -> None:
    row = {"keyword": "RET-ANG1", "old": STALE, "new": TRUE, "reason": "the log of the plate"}
    text = format_corrections([Correction(files, **(row | changes))])
    (site.folder / CORRECTIONS).write_text(text)
    (site.folder / CORRECTIONS).chmod(0o644)


def angles(site: CorrectedSite) -> dict[str, float | None]:
    """The angle of each product, by the raw cubes that it comes from."""
    return {
        " ".join(source.path for source in each.sources): each.cards.number("RET-ANG1")
        for each in site.framelists()
    }


def history(framelist: Framelist) -> str:
    return "".join(t[8:].ljust(72) for t in framelist.cards.texts if t.startswith("HISTORY"))


@pytest.mark.parametrize("named_by", ["path", "time"])
def test_a_correction_cuts_and_is_told_in_both_cameras_and_raw_stays(
    site: CorrectedSite, named_by: str
) -> None:
    second = cubes(site, 1)[1]
    correct(site, second if named_by == "path" else "2025-11-06T10:20:00.524..2025-11-06T10:20:01")
    before = tree_state(site.folder)
    site.run()
    assert angles(site) == {
        cubes(site, camera)[n]: float(angle)
        for camera in (1, 2)
        for n, angle in enumerate((STALE, TRUE))
    }
    for framelist in site.framelists():
        told = "corrected: RET-ANG1 was 22.5, is 67.5: the log of the plate" in history(framelist)
        assert told is (framelist.cards.number("RET-ANG1") == float(TRUE))
    raw = {path: state for path, state in tree_state(site.folder).items() if "vcam" in path}
    assert raw == {path: state for path, state in before.items() if "vcam" in path}
    (generation,) = site.reader.generations(NIGHT)
    assert generation.corrections == site.reader.corrections(NIGHT).sha256 != ""
    refuse_changed_corrections(NIGHT, site.reader)


REFUSED = {
    "another old value": ({"old": "45.0"}, "says 22.5"),
    "part of a cube": ({"files": "2025-11-06T10:20:00..2025-11-06T10:20:00.520"}, "only part"),
    "no cube": ({"files": "vcam1/other.fits"}, "no cube is meant"),
    "a time without cubes": ({"files": "2025-11-06T11:00:00..2025-11-06T12:00:00"}, "no cube"),
    "a card that is measured": ({"keyword": "EXPTIME"}, "may not be corrected"),
    "no number": ({"new": "north"}, "is a number"),
    "no reason": ({"reason": " "}, "no reason"),
    "no ASCII": ({"keyword": "OBJECT", "old": "x", "new": "\u00e9"}, "printable ASCII"),
    "a time zone": ({"files": "2025-11-06T10:20:00+01:00..2025-11-06T10:30:00"}, "UT"),
}


# The others are left to the soak.
OFTEN = ("another old value", "part of a cube", "no reason")


@pytest.mark.parametrize(
    "refused",
    [pytest.param(name, marks=() if name in OFTEN else pytest.mark.soak) for name in REFUSED],
)
def test_what_does_not_fit_is_refused_and_nothing_is_decided(
    site: CorrectedSite, refused: str
) -> None:
    changes, words = REFUSED[refused]
    correct(site, **({"files": cubes(site, 1)[1]} | changes))
    with pytest.raises(DataError, match=words) as error:
        site.run()
    assert error.value.code in ("correction_disagrees", "corrections_malformed")
    assert not list(site.folder.glob("vgen2/*"))


def test_other_corrections_replace_the_generation_whole_as_long_as_nothing_is_packed(
    site: CorrectedSite,
) -> None:
    site.run()
    assert set(angles(site).values()) == {float(STALE)}
    first = (site.folder / "vgen2/generation_0001.json").read_bytes()
    correct(site, cubes(site, 1)[1])
    with pytest.raises(DataError, match="--from sync") as held:
        refuse_changed_corrections(NIGHT, site.reader)
    assert held.value.code == "corrections_changed"
    site.run()
    (counting,) = site.reader.generations(NIGHT)
    assert (counting.number, counting.replaces) == (2, (1,))
    assert (site.folder / "vgen2/generation_0001.json").read_bytes() == first
    assert sorted(angles(site).values()) == [22.5, 22.5, 67.5, 67.5]  # type: ignore[type-var]
    assert site.audit().balanced
    # And back: the first decision again, in a third generation.
    (site.folder / CORRECTIONS).unlink()
    site.run()
    (counting,) = site.reader.generations(NIGHT)
    assert (counting.number, counting.replaces, counting.corrections) == (3, (2,), "")
    assert set(angles(site).values()) == {float(STALE)}


def test_killed_while_it_decides_again_it_comes_to_the_same(site: CorrectedSite) -> None:
    site.run()
    correct(site, cubes(site, 1)[1])
    # What was begun goes first, file by file; from each point on, the rest is found again.
    waves = site.plan().waves
    assert waves
    for action in waves[0]:
        site.execute((action,))
        assert [generation.number for generation in site.reader.generations(NIGHT)] == [1]
    site.run()
    (counting,) = site.reader.generations(NIGHT)
    assert (counting.number, counting.replaces) == (2, (1,))
    assert set(angles(site).values()) == {float(STALE), float(TRUE)}
    assert site.audit().balanced


def test_reserved_ids_stay_with_a_cut_that_stays_and_no_other_cut_is_made(
    site: CorrectedSite,
) -> None:
    site.run()
    identities = [framelist.identity for framelist in site.framelists()]
    site.with_ids = identities
    correct(site, cubes(site, 1)[1])
    with pytest.raises(DataError, match="would cut otherwise"):
        site.run()
    assert [framelist.identity for framelist in site.framelists()] == identities
    span = "2025-11-06T10:00:00..2025-11-06T10:30:00"
    correct(site, span, keyword="OBJECT", old="HD 1 o'clock", new="HD 2")
    site.run()
    assert [framelist.identity for framelist in site.framelists()] == identities
    assert {framelist.cards.string("OBJECT") for framelist in site.framelists()} == {"HD 2"}


def test_no_account_of_a_cube_that_is_gone_is_dropped(site: CorrectedSite) -> None:
    site.run()
    correct(site, cubes(site, 1)[1])
    gone = cubes(site, 2)[0]
    (site.folder / gone).unlink()
    before = tree_state(site.folder / "vgen2")
    with pytest.raises(DataError, match=f"{gone} is gone"):
        site.run()
    assert tree_state(site.folder / "vgen2") == before


def test_what_was_mailed_is_decided_again_with_its_own_corrections_and_no_later_ones(
    site: CorrectedSite,
) -> None:
    correct(site, cubes(site, 1)[1])
    written_at = (site.folder / CORRECTIONS).stat().st_mtime
    site.mailed_at = written_at - 1
    with pytest.raises(DataError, match="announced by mail") as refused:
        site.run()
    assert refused.value.code == "corrections_changed"
    # Copied back, it has only a new time, and the command that is named gives it one of before.
    (shown,) = re.findall(r"`(touch [^`]*)`", refused.value.message)
    subprocess.run(shlex.split(shown), cwd=site.folder, check=True)
    site.run()
    assert float(TRUE) in angles(site).values()


@pytest.mark.parametrize("how", ["group", "another name", "a pipe", "a folder"])
def test_what_others_may_write_is_a_proposal(site: CorrectedSite, how: str) -> None:
    correct(site, cubes(site, 1)[1])
    path = site.folder / CORRECTIONS
    if how == "group":
        path.chmod(0o664)
    elif how == "a pipe":
        path.unlink()
        os.mkfifo(path)
    elif how == "a folder":
        path.unlink()
        path.mkdir()
    else:
        (site.folder / "other").hardlink_to(path)
    assert site.reader.corrections(NIGHT).proposed_by
    plan = site.plan()
    assert [r.code for r in plan.remarks if r.subject == CORRECTIONS] == ["correction_proposed"]
    site.run()
    assert set(angles(site).values()) == {float(STALE)}


def test_packed_without_corrections_it_goes_on_when_the_file_is_moved_away(
    site: CorrectedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run()
    monkeypatch.setattr("vampd.stages.records.corrections._is_packed", lambda *_: True)
    correct(site, cubes(site, 1)[1])
    with pytest.raises(DataError, match="move the file away, as sync decided with none"):
        refuse_changed_corrections(NIGHT, site.reader)
    (site.folder / CORRECTIONS).unlink()
    refuse_changed_corrections(NIGHT, site.reader)


@pytest.mark.soak
def test_a_packed_night_is_restored_corrected_and_packed_again(tmp_path: Path) -> None:
    whole = make_site(tmp_path)
    night, _ = make_smallest(whole.root)
    folder = whole.folder(night)
    raw = raw_state(folder)
    settle_here(whole)
    ids = ledger_rows(whole)
    before = objects(folder)
    cube = min((folder / "vcam1").glob("*.fits"))
    words = ("correct", night.date, "--set", "OBJECT=HD 2", "--where", f"vcam1/{cube.name}")
    late = vampctl(whole, *words, "--why", "a typo")
    assert (late.returncode != 0, "restore" in late.stderr) == (True, True)
    assert vampctl(whole, "restore", night.date, "--yes").returncode == 0
    done = vampctl(whole, *words, "--why", "a typo")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("release", "retry"):
        vampctl(whole, command, night.date)
    run_until_idle(whole)
    assert "A manifest never changes: move this one" in (record_of(whole, night).error or "")
    for announced in folder.glob("manifest_*"):
        announced.rename(tmp_path / announced.name)
    vampctl(whole, "retry", night.date)
    settle_here(whole)
    record = record_of(whole, night)
    assert (record.state.status, record.safe_at is not None) == (Status.DONE, True), record.error
    assert raw_state(folder) == raw
    after = objects(folder)
    assert "HD 2" not in before.values()
    assert "HD 2" in after.values()
    # What was cut as before keeps its IDs, and none is used twice.
    assert ids
    assert {row.number for row in ledger_rows(whole)} >= {row.number for row in ids}
    assert len({path.partition(".")[0] for path in after}) == len(after)
    assert audit(whole, night)["balanced"]
    assert vampctl(whole, "verify", night.date).returncode == 0
    assert (whole.copy(night) / CORRECTIONS).read_bytes() == (folder / CORRECTIONS).read_bytes()


def objects(folder: Path) -> dict[str, str]:
    """The target of each product."""
    packed = (folder / "vgen2").glob("*.fits.fz")
    return {path.name: str(fits.getheader(path, 1)["OBJECT"]) for path in packed}


@pytest.mark.soak
def test_corrections_travel_with_the_night_and_are_its_own_from_then_on(tmp_path: Path) -> None:
    whole = make_site(tmp_path)
    night, _ = make_night(whole.root, kind=Kind.ENGINEERING)
    folder = whole.folder(night)
    raw = min((folder / "vcam1").glob("*.fits"))
    cards, _ = read_cards(raw)
    row = Correction(f"vcam1/{raw.name}", "OBJECT", cards.string("OBJECT") or "", "HD 2", "a typo")
    (folder / CORRECTIONS).write_text(format_corrections([row]))
    settle_here(whole)
    assert record_of(whole, night).safe_at is not None
    copy = whole.copy(night) / CORRECTIONS
    assert copy.read_bytes() == (folder / CORRECTIONS).read_bytes()
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    assert f"{digest}  {CORRECTIONS}" in (whole.copy(night) / "SHA256SUMS").read_text()
    assert vampctl(whole, "verify", night.date).returncode == 0
    (folder / CORRECTIONS).unlink()
    assert vampctl(whole, "retry", night.date, "--from", "transfer").returncode == 0
    run_until_idle(whole)
    held = record_of(whole, night)
    assert (held.state.status, held.code) == (Status.HELD, "corrections_changed")
    assert "restore" in (held.error or "")
    assert copy.exists()
    # Put back as it was, the night goes on.
    shutil.copyfile(copy, folder / CORRECTIONS)
    assert vampctl(whole, "retry", night.date).returncode == 0
    settle_here(whole)
    assert record_of(whole, night).state.status is Status.DONE


def test_corrections_behind_a_link_are_not_read(site: CorrectedSite, tmp_path: Path) -> None:
    correct(site, cubes(site, 1)[1])
    (site.folder / CORRECTIONS).rename(tmp_path / "elsewhere.tsv")
    (site.folder / CORRECTIONS).symlink_to(tmp_path / "elsewhere.tsv")
    with pytest.raises(DataError) as held:
        site.run()
    assert held.value.code == "link_found"
    assert not list(site.folder.glob("vgen2/*"))


def test_what_others_keep_to_themselves_is_not_waited_for(
    site: CorrectedSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(site, cubes(site, 1)[1])

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("vampd.engine.nights.corrections_file.open_foreign", refuse)
    with pytest.raises(PermissionError):
        site.reader.corrections(NIGHT)
    monkeypatch.setattr("os.geteuid", lambda: 12_345)
    assert site.reader.corrections(NIGHT).proposed_by


def test_a_frame_is_explained_by_the_cards_that_sync_went_by(site: CorrectedSite) -> None:
    second = cubes(site, 1)[1]
    correct(site, second)
    site.run()
    explained = used_cubes(site.reader, NIGHT, cubes(site, 2)[1])
    assert {cube.path: cube.cards.number("RET-ANG1") for cube in explained} == angles(site)
    # With another file, what sync went by is not known.
    correct(site, second, new="11.25")
    with pytest.raises(UsageError, match="not what sync decided with"):
        used_cubes(site.reader, NIGHT, second)
