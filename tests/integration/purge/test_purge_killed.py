"""A purge that is killed anywhere has lost nothing, and the same command ends it."""

import signal
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import pytest

from tests.support.worlds.daemon import (
    Site,
    audit,
    copy_site,
    product_tree,
    record_of,
    settle,
    vampctl,
)
from tests.support.worlds.purge_site import (
    DATE,
    NIGHT,
    assert_kept,
    make_announced,
    purge,
    raw_bytes,
    raw_files,
)
from tests.support.worlds.safe_night import SafeNight, tree_there
from vampd.model.nights import Status

FAILPOINTS = (
    "purge.cube.recorded",
    "purge.file.removed",
    "purge.night.begun",
    "purge.night.extended",
    "purge.records.recorded",
    "purge.records.written",
)


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
def purged(tmp_path_factory: pytest.TempPathFactory) -> Purged:
    base = tmp_path_factory.mktemp("site")
    before = make_announced(base / "before").site
    night = SafeNight.of(copy_site(before, base / "reference"), NIGHT)
    log = base / "failpoints"
    done = purge(night, VAMPD_FAILPOINT_LOG=str(log))
    assert done.returncode == 0, done.stdout + done.stderr
    trees = product_tree(night.folder), tree_there(night.site, NIGHT)
    return Purged(before, *trees, log.read_text().split())


def kill_and_resume(purged: Purged, base: Path, deadly: str) -> None:
    night = SafeNight.of(copy_site(purged.before, base), NIGHT)
    raw = raw_bytes(night)
    died = purge(night, VAMPD_FAILPOINT=deadly)
    assert died.returncode == -signal.SIGKILL, (deadly, died.stdout)
    gone = {path: raw[path] for path in raw.keys() - raw_bytes(night).keys()}
    assert_kept(night, gone)
    assert raw_bytes(night).items() <= raw.items()
    settle(night.site)
    record = record_of(night.site, NIGHT)
    assert (record.state.status, record.code) == (Status.DONE, None), record.error
    assert record.safe_at is not None
    assert audit(night.site, NIGHT)["balanced"]
    assert vampctl(night.site, "verify", DATE).returncode == 0
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


@pytest.mark.soak
def test_a_purge_that_is_killed_anywhere_has_lost_nothing_and_resumes(
    purged: Purged, tmp_path: Path
) -> None:
    for number, hit in enumerate(purged.hits):
        kill_and_resume(purged, tmp_path / str(number), hit)
