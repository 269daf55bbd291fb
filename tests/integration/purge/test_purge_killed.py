"""A purge that is killed anywhere has lost nothing, and the same command ends it."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, copy_site
from tests.support.daemon.state import product_tree, record_of
from tests.support.examples import others_in_soak
from tests.support.worlds.archive.purge_site import (
    NIGHT,
    assert_kept,
    purge,
    purged_paths,
    raw_bytes,
    raw_files,
)
from tests.support.worlds.archive.safe_night import SafeNight, tree_there
from tests.support.worlds.proof.in_process import InProcess
from vampd.errors import StateError
from vampd.model.nights import Status

# Two in CI: the records are sent, raw goes. The soak takes every hit of every one.
FAILPOINTS = ("purge.cube.recorded", "purge.night.extended")


@dataclass(frozen=True)
class Purged:
    """An undisturbed purge: the site before, both trees after, and all hits of failpoints."""

    before: Site
    here: dict[str, str]
    there: dict[str, str]
    hits: list[str]

    def hits_of(self, name: str) -> list[str]:
        return [hit for hit in self.hits if hit.partition("#")[0] == name]


@pytest.fixture(scope="module")
def purged(announced: Site, tmp_path_factory: pytest.TempPathFactory) -> Purged:
    base = tmp_path_factory.mktemp("site")
    night = SafeNight.of(copy_site(announced, base / "reference"), NIGHT)
    log = base / "failpoints"
    done = purge(night, VAMPD_FAILPOINT_LOG=str(log))
    assert done.returncode == 0, done.stdout + done.stderr
    trees = product_tree(night.folder), tree_there(night.site, NIGHT)
    return Purged(announced, *trees, log.read_text().split())


def kill_and_resume(purged: Purged, base: Path, deadly: str) -> None:
    night = SafeNight.of(copy_site(purged.before, base), NIGHT)
    raw = raw_bytes(night)
    died = purge(night, VAMPD_FAILPOINT=deadly)
    assert died.returncode == -signal.SIGKILL, (deadly, died.stdout)
    gone = {path: raw[path] for path in raw.keys() - raw_bytes(night).keys()}
    assert gone.keys() <= purged_paths(night)
    assert_kept(night, gone)
    assert raw_bytes(night).items() <= raw.items()
    settle_here(night.site)
    record = record_of(night.site, NIGHT)
    assert (record.state.status, record.code) == (Status.DONE, None), record.error
    assert record.safe_at is not None
    resumed = purge(night)
    assert resumed.returncode == 0, (deadly, resumed.stdout + resumed.stderr)
    assert raw_files(night) == []
    assert_kept(night, raw)
    assert (product_tree(night.folder), tree_there(night.site, NIGHT)) == (
        purged.here,
        purged.there,
    )
    assert record_of(night.site, NIGHT).purged_cubes == 4


@pytest.mark.parametrize("name", FAILPOINTS)
def test_a_purge_that_is_killed_has_lost_nothing_and_resumes(
    purged: Purged, tmp_path: Path, name: str
) -> None:
    hits = purged.hits_of(name)
    # One hit of each in CI: the first, or the last.
    kill_and_resume(purged, tmp_path / "own", hits[-(crc32(name.encode()) % 2)])


def refuse(*_: object) -> bool:
    raise StateError("night_running", "taken")


@pytest.mark.parametrize(
    "deadly", others_in_soak(["archive.proofs.ended", "purge.night.extended"], few=1)
)
def test_the_same_command_resumes_a_purge_that_was_killed_while_vampd_is_stopped(
    purged: Purged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deadly: str
) -> None:
    night = SafeNight.of(copy_site(purged.before, tmp_path / "own"), NIGHT)
    assert purge(night, VAMPD_FAILPOINT=deadly).returncode == -signal.SIGKILL
    # What keeps one night from it is said of that night, and keeps no other.
    with monkeypatch.context() as patch:
        patch.setattr("vampd.cli.act.purge.continue_night", refuse)
        date = NIGHT.date
        kept = InProcess(night.site).command("purge", date, date, "--yes", "--same-disk", date)
    assert (kept.status, kept.text.count(f"{date} archive: taken")) == (1, 2), kept.text
    shown = purge(night, "--dry-run")
    assert (shown.returncode, "not_safe" in shown.stdout) == (1, True)
    resumed = purge(night)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert raw_files(night) == []
    assert (product_tree(night.folder), tree_there(night.site, NIGHT)) == (
        purged.here,
        purged.there,
    )


def test_a_cube_goes_before_its_timing_file(night: SafeNight) -> None:
    raw = set(raw_files(night))
    assert purge(night, VAMPD_FAILPOINT="purge.file.removed").returncode == -signal.SIGKILL
    assert {path.suffix for path in raw - set(raw_files(night))} == {".fits"}


@pytest.mark.parametrize("suffix", [".fits", ".txt"])
def test_what_is_not_what_the_raw_records_hold_stays(night: SafeNight, suffix: str) -> None:
    assert purge(night, VAMPD_FAILPOINT="purge.night.begun").returncode == -signal.SIGKILL
    raw = raw_files(night)
    changed = next(path for path in raw if path.suffix == suffix)
    status, content = changed.stat(), changed.read_bytes()
    # A card's comment, or a digit: nothing that a listing could show.
    changed.write_bytes(content[:700] + bytes([content[700] ^ 1]) + content[701:])
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    done = purge(night)
    assert (done.returncode, changed.name in done.stderr) == (1, True), done.stderr
    assert raw_files(night) == raw


@pytest.mark.soak
def test_a_purge_that_is_killed_anywhere_has_lost_nothing_and_resumes(
    purged: Purged, tmp_path: Path
) -> None:
    for number, hit in enumerate(purged.hits):
        kill_and_resume(purged, tmp_path / str(number), hit)
