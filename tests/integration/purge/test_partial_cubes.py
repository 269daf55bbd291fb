"""A raw cube with a frame in no product travels whole before it goes, killed or not."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import add_late_cubes, make_smallest
from tests.support.daemon.running import vampctl
from tests.support.daemon.site import Site, configure, copy_site, make_site
from tests.support.daemon.state import product_tree, record_of
from tests.support.tools.memory import in_memory
from tests.support.worlds.archive.purge_site import DATE, NIGHT, assert_kept, raw_bytes, raw_files
from tests.support.worlds.archive.safe_night import SafeNight
from tests.support.worlds.proof.beginning import TABLES, dropping_a_frame
from tests.support.worlds.proof.in_process import Answer, InProcess
from vampd.model.nights import Status

pytestmark = pytest.mark.early


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A safe, acknowledged night; one frame of one cube is in no product."""
    with in_memory(tmp_path_factory.mktemp("partial")) as folder:
        site = make_site(folder / "made", **TABLES)
        make_smallest(site.root)
        own = InProcess(site)
        with dropping_a_frame():
            own.advance()
        assert own.command("mail", DATE, "--mark-sent").status == 0
        assert own.command("acknowledge", DATE).status == 0
        yield site


@pytest.fixture
def night(made: Site, tmp_path: Path) -> SafeNight:
    site = copy_site(made, tmp_path / "own")
    configure(site, **TABLES)
    return SafeNight.of(site, NIGHT)


def purge(night: SafeNight, *options: str) -> Answer:
    return InProcess(night.site).command("purge", DATE, "--yes", "--same-disk", DATE, *options)


def assert_purged(night: SafeNight, raw: dict[str, bytes]) -> None:
    assert raw_files(night) == []
    cube = partial_path(raw)
    for path in (cube, cube.replace(".fits", ".txt")):
        assert (night.copy / "vbad" / path).read_bytes() == raw[path]
    assert_kept(night, raw)
    record = record_of(night.site, NIGHT)
    assert (record.state.status, record.purged_cubes) == (Status.DONE, 4)
    assert record.safe_at is not None


def partial_path(raw: dict[str, bytes]) -> str:
    return min(path for path in raw if path.startswith("vcam1/") and path.endswith(".fits"))


def test_it_is_sent_whole_first_and_must_be_there_from_then_on(night: SafeNight) -> None:
    raw, tree = raw_bytes(night), product_tree(night.folder)
    cube = partial_path(raw)
    bytes_whole = len(raw[cube]) + len(raw[cube.replace(".fits", ".txt")])
    shown = purge(night, "--dry-run").text
    assert "goes     4 raw cubes" in shown
    assert f"sends 1 raw cube whole, {bytes_whole / 1000:.0f} kB, under vbad: 1 frame" in shown
    assert (raw_bytes(night), product_tree(night.folder)) == (raw, tree)
    done = purge(night)
    assert done.status == 0, done.text
    assert_purged(night, raw)
    # From now on it is required there, whatever else comes.
    own = InProcess(night.site)
    add_late_cubes(night.site.root)
    own.advance()
    assert f"  vbad/{cube}\n" in (night.folder / "SHA256SUMS").read_text()
    assert record_of(night.site, NIGHT).safe_at is not None
    (night.copy / "vbad" / cube).unlink()
    assert own.command("verify", DATE).status == 1
    own.command("retry", DATE, "--from", "transfer")
    own.advance()
    record = record_of(night.site, NIGHT)
    assert (record.state.status, record.code, record.safe_at) == (Status.HELD, "raw_removed", None)
    # Given up, its other frames stay in their products.
    assert own.command("release", DATE).status == 0
    own.advance()
    assert record_of(night.site, NIGHT).safe_at is not None
    listed = (night.folder / "SHA256SUMS").read_text()
    assert f"  vbad/{cube}\n" not in listed
    assert f"  vbad/{cube.replace('.fits', '.txt')}\n" in listed
    assert json.loads(own.command("audit", DATE, "--json").text)["balanced"]


@pytest.mark.soak
def test_without_a_database_the_listing_still_requires_it(night: SafeNight) -> None:
    cube = partial_path(raw_bytes(night))
    assert purge(night).status == 0
    for path in night.site.database.parent.glob("vampd.db*"):
        path.unlink()
    own = InProcess(night.site)
    own.advance()
    assert own.command("archive", "accept", "archive", "--yes").status == 0
    own.advance()
    assert record_of(night.site, NIGHT).safe_at is not None
    assert f"  vbad/{cube}\n" in (night.folder / "SHA256SUMS").read_text()


def test_it_stays_where_it_cannot_be_sent(night: SafeNight) -> None:
    cube = partial_path(raw_bytes(night))
    place = night.folder / "vbad" / cube
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("something of a person's")
    shown = purge(night)
    assert f"stays    {cube}: 1 frame in no product, and vbad/{cube} here is another" in shown.text
    assert record_of(night.site, NIGHT).safe_at is not None
    assert (night.folder / cube).is_file()
    assert place.read_text() == "something of a person's"


def test_a_purge_that_is_killed_before_all_of_it_is_linked_is_resumed(night: SafeNight) -> None:
    raw = raw_bytes(night)
    words = ("purge", DATE, "--yes", "--same-disk", DATE)
    died = vampctl(night.site, *words, VAMPD_FAILPOINT="purge.file.linked")
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert raw_bytes(night) == raw
    InProcess(night.site).advance()
    assert record_of(night.site, NIGHT).safe_at is not None
    done = purge(night)
    assert done.status == 0, done.text
    assert_purged(night, raw)
