"""Whatever a person does to a night that has not settled, the one rule of readiness judges it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import (
    add_late_cubes,
    make_smallest,
    make_without_timing,
)
from tests.support.daemon.running import running, settle, vampctl, wait_until
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site, configure, make_site
from tests.support.daemon.state import connected, history_of, product_tree, record_of, tell
from tests.support.examples import others_in_soak
from vampd.model.nights import EventName, Kind, NightId, StageName, Status

NIGHT = NightId("20251106", Kind.ARCHIVE)
LET_GO = [
    (("hold",), ("release",)),
    (("restore", "--yes"), ("retry",)),
    (("hold",), ("retry",)),
    (("hold",), ("retry", "--from", "sync")),
    (("restore", "--yes"), ("release",)),
]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path / "site")


@pytest.fixture
def incomplete(site: Site) -> Path:
    """The place of a timing file that is missing; the night is known, and fills."""
    configure(site, watch={"stale_after_s": 3600})
    timing, _ = make_without_timing(site.root, site.base)
    assert vampctl(site, "run", "20251106").returncode == 1
    return timing


def stands(site: Site, night: NightId = NIGHT) -> tuple[StageName, Status]:
    state = record_of(site, night).state
    return state.stage, state.status


def ask(site: Site, words: tuple[str, ...], night: NightId = NIGHT) -> None:
    verb, *options = words
    done = vampctl(site, verb, night.date, *options)
    assert done.returncode == 0, done.stderr


def assert_waits_under_a_daemon(site: Site) -> None:
    # It waits for what is missing, so --until-idle would too.
    with running(site) as daemon:
        wait_until(
            lambda: record_of(site, NIGHT).note_code == "incomplete_cubes", "the night is judged"
        )
        time.sleep(1)
        assert stands(site) == (StageName.SYNC, Status.FILLING)
        assert daemon.stop() == 0


def assert_untouched(site: Site, night: NightId = NIGHT) -> None:
    assert not (site.folder(night) / "vgen2").exists()
    assert not any(e.event is EventName.CLAIMED for e in history_of(site, night))
    with connected(site) as connections:
        assert connections.ledger.listing().ids == ()


@pytest.mark.parametrize(("stop", "go"), others_in_soak(LET_GO))
def test_what_is_let_go_while_it_is_incomplete_still_waits_for_what_is_missing(
    site: Site, incomplete: Path, stop: tuple[str, ...], go: tuple[str, ...]
) -> None:
    ask(site, stop)
    ask(site, go)
    assert stands(site) == (StageName.SYNC, Status.FILLING)
    passed = vampctl(site, "process-all", "archive")
    assert (passed.returncode, "skipped: waits for 1 incomplete cube" in passed.stdout) == (0, True)
    assert_waits_under_a_daemon(site)
    assert_untouched(site)


def test_a_held_night_is_not_run_either_while_it_is_incomplete(
    site: Site, incomplete: Path
) -> None:
    ask(site, ("hold",))
    for options in ((), ("--only", "sync")):
        refused = vampctl(site, "run", "20251106", *options)
        assert (refused.returncode, incomplete.stem in refused.stderr) == (1, True)
    assert stands(site) == (StageName.SYNC, Status.HELD)
    assert_untouched(site)
    assert vampctl(site, "run", "20251106", "--only", "sync", "--as-it-is").returncode == 0
    assert stands(site) == (StageName.HEADERS, Status.HELD)


def test_a_night_that_is_let_go_waits_for_its_hour(site: Site) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y%m%d}"
    night, _ = make_smallest(site.root, tomorrow)
    settle(site)
    ask(site, ("hold",), night)
    ask(site, ("release",), night)
    settle(site)
    assert stands(site, night) == (StageName.SYNC, Status.FILLING)
    assert record_of(site, night).note_code == "before_hour"
    assert_untouched(site, night)


def test_a_night_that_is_let_go_while_it_is_written_waits_for_silence(site: Site) -> None:
    configure(site, watch={"quiet_after_s": 3600, "stale_after_s": 3600})
    make_smallest(site.root)
    vampctl(site, "process-all", "archive")
    ask(site, ("hold",))
    ask(site, ("retry",))
    passed = vampctl(site, "process-all", "archive")
    assert "skipped: waits until writing to it has ended" in passed.stdout
    assert_untouched(site)


def test_new_cubes_at_sync_are_judged_before_an_attempt_sees_them(site: Site) -> None:
    configure(site, watch={"stale_after_s": 3600})
    make_smallest(site.root)
    for path in site.folder(NIGHT).glob("*/*.fits"):
        if not path.with_suffix(".txt").exists():
            path.unlink()
    assert vampctl(site, "run", "20251106", "--only", "sync").returncode == 0
    ask(site, ("retry", "--from", "sync"))
    for event in (EventName.CLAIMED, EventName.FAILED):
        tell(site, NIGHT, event)
    assert stands(site) == (StageName.SYNC, Status.WAITING)
    add_late_cubes(site.root)
    late = max(site.folder(NIGHT).glob("vcam1/*.txt"))
    kept = late.rename(site.base / late.name)
    for command in ("plan", "why"):
        shown = json.loads(vampctl(site, command, "20251106", "--json").stdout)
        assert shown["waits_for"]["code"] in ("incomplete_cubes", "still_written")
    time.sleep(0.5)
    passed = vampctl(site, "process-all", "archive")
    assert (passed.returncode, "skipped: waits for 1 incomplete" in passed.stdout) == (0, True)
    refused = vampctl(site, "run", "20251106")
    assert (refused.returncode, late.stem in refused.stderr) == (1, True)
    assert stands(site) == (StageName.SYNC, Status.FILLING)
    assert_waits_under_a_daemon(site)
    kept.rename(late)
    settle_here(site)
    assert stands(site) == (StageName.MANIFEST, Status.DONE)
    with connected(site) as connections:
        assert not any(g.set_aside for g in connections.reader.generations(NIGHT))


def touched_by_old_tools(site: Site) -> None:
    """A night with traces in its folder, and a row in their log."""
    make_smallest(site.root)
    (site.folder(NIGHT) / "vsync").mkdir()
    path = f"/mnt/fuuu/ARCHIVED_DATA/{NIGHT.date}"
    (site.root / "ARCHIVED_DATA" / "ARCHIVE_LOG.csv").write_text(f"{path},2025-11-06,True\n")


@pytest.mark.soak
def test_a_night_of_the_old_tools_is_left_alone_until_it_is_restored(site: Site) -> None:
    touched_by_old_tools(site)
    settle_here(site)
    before = product_tree(site.folder(NIGHT))
    for go in ("retry", "release", "hold"):
        assert vampctl(site, go, "20251106").returncode != 0
    refused = vampctl(site, "run", "20251106")
    assert (refused.returncode, "legacy" in refused.stderr) == (1, True)
    assert "old tools" in vampctl(site, "why", "20251106").stdout
    vampctl(site, "process-all", "archive")
    settle_here(site)
    assert stands(site) == (StageName.SYNC, Status.LEGACY)
    assert product_tree(site.folder(NIGHT)) == before
    # Their log still has its row: restoring is a person's word that this does not count.
    ask(site, ("restore", "--yes"))
    ask(site, ("retry",))
    settle_here(site)
    assert stands(site) == (StageName.MANIFEST, Status.DONE)
    add_late_cubes(site.root)
    settle_here(site)
    assert stands(site) == (StageName.MANIFEST, Status.DONE)
    assert record_of(site, NIGHT).manifests == 2


def test_a_first_scan_says_of_no_night_that_it_is_written_to(site: Site) -> None:
    quiet, _ = make_smallest(site.root, "20251105", Kind.ENGINEERING)
    make_smallest(site.root)
    configure(site, watch={"quiet_after_s": 3600, "stale_after_s": 3600})
    vampctl(site, "process-all", "archive")
    assert record_of(site, quiet).note_code is None
    assert not record_of(site, NIGHT).note
    configure(site)
    assert vampctl(site, "run", "20251106").returncode == 0
    assert "safe, not mailed" in vampctl(site, "status", "20251106").stdout
    assert not record_of(site, NIGHT).note
