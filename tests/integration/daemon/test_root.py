"""Where the root is not mounted, or another disk is, nights wait and nothing is concluded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.builders.smallest_night import make_smallest
from tests.support.daemon.running import log_of, running, settle, vampctl, wait_until
from tests.support.daemon.settling import settle_here
from tests.support.daemon.site import Site
from tests.support.daemon.state import connected, record_of
from tests.support.worlds.sites.busy_site import assert_done, wait_for_event
from vampd.model.nights import Kind, NightId, Status

DONE = NightId("20251105", Kind.ENGINEERING)
NEW = NightId("20251106", Kind.ENGINEERING)


def unmount(site: Site) -> Path:
    away = site.base / "disk"
    site.root.rename(away)
    (site.root / "ARCHIVED_DATA").mkdir(parents=True)
    return away


def mount(site: Site, away: Path) -> None:
    shutil.rmtree(site.root)
    away.rename(site.root)


def test_nights_wait_while_the_root_is_not_mounted_and_go_on_by_themselves(site: Site) -> None:
    make_smallest(site.root, DONE.date, DONE.kind)
    settle_here(site)
    make_smallest(site.root, NEW.date, NEW.kind)
    with connected(site) as connections:
        connections.store.discover(NEW, 1.0)
    away = unmount(site)
    with running(site) as daemon:
        wait_for_event(site, "root.lost")
        wait_until(lambda: record_of(site, NEW).note_code == "root_unknown", "it is said")
        # Neither is a night without raw cubes, nor one that lost them.
        assert "lacks its mark" in str(record_of(site, NEW).note)
        assert record_of(site, DONE).state.status is Status.DONE
        assert not list(site.root.rglob("*.fits*"))
        shown = vampctl(site, "why", NEW.date)
        assert "lacks its mark" in " ".join(shown.stdout.split())
        assert "\n  vampctl root accept  " in shown.stdout
        for words in (["audit", DONE.date], ["restore", DONE.date, "--yes"], ["run", NEW.date]):
            refused = vampctl(site, *words)
            assert (refused.returncode, refused.stdout) == (1, "")
            assert "lacks its mark" in " ".join(refused.stderr.split())
        mount(site, away)
        wait_until(lambda: record_of(site, NEW).state.status is Status.DONE, "done")
        assert daemon.stop() == 0
    assert_done(site, NEW)
    (log,) = log_of(site).named("root.recognized")
    assert record_of(site, DONE).safe_at is not None
    assert log["level"] == "info"


@pytest.mark.soak
def test_a_person_may_take_another_disk_for_the_root(site: Site) -> None:
    make_smallest(site.root, DONE.date, DONE.kind)
    settle_here(site)
    unmount(site)
    make_smallest(site.root, NEW.date, NEW.kind)
    settle(site)  # idle: only a person can know
    with connected(site) as connections:
        assert connections.store.night(NEW) is None
    assert vampctl(site, "root", "accept").returncode == 2
    accepted = vampctl(site, "root", "accept", "--yes")
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert "NOT there  1 night: 20251105" in accepted.stdout
    settle(site)
    assert_done(site, NEW)
    again = vampctl(site, "root", "accept")
    assert (again.returncode, "already" in again.stdout) == (0, True)
